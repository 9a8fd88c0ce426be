# make_set.sh: sourced by cases that train: tiny.safetensors, set, families.tsv and an audited split.tsv of the shipped
# structures (7 targets train, 4 are held out for validation), and train_small, a run of a few seconds.
model tiny.safetensors
prepare() { "$BINARY" "$@" >prepare.out 2>prepare.err </dev/null || { note "rnatune $*: $?"; head -3 prepare.err >>"$bad"; }; }
prepare import --structures "$(realpath "$DATA/../../examples/demo/structures")" --out set
prepare families --data set --out families.tsv
prepare split --data set --families families.tsv --sizes 60/30/10 --out split.tsv
prepare audit --data set --families families.tsv --split split.tsv
SMALL="--checkpoint tiny.safetensors --data set --split split.tsv --epochs 3 --crop 12 --cycles 1 --rollout-steps 2
       --accumulation 2 --lr 3e-3 --ema 0.5"
# train_small OUT ARGUMENT...
train_small() {
    local folder=$1
    shift
    # shellcheck disable=SC2086
    run train confidence $SMALL --out "$folder" "$@"
}
# SHA-256 of each epoch's weights: their file has another name when the same step was saved before its epoch's end
epoch_weights() { awk '/"epoch_end": true/ { end = 1 } /"sha256"/ { if (end) print $2; end = 0 }' "$1/checkpoints.json"; }
# same_run A B: everything that a later use of the run reads
same_run() {
    local file
    for file in final.safetensors best.safetensors base_validation.json held_out.tsv; do
        cmp "$1/$file" "$2/$file" || note "$file differs between $1 and $2"
    done
    expect_same "$(epoch_weights "$1" | wc -l)" 3
    expect_same "$(epoch_weights "$1")" "$(epoch_weights "$2")"
}
