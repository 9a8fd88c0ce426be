#!/bin/bash
# stress.sh BINARY: what is too long for `make check`: 200 SIGKILLs of a training run, and the full-size network with random
# weights.
#   its schema, loading by mapping (peak memory), a 64-nt target, 1 and 2 threads, two runs.
set -eu
rnatune=$(realpath "$1")
RT_KILLS=${RT_KILLS:-200} "$(dirname "$0")/cli/run.sh" "$rnatune" train_killed
scratch=${STRESS_DIR:-$(mktemp -d)}
cd "$scratch"
[ -s base.safetensors ] || "$rnatune" init --config rnapro_base --out base.safetensors
"$rnatune" inspect base.safetensors --config rnapro_base | grep -P '^file\tparameters\t488301921'
printf 'target_id,sequence\nrna64,GGGAAACCCGGGUUCGCCCGGGAUACUCCCGGGAAACCCGGGUUCGCCCGGGAUACUCCCGAAA\n' >s.csv
common="--checkpoint base.safetensors --sequences s.csv --cycles ${CYCLES:-1} --steps ${STEPS:-4} --samples 2"
# shellcheck disable=SC2086
for run in "one 1" "two 2" "again 2"; do
    set -- $run
    "$rnatune" predict $common --threads "$2" --out "$1"
done
cmp one/rna64/rna64_sample_0.cif two/rna64/rna64_sample_0.cif
cmp two/rna64/rna64_sample_1.cif again/rna64/rna64_sample_1.cif
cmp one/submission.csv again/submission.csv
echo "3 passed, 0 failed"
[ -n "${STRESS_DIR:-}" ] || rm -rf "$scratch"
