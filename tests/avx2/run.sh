#!/bin/bash
# run.sh BINARY: the program on a processor with AVX2 and nothing newer (a Haswell, emulated by qemu-user): no illegal
# instruction, the same fold as here, and bf16 weights computed in fp32, which is said.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rnatune=$(realpath "$1")
model=$here/../data/golden/tiny/tiny.pt
if ! command -v qemu-x86_64 >/dev/null; then
    echo "skip: qemu-x86_64 (package qemu-user) is not here"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
passed=0 failed=0
result() { if [ "$1" -eq 0 ]; then echo "ok $2"; passed=$((passed + 1)); else echo "FAILED $2"; tail -3 err; failed=$((failed + 1)); fi; }
printf 'target_id,sequence\na,GGGAAACCCGGGUUCG\n' >s.csv
for precision in fp32 bf16; do
    P="predict --checkpoint $model --sequences s.csv --samples 1 --steps 2 --cycles 1 --threads 1 --precision $precision"
    # shellcheck disable=SC2086
    qemu-x86_64 -cpu Haswell "$rnatune" $P --memory-limit 1G --out "avx2.$precision" >out 2>err </dev/null
    result $? "$precision on AVX2"
    # shellcheck disable=SC2086
    "$rnatune" $P --out "here.$precision" >out 2>err2 </dev/null
    # bf16 products here against fp32 products of bf16 weights there: the rounding of activations is between them
    awk -F, -v most="$([ $precision = fp32 ] && echo 0.02 || echo 5)" 'FNR == 1 { file++; next }
        { for (i = 4; i < 7; i++) if (file == 1) first[FNR, i] = $i; else { d = $i - first[FNR, i]; if (d < 0) d = -d; if (d > top) top = d; n++ } }
        END { print "    largest difference " top + 0 " A"; exit !(n == 48 && top <= most) }' "avx2.$precision/submission.csv" "here.$precision/submission.csv"
    result $? "$precision: the same fold"
done
grep -q "this processor has no bf16 instructions: weights are kept in bf16, products are computed in fp32" err
result $? "bf16 without instructions is said"
grep -q '"bf16_products_in_fp32": true' avx2.bf16/run.json
result $? "and recorded"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
