#!/bin/bash
# run.sh BINARY: `rnatune verify` on recorded reference runs: every stage on the fast CPU, the plain reference and in
# double, with other thread counts; bf16 with its own bounds; and that a wrong number is noticed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rnatune=$(realpath "$1")
golden=$here/../data/golden
shared=${RT_SHARED:-$here/../../../shared}/golden
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 skipped=0

# check NAME EXPECTED_EXIT ARGUMENT...
check() {
    local name=$1 expected=$2 code
    shift 2
    "$rnatune" verify --misses "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    code=$?
    if [ "$code" = "$expected" ]; then
        echo "ok $name: $(tail -1 "$scratch/err")"
        passed=$((passed + 1))
    else
        echo "FAILED $name: exit $code, not $expected"
        head -12 "$scratch/out"
        tail -5 "$scratch/err"
        failed=$((failed + 1))
    fi
}

check "fp32, 2 threads" 0 --golden "$golden" --threads 2
check "fp32, 1 thread" 0 --golden "$golden" --threads 1
check "plain reference in float" 0 --golden "$golden" --device plain --case hairpin30
check "double" 0 --golden "$golden" --device double --case toy4
check "bf16" 0 --golden "$golden" --precision bf16
check "the reference's precision" 0 --golden "$golden" --precision reference
if [ -d "$shared" ]; then
    check "the whole shared golden folder in bf16" 0 --golden "$shared" --precision bf16
    check "the whole shared golden folder" 0 --golden "$shared"
    check "training: losses, gradients, optimizer steps" 0 --golden "$shared" --training
    check "training in bf16" 0 --golden "$shared" --training --precision bf16
    mkdir -p "$scratch/training/train_exact"
    for part in tiny raw features ccd_reference_conformers.json cases.json; do
        ln -s "$shared/$part" "$scratch/training/$part"
    done
    cp "$shared"/train_exact/confidence.* "$scratch/training/train_exact/"
    chmod -R u+w "$scratch/training/train_exact"
    sed -i 's/4.193356/4.193956/' "$scratch/training/train_exact/confidence.json"
    check "a wrong recorded loss is a miss" 3 --golden "$scratch/training" --training --case confidence
    mkdir "$scratch/loader"
    for part in "$shared"/*; do ln -s "$part" "$scratch/loader/"; done
    rm "$scratch/loader/raw"
    cp -r "$shared/raw" "$scratch/loader/raw"
    chmod -R u+w "$scratch/loader/raw"
    check "the training loader" 0 --golden "$scratch/loader" --training --case loader
    check "the label's equivalent atoms" 0 --golden "$scratch/loader" --training --case permutation
    sed -i '20s/\([0-9]\)\.\([0-9]\)/\1.9\2/2' "$scratch/loader/raw/train_data/train_allatom.v2.1.csv"
    check "a label that differs is a miss" 3 --golden "$scratch/loader" --training --case loader
else
    echo "skip: the whole golden folder needs the shared data (RT_SHARED)"
    skipped=$((skipped + 1))
fi

# A recorded value that is off by more than the bound, and one that nothing is compared with, are misses.
cp -r "$golden" "$scratch/wrong"
chmod -R u+w "$scratch/wrong"
size=$(stat -c %s "$scratch/wrong/infer/toy4_bare.safetensors")
printf '\x00\x00\xa0\x41' | dd of="$scratch/wrong/infer/toy4_bare.safetensors" bs=1 seek=$((size - 4)) conv=notrunc status=none
check "a wrong number is a miss" 3 --golden "$scratch/wrong" --case toy4_bare
cp "$golden/infer/toy4_bare.safetensors" "$scratch/wrong/infer/"
sed -i 's/s_init@0/s_init@9/' "$scratch/wrong/infer/toy4_bare.safetensors"
check "a recorded tensor without a counterpart is a miss" 3 --golden "$scratch/wrong" --case toy4_bare
grep -q "s_init@9.*NOT COMPARED" "$scratch/out" || { echo "FAILED it is not named"; failed=$((failed + 1)); }
check "no such case" 1 --golden "$golden" --case toy5

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
