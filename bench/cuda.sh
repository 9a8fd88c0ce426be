#!/bin/bash
# cuda.sh BINARY: the network with random weights on this machine's GPU under --memory-limit (LIMIT, 22G), beside PyTorch's time for the
# reference on the same GPU and the same work, in turns: every stage, whole predictions, and a training step of both phases, with
# GFLOP/s, their share of the GPU's own products, and memory (cuda_ratio.py); then predictions of long targets with peak memory.
#   TOKENS="128 256 512" of stages and predictions, PHASE1=384 and PHASE2=256 tokens of steps, PREDICT="512 1024 2000",
#   PRECISIONS=bf16, ROUNDS=2, REPS=3, CYCLES=10 STEPS=200 SAMPLES=5, MSA=64 rows, CONFIG=rnapro_base, OUT: a folder to keep
# For PyTorch bring: RNAPRO_REF, a checkout of the reference; BENCH, the folder with bench_torch.py (../shared/bench); PYTHON, an
# interpreter with torch for the GPU, BENCH/requirements.txt, and cuequivariance-torch with its operations for CUDA where its
# kernels should run, too; and FEATURES, a folder that `cuda_torch.py features` made elsewhere, or RNAPRO_GOLDEN, a scratch
# folder with the CCD cache of BENCH/make_ccd.py, with which the features are made here.  What is missing is said in one line.
# Without a GPU both sides run on a processor, to see that the script works: DEVICE=cpu (ours) TORCH_DEVICE=cpu, or the emulation
# as BINARY with TORCH_DEVICE=cpu; CONFIG=tests/data/tiny_config.json TOKENS=16 PHASE1=16 PHASE2=16 PREDICT= takes a minute.
set -eu
binary=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
device=${DEVICE:-cuda} torch_device=${TORCH_DEVICE:-$device} python=${PYTHON:-python3} limit=${LIMIT:-22G} config=${CONFIG:-rnapro_base}
threads=${THREADS:-$(nproc)}
why=$("$binary" devices --json 2>/dev/null | sed -n 's/.*"cuda_unavailable": "\(.*\)".*/\1/p')
if [ "$device" = cuda ] && [ -n "$why" ]; then
    echo "skip: no CUDA device can be used: $why"
    exit 0
fi
out=${OUT:-$(mktemp -d)}
mkdir -p "$out"
base=${BASE:-$out/base.safetensors}
[ -s "$base" ] || "$binary" init --config "$config" --out "$base" --quiet >/dev/null
ours() { "$binary" "$@" --device "$device" --memory-limit "$limit" --checkpoint "$base" --threads "$threads" --quiet; }
work=(--cycles "${CYCLES:-10}" --steps "${STEPS:-200}" --samples "${SAMPLES:-5}")

# ---- PyTorch, if it is there ----
: "${BENCH:=$here/../../shared/bench}"
export BENCH
torch() { OMP_NUM_THREADS=$threads "$python" "$here/cuda_torch.py" "$@" --msa "${MSA:-64}"; }
lacks=$(torch check --device "$torch_device" 2>&1) || lacks=${lacks:-$python does not start}
features=${FEATURES:-$out/features}
sizes=$(echo ${TOKENS:-128 256 512} ${PHASE1:=384} ${PHASE2:=256} | tr ' ' '\n' | sort -nu)
for n in $sizes; do
    [ -z "$lacks" ] && [ ! -s "$features/$n/features.safetensors" ] || continue
    torch features "$features" --tokens "$n" >"$out/features.log" 2>&1 ||
        lacks="no features of $n tokens (FEATURES, RNAPRO_GOLDEN): $(tail -1 "$out/features.log")"
