#!/bin/bash
# run.sh BINARY: the CUDA backend against the CPU's: ops, the recorded reference runs, training steps, predictions, and what
# is said where there is no device.  Runs the emulated program beside BINARY (see src/op/cuda_emulation.h), which needs no GPU;
# with RT_GPU=1 BINARY itself, on this machine's GPU, under compute-sanitizer too where that is installed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(dirname "$(realpath "$1")")
DATA=$here/../data
shared=${RT_SHARED:-$here/../../../shared}/golden
gpu=${RT_GPU:-}
[ -n "$gpu" ] || build=$build/emulated
BINARY=$build/rnatune
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
passed=0 failed=0 skipped=0
skip() { echo "skip $1"; skipped=$((skipped + 1)); }
sum() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
if [ ! -x "$BINARY" ]; then
    skip "no $BINARY (make emulated)"
    sum
fi
if [ -n "$gpu" ] && why=$("$BINARY" devices --json 2>/dev/null | sed -n 's/.*"cuda_unavailable": "\(.*\)".*/\1/p') && [ -n "$why" ]; then
    skip "no CUDA device can be used: $why"
    sum
fi

# check NAME EXPECTED_EXIT PATTERN COMMAND...: PATTERN must be in what the command prints; "" is anywhere
check() {
    local name=$1 expected=$2 pattern=$3 code
    shift 3
    "$@" >"out" 2>&1 </dev/null
    code=$?
    if [ "$code" = "$expected" ] && { [ -z "$pattern" ] || grep -qF -- "$pattern" out; }; then
        echo "ok $name"
        passed=$((passed + 1))
    else
        echo "FAILED $name: exit $code, $expected and '$pattern' were expected"
        tail -12 out | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}

# ---- ops ----
for test in op_test op_gradient_test op_size_test cuda_adam_test cuda_ranks_test; do
    check "$test" 0 "PASSED" env RT_TESTS='cuda_*' "$build/test/op/$test"
    if [ -n "$gpu" ] && command -v compute-sanitizer >/dev/null; then
        for tool in memcheck racecheck synccheck; do
            check "$test under $tool" 0 "" env RT_TESTS='cuda_*' compute-sanitizer --tool $tool --error-exitcode 9 "$build/test/op/$test"
        done
    fi
done

# ---- the recorded reference runs ----
verify() { "$BINARY" verify --misses --device cuda --threads 1 "$@"; }
check "verify in fp32" 0 " 0 misses" verify --golden "$DATA/golden"
check "verify in bf16" 0 " 0 misses" verify --golden "$DATA/golden" --precision bf16 --case toy4
if [ -d "$shared" ]; then
    check "verify, training, three copies at once" 0 " 0 misses" verify --golden "$shared" --training --case full --copies-at-once 3
fi
if [ -n "$gpu" ] && [ -d "$shared" ]; then
    check "verify, the shared golden folder" 0 " 0 misses" verify --golden "$shared"
    check "verify, training" 0 " 0 misses" verify --golden "$shared" --training
fi

# ---- training: one epoch of adapters and confidence head as on the CPU, and twice the same bytes ----
note() { echo "$*"; }
bad=$scratch/bad
: >"$bad"
model() { "$BINARY" init --config "$DATA/tiny_config.json" --out "$1" --quiet >/dev/null; }
. "$here/../cli/make_set.sh" >set.log 2>&1
lora() {
    "$BINARY" train lora --checkpoint tiny.safetensors --data set --split split.tsv --epochs 1 --crop 8 --cycles 1 --rollout-steps 1 \
        --accumulation 4 --lr 3e-3 --copies 2 --also confidence_head --threads 1 --quiet "$@"
}
check "train on the CPU" 0 last_loss lora --device cpu --out cpu
mv out cpu.out
check "train on the device" 0 last_loss lora --device cuda --out one
cp out one.out
same_losses() {
    paste cpu.out one.out | awk '$1 ~ /_loss$/ && $1 !~ /without/ { n++; d = ($2 - $4) / $2; if (d > 1e-5 || d < -1e-5) bad = 1 }
        END { print n " losses"; exit bad || n < 4 }'
}
check "its losses are the CPU's" 0 "losses" same_losses
check "both copies at once there" 0 '"value": 8' grep -A1 '"copies-at-once"' one/run.json
check "train again, what blocks keep on the host" 0 last_loss lora --device cuda --out two --offload always
check "the same adapters byte for byte" 0 "" cmp one/final/adapter_model.safetensors two/final/adapter_model.safetensors
# what a dry run says that is needed is what a limit of memory must leave: 0.5 MiB less, and blocks' inputs go to the host
planned() { lora --copies 16 --copies-at-once 16 --device cuda --dry-run "$@"; }
[ -n "$gpu" ] || {
    check "a dry run, inputs of blocks kept" 0 "in all, on the device" planned --keep-every 1 --offload never
    limit=$(awk -F'\t' '/^in all, on the device/ { printf "%d", ($2 - .5) * 1048576 }' out)
    check "in less memory they wait on the host" 0 "put aside, in the host's memory" planned --memory-limit "$limit"
}

