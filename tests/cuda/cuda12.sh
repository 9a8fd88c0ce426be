#!/bin/bash
# cuda12.sh: the CUDA 12 build of docs/cuda.md, from fetching what it needs to a program that starts; needs no GPU.  What is in the
# program is read off it: which CUDA, machine code and PTX for which devices.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/check-cuda12} dir=${CUDA12_DIR:-build/cuda12}
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
sum() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
skip() { echo "skip $1"; skipped=$((skipped + 1)); sum; }
# check NAME EXPECTED_EXIT PATTERN COMMAND...: PATTERN (of grep -E) must be in what the command prints
check() {
    local name=$1 expected=$2 pattern=$3 code
    shift 3
    "$@" >"$log" 2>&1 </dev/null
    code=$?
    if [ "$code" = "$expected" ] && grep -qE -- "$pattern" "$log"; then
        echo "ok $name"
        passed=$((passed + 1))
    else
        echo "FAILED $name: exit $code, $expected and '$pattern' were expected"
        tail -12 "$log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}
clang=${CUDA_CLANG:-}
for version in 19 18 17 16; do [ -n "$clang" ] || clang=$(command -v clang++-$version); done
[ -n "$clang" ] || skip "no clang++ of version 16 to 19"
tools/cuda12.sh "$dir" >"$log" 2>&1 || skip "$(tail -1 "$log")"

make_it() { ${MAKE:-make} -s CUDA=12 CUDA_CLANG="$clang" BUILD="$build" CUDA12_DIR="$dir" "$build/rnatune" && echo made; }
check "it compiles and links, without a warning of clang's or ptxas's" 0 "^made$" make_it
grep -qi warning "$log" && { echo "FAILED there are warnings"; failed=$((failed + 1)); }

# ---- it is CUDA 12's ----
check "devices: built with CUDA 12" 0 "built with CUDA 12\." "$build/rnatune" devices
check "it needs CUDA 12's runtime" 0 "NEEDED.*libcudart\.so\.12" readelf -d "$build/rnatune"
. tests/cuda/codes.sh
n=$(grep -l "__global__ void" src/op/cuda_*.cu | wc -l)
check "machine code for 7.5, 8.0, 8.9, 9.0, PTX of 8.0 and 9.0, of all $n files of kernels" 0 \
    "^compute_80:$n compute_90:$n sm_75:$n sm_80:$n sm_89:$n sm_90:$n$" codes "$build/rnatune"
functions() {
    sed -n '/^#define LIBRARY/,/[^\\]$/p' src/op/cuda_gemm.cu | grep -o 'cublasLt[A-Za-z]*' | sort -u >"$log.asked"
    nm -D --defined-only "$build/lib/libcublasLt.so.12" | sed -n 's/.* T \(cublasLt[A-Za-z]*\).*/\1/p' | sort -u >"$log.there"
    echo "$(wc -l <"$log.asked") asked for, $(comm -23 "$log.asked" "$log.there" | wc -l) missing"
    rm -f "$log.asked" "$log.there"
}
check "every function of cuBLASLt's that it asks for" 0 "^1[0-9] asked for, 0 missing$" functions

# ---- it starts, and says what it needs ----
if "$build/rnatune" devices --json 2>/dev/null | grep -q '"cuda_unavailable"'; then
    check "devices: which driver it needs" 0 "this build needs a driver of version 525 or newer$" "$build/rnatune" devices
    check "--device cuda, without one" 1 "no CUDA device can be used: no NVIDIA driver was found" \
        "$build/rnatune" verify --golden tests/data/golden --device cuda
else
    echo "a GPU can be used here: make check-cuda CUDA=12 BUILD=$build runs the rest"
fi
check "the processor computes" 0 " 0 misses" "$build/rnatune" verify --misses --golden tests/data/golden --case toy4 --threads 1
sum
