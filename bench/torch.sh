#!/bin/bash
# torch.sh BINARY: every stage beside PyTorch's time for the reference's, on the same machine, in turns.
#   What PyTorch needs: torch_env.sh says.
#   TOKENS="64 128", PRECISIONS="fp32 bf16", ROUNDS=2, REPS=3, THREADS=2.
# The training step of the confidence head runs in a process of its own, with a checkpoint of made-up weights mapped, so that
# its memory is that of training. BASE: such a file that is there already (rnatune init --config rnapro_base).
# Other programs slow both down, so the two take turns and the minimum over all rounds counts; run it on a quiet machine.
set -eu
binary=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
: "${RNAPRO_REF:?a checkout of the reference}" "${THREADS:=2}"
out=${OUT:-$(mktemp -d)}
. "$here/torch_env.sh"
inference=ribonanza,input_embedder,template,msa,pairformer,denoiser_1,denoiser_5,confidence   # the step has its own memory
base=${BASE:-$out/base.safetensors}
[ -s "$base" ] || "$binary" init --config rnapro_base --out "$base" --quiet >/dev/null
for n in ${TOKENS:-64 128}; do features_of "$n" || { tail -5 "$out/features.log" >&2; exit 1; }; done
for round in $(seq "${ROUNDS:-2}"); do
    for precision in ${PRECISIONS:-fp32 bf16}; do
        for n in ${TOKENS:-64 128}; do
            echo "round $round, $precision, $n tokens" >&2
            torch_into "$out/torch.$precision.$n.$round" --tokens "$n" --precision "$precision" --device cpu --kernels torch \
                --chunk 64 --checkpoints shipped --stages "$inference,confidence_step"
            "$binary" bench --stages "$inference" --tokens "$n" --precision "$precision" --threads "$THREADS" --reps "${REPS:-3}" --json --quiet \
                >"$out/rnatune.$precision.$n.$round"
            "$binary" bench --checkpoint "$base" --stages confidence_step --tokens "$n" --precision "$precision" \
                --threads "$THREADS" --reps "${REPS:-3}" --json --quiet >"$out/step.$precision.$n.$round"
        done
    done
done
"$python" "$here/torch_ratio.py" "$out"
