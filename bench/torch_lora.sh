#!/bin/bash
# torch_lora.sh BINARY: a LoRA training step (rank 8 on 504 layers, last recycle, 4 noised copies) beside PyTorch's time for
# the reference's modules, on the same machine, in turns; minima count.  Settings and needs: those of torch.sh.  Exit 3 when it
# takes more than half of PyTorch's time.
set -eu
binary=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
: "${RNAPRO_REF:?a checkout of the reference}" "${THREADS:=2}"
out=${OUT:-$(mktemp -d)}
. "$here/torch_env.sh"
for n in ${TOKENS:-64}; do features_of "$n" || { tail -5 "$out/features.log" >&2; exit 1; }; done
for round in $(seq "${ROUNDS:-2}"); do
    for precision in ${PRECISIONS:-fp32 bf16}; do
        for n in ${TOKENS:-64}; do
            echo "round $round, $precision, $n tokens" >&2
            torch_into "$out/torch.$precision.$n.$round" --tokens "$n" --precision "$precision" --device cpu --kernels torch \
                --checkpoints shipped --stages lora_step
            "$binary" bench --lora --tokens "$n" --precision "$precision" --threads "$THREADS" --reps "${REPS:-3}" --json \
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
    a, b = min(run["sec"]["lora_step"]["torch"] for run in theirs), min(run["sec"]["lora_step"] for run in ours)
    memory = min(run["memory_mib"]["lora_step"]["torch"] for run in theirs), min(run["peak_rss_mib"] for run in ours)
    precision, tokens = name.split(".")
    print(f"{precision}\t{tokens}\t{a:.4g}\t{b:.4g}\t{b / a:.3f}\t{memory[0]:.0f}\t{memory[1]:.0f}")
    missed = missed or b > 0.5 * a
sys.exit(3 if missed else 0)
PY
