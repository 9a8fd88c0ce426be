#!/bin/bash
# torch_lora.sh BINARY BENCH: a LoRA training step (rank 8 on 504 layers, last recycle, 4 noised copies) beside PyTorch's time for
# the reference's modules, on the same machine, in turns; minima count.  Settings and needs: those of torch.sh.  Exit 3 when it
# takes more than half of PyTorch's time.
set -eu
binary=$(realpath "$1") bench=$(realpath "$2")
: "${RNAPRO_REF:?a checkout of the reference}" "${RNAPRO_GOLDEN:?a scratch folder with ccd_cache, see bench/make_ccd.py}"
out=${OUT:-$(mktemp -d)} python=${PYTHON:-python3}
for round in $(seq "${ROUNDS:-2}"); do
    for precision in ${PRECISIONS:-fp32 bf16}; do
        for n in ${TOKENS:-64}; do
            echo "round $round, $precision, $n tokens" >&2
            (cd "$bench" && OMP_NUM_THREADS=${THREADS:-2} "$python" bench_torch.py --n-token "$n" --dtype "$precision" --lora \
                --threads "${THREADS:-2}" --reps "${REPS:-3}") 2>"$out/torch.err" | grep '^{' >"$out/torch.$precision.$n.$round" ||
                { tail -5 "$out/torch.err" >&2; exit 1; }
            "$binary" bench --lora --tokens "$n" --precision "$precision" --threads "${THREADS:-2}" --reps "${REPS:-3}" --json \
                --quiet >"$out/rnatune.$precision.$n.$round"
        done
    done
done
exec "$python" - "$out" <<'PY'
import glob
import json
import sys

missed = False
print("precision\ttokens\ttorch_s\trnatune_s\tratio\ttorch_mib\trnatune_mib")
for name in sorted({path.rsplit(".", 1)[0].split("/torch.")[-1] for path in glob.glob(sys.argv[1] + "/torch.*.*.*")}):
    theirs = [json.load(open(path)) for path in glob.glob(f"{sys.argv[1]}/torch.{name}.*")]
    ours = [json.load(open(path))[0] for path in glob.glob(f"{sys.argv[1]}/rnatune.{name}.*")]
    a, b = min(run["sec"]["train_step_lora_4copies"] for run in theirs), min(run["sec"]["lora_step"] for run in ours)
    memory = min(run["peak_rss_MiB"]["train_step_lora_4copies"] for run in theirs), min(run["peak_rss_mib"] for run in ours)
    precision, tokens = name.split(".")
    print(f"{precision}\t{tokens}\t{a:.4g}\t{b:.4g}\t{b / a:.3f}\t{memory[0]:.0f}\t{memory[1]:.0f}")
    missed = missed or b > 0.5 * a
sys.exit(3 if missed else 0)
PY
