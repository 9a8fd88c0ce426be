#!/bin/bash
# phase1.sh BINARY [SMALL]: what Phase 1 gains by taking several structures from a trunk pass and keeping trunk outputs on disk.
#   1. rnapro_base with made-up weights, 128 tokens: structures judged an hour, one rollout without a cache against
#      `--rollouts 4 --cache` over the plan's 10 epochs, the cache's making included.
#   2. SMALL, a small base whose confidence head has not been trained (examples/base/train.sh's structure/best.safetensors):
#      validation loss against hours of training, for both.  Without SMALL this part is left out.
#      A run's own validation is over its own rollouts; so the weights of the first are measured as the second's are.
# BASE: a checkpoint of made-up weights that is there already (rnatune init --config rnapro_base); THREADS=2; EPOCHS=6 of the
# second run in part 2, four times as many of the first.
set -eu
binary=$(realpath "$1") small=${2:+$(realpath "$2")}
examples=$(cd "$(dirname "$0")/../examples" && pwd)
base=${BASE:+$(realpath "$BASE")} threads=${THREADS:-2} epochs=${EPOCHS:-6}
out=${OUT:-$(mktemp -d)}
mkdir -p "$out"
cd "$out"

# Processor seconds of a command, in the file cpu.NAME; what it prints in NAME.out and NAME.err
timed() {
    local name=$1
    shift
    echo "$name" >&2
    TIMEFORMAT='%U %S'
    { time "$@" >"$name.out" 2>"$name.err"; } 2>"cpu.$name" || { tail -3 "$name.err" >&2; exit 1; }
}

# step, seconds so far, validation loss if it is one: validations take no time of the training
progress() { sed -nE 's/.*"step":([0-9]+).*"event":"train".*"seconds":([0-9.e-]+).*/\1 \2/p; s/.*"step":([0-9]+).*"event":"validation".*"loss":([0-9.]+).*/\1 validation \2/p' "$1/log.jsonl"; }

full_size() {
    [ -n "$base" ] || { "$binary" init --config rnapro_base --out base.safetensors --quiet >/dev/null; base=base.safetensors; }
    mkdir -p one
    cp "$examples"/base/structures/3dil* one/ 2>/dev/null || cp "$(find "$examples/base/structures" -name '3d*' | head -1)" one/
    "$binary" import --structures one --out one.set >/dev/null
    local plan=(train confidence --checkpoint "$base" --data one.set --no-split --crop 128 --accumulation 1 --save-minutes 0
                --keep-epochs 0 --threads "$threads")
    timed alone "$binary" "${plan[@]}" --epochs 3 --out alone
    timed kept "$binary" "${plan[@]}" --epochs 10 --rollouts 4 --cache cache --out kept
    printf 'full size, 128 tokens\tstructures\tseconds\tcpu_seconds\tstructures_an_hour\tratio\n'
    for name in alone kept; do
        progress $name | awk -v name=$name -v k=$([ $name = kept ] && echo 4 || echo 1) -v cpu="$(awk '{print $1 + $2}' cpu.$name)" '
            NF == 2 { n += k; s += $2 } END { printf "%s\t%d\t%.1f\t%.1f\t%.1f\n", name, n, s, cpu, 3600 * n / s }'
    done | awk -F'\t' 'NR == 1 { first = $5 } { printf "%s\t%.2f\n", $0, $5 / first }'
}

loss_per_hour() {
    "$binary" import --structures "$examples/base/structures" --out set >/dev/null
    "$binary" split --data set --families "$examples/base/families.tsv" --sizes 75/15/10 --join "$examples/base/copies.tsv" --out split.tsv >/dev/null
    "$binary" audit --data set --split split.tsv --families "$examples/base/families.tsv" >leaks.tsv
    local plan=(train confidence --checkpoint "$small" --data set --split split.tsv --crop 48 --accumulation 2 --lr 1e-3
                --validation-targets 24 --save-minutes 0 --threads "$threads")
    timed small_kept "$binary" "${plan[@]}" --epochs "$epochs" --keep-epochs 1 --rollouts 4 --cache small_cache --views 2 --out small_kept
    timed small_alone "$binary" "${plan[@]}" --epochs $((4 * epochs)) --keep-epochs $((4 * epochs)) --out small_alone
    printf 'small base\tepoch\thours\tvalidation_loss\n'
    for name in small_kept small_alone; do
        progress $name | awk -v name=$name 'NF == 2 { s += $2 } NF == 3 { print name, ++epoch, s / 3600, $1, $3 }'
    done | while read -r name epoch hours step loss; do
        [ "$name" = small_kept ] || loss=$(loss_of_four "small_alone/weights-$(printf %08d "$step").safetensors")
        printf '%s\t%d\t%.4f\t%.4f\n' "$name" "$epoch" "$hours" "$loss"
    done
}

# loss_of_four WEIGHTS: the validation loss of a trained head over four rollouts, which the next run says of its base
loss_of_four() {
    rm -rf measured
    "$binary" "${plan[@]}" --adapter "$1" --epochs 1 --rollouts 4 --out measured >/dev/null 2>&1 </dev/null &
    local run=$!
    while kill -0 $run 2>/dev/null && [ ! -f measured/base_validation.json ]; do sleep 1; done
    kill $run 2>/dev/null || true
    wait $run || true
    awk -F'[:,]' '/"(plddt|pae|pde|resolved)"/ { sum += $2 } END { print sum }' measured/base_validation.json
}

if [ "${PARTS:-both}" != small ]; then full_size; fi
if [ -n "$small" ]; then loss_per_hour; else echo "no SMALL base was given: loss per hour is not measured" >&2; fi
