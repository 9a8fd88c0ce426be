#!/bin/bash
# torch.sh BINARY BENCH: every stage beside PyTorch's time for the reference's, on the same machine, in turns.
#   BENCH: the folder with bench_torch.py; RNAPRO_REF: a checkout of the reference; RNAPRO_GOLDEN: a scratch folder with the
#   CCD cache that BENCH/make_ccd.py made; PYTHON: an interpreter with torch (BENCH/requirements.txt).
#   TOKENS="64 128", PRECISIONS="fp32 bf16", ROUNDS=2, REPS=3, THREADS=2.
# The training step of the confidence head runs in a process of its own, with a checkpoint of made-up weights mapped, so that
# its memory is that of training. BASE: such a file that is there already (rnatune init --config rnapro_base).
# Other programs slow both down, so the two take turns and the minimum over all rounds counts; run it on a quiet machine.
set -eu
binary=$(realpath "$1") bench=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
: "${RNAPRO_REF:?a checkout of the reference}" "${RNAPRO_GOLDEN:?a scratch folder with ccd_cache, see bench/make_ccd.py}"
out=${OUT:-$(mktemp -d)}
inference=ribonanza,input_embedder,template,msa,pairformer,denoiser_1,denoiser_5,confidence   # the step has its own memory
base=${BASE:-$out/base.safetensors}
[ -s "$base" ] || "$binary" init --config rnapro_base --out "$base" --quiet >/dev/null
for round in $(seq "${ROUNDS:-2}"); do
    for precision in ${PRECISIONS:-fp32 bf16}; do
        for n in ${TOKENS:-64 128}; do
            echo "round $round, $precision, $n tokens" >&2
            (cd "$bench" && OMP_NUM_THREADS=${THREADS:-2} "${PYTHON:-python3}" bench_torch.py --n-token "$n" --dtype "$precision" \
                --threads "${THREADS:-2}" --reps "${REPS:-3}") 2>"$out/torch.err" | grep '^{' >"$out/torch.$precision.$n.$round" ||
                { tail -5 "$out/torch.err" >&2; exit 1; }
            "$binary" bench --stages "$inference" --tokens "$n" --precision "$precision" --threads "${THREADS:-2}" --reps "${REPS:-3}" --json --quiet \
                >"$out/rnatune.$precision.$n.$round"
            "$binary" bench --checkpoint "$base" --stages confidence_step --tokens "$n" --precision "$precision" \
                --threads "${THREADS:-2}" --reps "${REPS:-3}" --json --quiet >"$out/step.$precision.$n.$round"
        done
    done
done
"${PYTHON:-python3}" "$here/torch_ratio.py" "$out"
