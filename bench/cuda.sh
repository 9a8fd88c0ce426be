#!/bin/bash
# cuda.sh BINARY: the network with random weights on this machine's GPU under --memory-limit (LIMIT, 22G).
#  1. Beside PyTorch's time for the reference on the same GPU and the same work, in turns: every stage, whole predictions, and the
#     network's part of a training step of both phases, with GFLOP/s and their share of the GPU's own products (cuda_ratio.py).
#  2. `train confidence`, `train lora` and long predictions as a user runs them: seconds, and the most memory that nvidia-smi
#     showed beside what the plan said (cuda_memory.sh).
# Exit 3: a prediction or step takes more than half of PyTorch's time, a run takes more than the limit, or its plan is more than 5%
# off.  Exit 1: a run failed.
#   TOKENS="128 256 512" of stages and predictions, PHASE1=384 and PHASE2=256 tokens of steps, PREDICT="512 1024 2000" nt of 2,
#   PRECISIONS=bf16, ROUNDS=2 (0: the second table alone), REPS=3, CYCLES=10 STEPS=200 SAMPLES=5, MSA=64 rows,
#   CONFIG=rnapro_base, OUT: a folder to keep; of train: COPIES=48, TRAIN_CYCLES (its default)
# For PyTorch bring what torch_env.sh says: a checkout of the reference and Python packages, and cuequivariance-torch with its
# operations for CUDA where its kernels should run, too.  What is missing is said in one line.
# Without a GPU both sides run on a processor, to see that the script works: DEVICE=cpu (ours) TORCH_DEVICE=cpu, or the emulation
# as BINARY with TORCH_DEVICE=cpu; CONFIG=tests/data/tiny_config.json TOKENS=16 PHASE1=16 PHASE2=16 PREDICT= COPIES=4
# takes a minute on a processor.
set -eu
binary=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
device=${DEVICE:-cuda} torch_device=${TORCH_DEVICE:-${DEVICE:-cuda}} limit=${LIMIT:-22G} config=${CONFIG:-rnapro_base}
precisions=${PRECISIONS:-bf16}
: "${PHASE1=384}" "${PHASE2=256}" "${TOKENS=128 256 512}"
export NVIDIA_TF32_OVERRIDE=0   # cuBLAS of both sides: float32 is float32
why=$("$binary" devices --json 2>/dev/null | sed -n 's/.*"cuda_unavailable": "\(.*\)".*/\1/p')
if [ "$device" = cuda ] && [ -n "$why" ]; then
    echo "skip: no CUDA device can be used: $why"
    exit 0
fi
out=${OUT:-$(mktemp -d)}
. "$here/torch_env.sh"
base=${BASE:-$out/base.safetensors}
[ -s "$base" ] || "$binary" init --config "$config" --out "$base" --quiet >/dev/null
ours() { "$binary" "$@" --device "$device" --memory-limit "$limit" --checkpoint "$base" --threads "$THREADS" --quiet; }
work=(--cycles "${CYCLES:-10}" --steps "${STEPS:-200}" --samples "${SAMPLES:-5}")
. "$here/cuda_memory.sh"

# ---- 1: beside PyTorch, if it is there ----
sizes=$(echo $TOKENS $PHASE1 $PHASE2 | tr ' ' '\n' | sort -nu)
lacks=$(torch check --device "$torch_device" 2>"$out/check.log") || lacks="$python: $(tail -1 "$out/check.log")"
for n in $sizes; do
    [ -n "$lacks" ] || features_of "$n" || lacks="no features of $n tokens: $(tail -1 "$out/features.log")"
done
name=$("$binary" devices 2>/dev/null | awk -F'\t' -v d="$device" '$1 == d { print $2; exit }')
version=$("$binary" version 2>/dev/null | awk -F'\t' '$1 == "version" || $1 == "commit" { printf "%s ", $2 }')
echo "rnatune: $version--device $device ($name), TF32 off"
if [ -n "$lacks" ]; then echo "skip PyTorch: $lacks"; else echo "PyTorch: --device $torch_device, TF32 off, features of $features"; fi
[ -n "$lacks" ] || [ "$device" = "$torch_device" ] || echo "two devices: the ratios say nothing, only that the comparison runs"

# predicted FILE N PRECISION: PyTorch's target of N, or a random one where there is none; twice, the first one warms up
predicted() {
    local of=$features/$2
    set -- "$1" "$2" --precision "$3" "${work[@]}"
    if [ -s "$of/s.csv" ]; then set -- "$@" --sequences "$of/s.csv" --msa-dir "$of" --templates "$of/t.pt"
    else
        random_rna "$2" warm bench >"$out/random.$2.csv"
        set -- "$@" --sequences "$out/random.$2.csv"
    fi
    run_predict "$1" "${@:3}"
}
inference=ribonanza,input_embedder,template,msa,pairformer,denoiser_1,denoiser_5,confidence
for round in $(seq "${ROUNDS:-2}"); do
    for precision in $precisions; do
        for n in $sizes; do
            stages='' run=$precision.$n.$round
            case " $TOKENS " in *" $n "*) stages=$inference,predict ;; esac
            [ "$n" != "$PHASE1" ] || stages=${stages:+$stages,}confidence_step
            [ "$n" != "$PHASE2" ] || stages=${stages:+$stages,}lora_step
            echo "round $round, $precision, $n tokens: $stages" >&2
            [ -n "$lacks" ] || torch_into "$out/torch.$run.json" --tokens "$n" --precision "$precision" --config "$config" \
                --device "$torch_device" --stages "$stages" "${work[@]}"
            measure() { ours bench --precision "$precision" --tokens "$n" --msa "${MSA:-64}" --reps $((${REPS:-3} + 1)) --json "$@"; }
            case $stages in *ribonanza*) measure --stages $inference >"$out/rnatune.$run.stages.json" ;; esac
            case $stages in *confidence_step*) measure --stages confidence_step >"$out/rnatune.$run.phase1.json" ;; esac
            case $stages in *lora_step*)
                measure --lora --stages lora_step --keep-every 1 --copies-at-once 4 >"$out/rnatune.$run.phase2.json" ;;
            esac
            case $stages in *predict*) predicted "$out/predict.$run" "$n" "$precision" ;; esac
        done
    done
done
code=0 memory_code=0
[ "${ROUNDS:-2}" = 0 ] || [ -z "$sizes" ] || "$python" "$here/cuda_ratio.py" "$out" || code=$?

# ---- 2: memory ----
memory_table || memory_code=$?
[ "$memory_code" != 1 ] && [ "$code" != 0 ] || code=$memory_code
exit "$code"