done
echo "rnatune: $("$binary" version 2>/dev/null | awk -F'\t' '$1 == "version" || $1 == "commit" { printf "%s ", $2 }')--device $device ($("$binary" devices 2>/dev/null | awk -F'\t' -v d="$device" '$1 == d { print $2; exit }'))"
if [ -n "$lacks" ]; then echo "skip PyTorch: $lacks"; else echo "PyTorch: --device $torch_device, features of $features"; fi
[ -n "$lacks" ] || [ "$device" = "$torch_device" ] || echo "two devices: the ratios say nothing, only that the comparison runs"

# run_predict FILE OPTION...: the run's record as FILE.json, and as FILE.mib the most memory that was seen, in MiB
run_predict() {
    local file=$1 most=0 used
    shift
    ours predict "$@" --out "$file.folder" >/dev/null &
    while kill -0 $! 2>/dev/null; do
        used=$([ "$device" != cuda ] || nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null | head -1) || used=0
        [ "${used:-0}" -le "$most" ] || most=$used
        sleep 0.5
    done
    wait $! || { echo "predict failed" >&2; return 1; }
    mv "$file.folder/run.json" "$file.json"
    if [ "$most" -gt 0 ]; then echo "$most"; fi >"$file.mib"
    rm -r "$file.folder"
}

inference=ribonanza,input_embedder,template,msa,pairformer,denoiser_1,denoiser_5,confidence
for round in $(seq "${ROUNDS:-2}"); do
    for precision in ${PRECISIONS:-bf16}; do
        for n in $sizes; do
            stages='' run=$precision.$n.$round
            case " ${TOKENS:-128 256 512} " in *" $n "*) stages=$inference,predict ;; esac
            [ "$n" != "$PHASE1" ] || stages=${stages:+$stages,}confidence_step
            [ "$n" != "$PHASE2" ] || stages=${stages:+$stages,}lora_step
            echo "round $round, $precision, $n tokens: $stages" >&2
            if [ -z "$lacks" ]; then
                torch measure "$features" --tokens "$n" --precision "$precision" --config "$config" --device "$torch_device" \
                    --stages "$stages" --reps "${REPS:-3}" "${work[@]}" --threads "$threads" 2>"$out/torch.log" |
                    grep '^{' >"$out/torch.$run.json" || { tail -5 "$out/torch.log" >&2; exit 1; }
            fi
            measure() { ours bench --precision "$precision" --tokens "$n" --msa "${MSA:-64}" --reps $((${REPS:-3} + 1)) --json "$@"; }
            case $stages in *ribonanza*) measure --stages $inference >"$out/rnatune.$run.stages.json" ;; esac
            case $stages in *confidence_step*) measure --stages confidence_step >"$out/rnatune.$run.phase1.json" ;; esac
            case $stages in *lora_step*) measure --lora --stages lora_step --keep-every 1 --copies-at-once 4 >"$out/rnatune.$run.phase2.json" ;; esac
            case $stages in *predict*) [ ! -s "$features/$n/s.csv" ] || run_predict "$out/predict.$run" --precision "$precision" \
                --sequences "$features/$n/s.csv" --msa-dir "$features/$n" --templates "$features/$n/t.pt" "${work[@]}" ;;
            esac
        done
    done
done
code=0
"$python" "$here/cuda_ratio.py" "$out" || code=$?
for n in ${PREDICT-512 1024 2000}; do
    echo "== predict, $n nt"
    { echo target_id,sequence; printf 'r%s,' "$n"; LC_ALL=C awk -v n="$n" 'BEGIN { srand(1); for (i = 0; i < n; i++) printf "%s", substr("ACGU", int(4 * rand()) + 1, 1); print "" }'; } >"$out/$n.csv"
    run_predict "$out/long.$n" --precision bf16 --sequences "$out/$n.csv" || continue
    sed -n 's/^ *"seconds": \([0-9.]*\),*$/\1 s in all/p' "$out/long.$n.json" | head -1
    [ ! -s "$out/long.$n.mib" ] || echo "most memory that nvidia-smi showed: $(cat "$out/long.$n.mib") MiB"
done
exit $code