# ---- predictions ----
printf 'target_id,sequence\na,GGCCAAGGUU\n' >s.csv
fold() { "$BINARY" predict --checkpoint tiny.safetensors --sequences s.csv --samples 2 --steps 3 --cycles 1 --threads 1 "$@"; }
check "predict" 0 "ranking_score" fold --device cuda --out fold1
check "predict again" 0 "ranking_score" fold --device auto --out fold2
check "the same structures byte for byte" 0 "" cmp fold1/a/a_sample_1.cif fold2/a/a_sample_1.cif
check "predict on the CPU" 0 "ranking_score" fold --device cpu --out fold3
near() {
    paste -d, fold1/submission.csv fold3/submission.csv | awk -F, 'NR > 1 { for (i = 4; i <= NF / 2; i++) {
        d = $i - $(i + NF / 2); if (d > 0.01 || d < -0.01) bad = 1; n++ } } END { print n " coordinates"; exit bad || n < 60 }'
}
check "the same structures as the CPU's within 0.01 A" 0 "coordinates" near
printf 'target_id,sequence\na,%s\n' "$(printf 'ACGU%.0s' {1..60})" >long.csv
check "a limit of memory that is obeyed" 1 "may be used" fold --device cuda --memory-limit 620M --sequences long.csv --out small
printf 'target_id,sequence\na,%s\n' "$(printf 'ACGU%.0s' {1..8})" >middle.csv
middle() { "$BINARY" predict --checkpoint tiny.safetensors --sequences middle.csv --samples 1 --steps 1 --cycles 1 --threads 1 --device cuda "$@"; }
check "predict with what is free" 0 "ranking_score" middle --out free
total=$(sed -n 's/.*"total": \([0-9]*\).*/\1/p' free/run.json | head -1)
check "predict in the memory that it was said to need" 0 "a	32	" middle --memory-limit "$total" --out fits
grep -q "a	NA" out && { echo "FAILED it did not fit"; failed=$((failed + 1)); }
check "devices" 0 "cuda" "$BINARY" devices
. "$here/ranks.sh"

# ---- speed: every stage runs on the device, and bench/cuda.sh makes its table (of a processor, where PyTorch need not be) ----
timed() { "$BINARY" bench --config "$DATA/tiny_config.json" --device cuda --memory-limit 1G --tokens 4 --msa 4 --reps 1 "$@"; }
check "bench, all stages" 0 "confidence_step" timed
check "bench, a step of adapters" 0 "lora_step" timed --lora
table() {
    RNAPRO_REF='' DEVICE=cpu CONFIG=$DATA/tiny_config.json TOKENS=8 PHASE1=8 PHASE2=8 PREDICT=12 ROUNDS=1 REPS=1 THREADS=1 \
        "$here/../../bench/cuda.sh" "$BINARY"
}
if command -v python3 >/dev/null; then check "bench/cuda.sh" 0 "lora_step	-	-" table; else skip "bench/cuda.sh: no python3"; fi
# an nvidia-smi that shows 100 MiB of others, and MIB more while a prediction runs: the plan of one this small is about 614
mkdir -p bin
cat >bin/nvidia-smi <<'SH'
#!/bin/sh
case $1 in --id=GPU-????????-????-????-????-????????????) ;; *) exit 6 ;; esac
if [ -d "$OUT/long.bf16.12.folder" ]; then echo $((100 + MIB)); else echo 100; fi
SH
chmod +x bin/nvidia-smi
memory() {
    PATH=$PWD/bin:$PATH OUT=$PWD/bench.$1 MIB=$1 LIMIT=$2 RNAPRO_REF='' CONFIG=$DATA/tiny_config.json TOKENS='' PHASE1='' PHASE2='' PREDICT=12 \
        CYCLES=1 STEPS=2 SAMPLES=1 THREADS=1 "$here/../../bench/cuda.sh" "$BINARY"
}
check "bench/cuda.sh: memory as planned" 0 "	620	1.0" memory 620 1G
check "bench/cuda.sh: a plan that is off" 3 "	660	1.07" memory 660 1G
check "bench/cuda.sh: a limit that is broken" 3 "	above the limit" memory 640 630M

