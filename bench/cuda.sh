#!/bin/bash
# cuda.sh BINARY: the full-size network with random weights on this machine's GPU, in bf16 under --memory-limit (LIMIT, 22G): seconds and
# GFLOP/s of each stage beside the device's own products, a training step of both phases, and whole predictions with their peak memory.
#   TOKENS="128 256 512" of stages, PREDICT="512 1024 2000", REPS=3, OUT: a folder to keep
set -eu
binary=$(realpath "$1")
why=$("$binary" devices --json 2>/dev/null | sed -n 's/.*"cuda_unavailable": "\(.*\)".*/\1/p')
if [ -n "$why" ]; then
    echo "skip: no CUDA device can be used: $why"
    exit 0
fi
out=${OUT:-$(mktemp -d)} limit=${LIMIT:-22G}
base=${BASE:-$out/base.safetensors}
[ -s "$base" ] || "$binary" init --config rnapro_base --out "$base" --quiet >/dev/null
measure() { "$binary" bench --device cuda --memory-limit "$limit" --precision bf16 --checkpoint "$base" --reps "${REPS:-3}" --quiet "$@"; }
stages=ribonanza,input_embedder,template,msa,pairformer,denoiser_1,denoiser_5,confidence
echo "== stages"
measure --stages "$stages" --tokens "$(echo ${TOKENS:-128 256 512} | tr ' ' ,)"
echo "== phase 1: a step of the confidence head at 384 tokens"
measure --stages confidence_step --tokens 384
echo "== phase 2: a step of adapters at 256 tokens"
measure --lora --stages lora_step --keep-every 1 --tokens 256
for n in ${PREDICT:-512 1024 2000}; do
    echo "== predict, $n nt"
    { echo target_id,sequence; printf 'r%s,' "$n"; LC_ALL=C awk -v n="$n" 'BEGIN { srand(1); for (i = 0; i < n; i++) printf "%s", substr("ACGU", int(4 * rand()) + 1, 1); print "" }'; } >"$out/$n.csv"
    most=0
    "$binary" predict --device cuda --memory-limit "$limit" --precision bf16 --checkpoint "$base" --sequences "$out/$n.csv" --out "$out/fold$n" --quiet &
    while kill -0 $! 2>/dev/null; do
        used=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null | head -1 || echo 0)
        [ "${used:-0}" -le "$most" ] || most=$used
        sleep 0.5
    done
    wait $! || echo "predict failed"
    echo "most memory that nvidia-smi showed: $most MiB"
done