# ---- what repeats is recorded once and replayed, to the same bytes ----
fold_longer() {
    env "$1=1" "${2:-RT_NOTHING}=0" "$BINARY" predict --checkpoint tiny.safetensors --sequences s.csv --samples 2 --steps 5 --cycles 4 \
        --threads 1 --device cuda --out "$1"
}
check "a fold of 5 steps and 4 cycles" 0 "ranking_score" fold_longer RT_EMULATED_TALLY
# graphs made and launched: the trunk's, for cycles 2 to 4, and the sampler's, for steps 2 to 5
[ -n "$gpu" ] || grep -q "^tally	graphs	2	7$" out || { echo "FAILED its steps were not replayed: $(grep graphs out)"; failed=$((failed + 1)); }
grep -q "could not be recorded" out && { echo "FAILED its steps were not recorded"; failed=$((failed + 1)); }
check "the same kernel by kernel" 0 "ranking_score" fold_longer RT_QUEUED RT_CUDA_GRAPHS
check "gives the same structures" 0 "" cmp RT_EMULATED_TALLY/a/a_sample_1.cif RT_QUEUED/a/a_sample_1.cif
if [ -n "$gpu" ] && command -v compute-sanitizer >/dev/null; then
    check "predict under memcheck" 0 "" compute-sanitizer --tool memcheck --error-exitcode 9 "$BINARY" predict --checkpoint tiny.safetensors \
        --sequences s.csv --samples 2 --steps 5 --cycles 4 --threads 1 --device cuda --precision bf16 --out watched
    check "train under memcheck" 0 "" compute-sanitizer --tool memcheck --error-exitcode 9 "$BINARY" train lora --checkpoint tiny.safetensors \
        --data set --split split.tsv --epochs 1 --crop 8 --cycles 1 --rollout-steps 1 --accumulation 4 --copies 3 --also confidence_head \
        --precision bf16 --threads 1 --quiet --device cuda --out watched_run
fi
[ -z "$gpu" ] || sum
check "graphs that cannot be made" 0 "could not be recorded as a graph" fold_longer RT_EMULATED_NO_GRAPHS

# ---- the real build, which needs nvcc and no GPU ----
. "$here/codes.sh"
real=$(dirname "$build")
if "$real/rnatune" version --json | grep -q '"cuda": true' && command -v python3 >/dev/null; then
    n=$(ls "$here"/../../src/op/cuda_*.cu | wc -l)
    wanted=$(grep -o 'code=[a-z]*_[0-9]*' "$real/.cuda_code" | sed "s/code=//; s/$/:$n/" | LC_ALL=C sort -V | tr '\n' ' ')
    check "the CUDA build links, with code for ${wanted% }" 0 "${wanted% }" codes "$real/rnatune"
else
    skip "the real CUDA build: no nvcc (or no python3 to look into it)"
fi

# ---- where cuBLASLt has no product of a shape: our own kernel, said once ----
check "products of our own" 0 "PASSED" env RT_EMULATED_NO_PRODUCTS=1 RT_TESTS='cuda_*' "$build/test/op/op_test"
check "are said aloud" 0 "a slower kernel computes it" env RT_EMULATED_NO_PRODUCTS=1 "$BINARY" predict --checkpoint tiny.safetensors \
    --sequences s.csv --samples 1 --steps 1 --cycles 1 --out fold6 --device cuda

# ---- where there is none, or another ----
check "no device" 1 "no CUDA device can be used: the driver shows none" env RT_EMULATED_DEVICES=0 "$BINARY" verify --golden "$DATA/golden" --device cuda
check "no device, auto" 0 "the processor computes" env RT_EMULATED_DEVICES=0 "$BINARY" predict --checkpoint tiny.safetensors --sequences s.csv \
    --samples 1 --steps 1 --cycles 1 --out fold4 --device auto
check "no driver" 1 "no NVIDIA driver was found" env RT_EMULATED_DRIVER=0 "$BINARY" verify --golden "$DATA/golden" --device cuda
check "an old driver" 1 "the driver is one for CUDA 12.4" env RT_EMULATED_DRIVER=12040 "$BINARY" verify --golden "$DATA/golden" --device cuda
check "a device with less than the limit" 1 "GiB may be used" \
    env RT_EMULATED_MIB=300 "$BINARY" predict --checkpoint tiny.safetensors \
    --samples 1 --steps 1 --cycles 1 --device cuda --memory-limit 20G --sequences long.csv --out small2
check "a driver that cannot compile the build's PTX" 1 "cannot compile this build's PTX of CUDA 13.1" \
    env RT_EMULATED_DRIVER=13000 "$BINARY" verify --golden "$DATA/golden" --device cuda
check "an old device" 1 "7.5 or newer is needed" env RT_EMULATED_CAPABILITY=61 "$BINARY" verify --golden "$DATA/golden" --device cuda
check "a device without bf16 says so" 0 "this GPU has no bf16 instructions" env RT_EMULATED_CAPABILITY=75 "$BINARY" predict --checkpoint tiny.safetensors \
    --sequences s.csv --samples 1 --steps 1 --cycles 1 --out fold5 --device cuda --precision bf16
check "and computes within the bounds" 0 " 0 misses" env RT_EMULATED_CAPABILITY=75 "$BINARY" verify --misses --device cuda --golden "$DATA/golden" \
    --precision bf16 --case toy4
check "a limit above what is free" 0 "the GPU has 1.22 GiB free for tensors: these are used, not the 19.41" \
    env RT_EMULATED_MIB=1536 "$BINARY" predict --checkpoint tiny.safetensors --sequences s.csv --samples 1 --steps 1 --cycles 1 \
    --device cuda --memory-limit 20G --out cut
sum
