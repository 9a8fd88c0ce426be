# several rollouts of one trunk pass and a cache of trunk outputs: what is read, made, damaged, shared and too large changes
# no byte of the run; another checkpoint or plan reads other entries
. "$here/make_set.sh"
value() { awk -F'\t' -v key="$1" '$1 == key { print $2 }' "$out"; }
CACHED="--rollouts 3 --cache cache --views 2"
# shellcheck disable=SC2086
train_small made $CACHED
expect_exit 0
expect_stderr '7 targets x 2 views and 4 held-out ones take 0.000'
expect_same "$(value cache_read) $(value cache_made) $(value cache_kept) $(value cache_damaged)" "19 18 18 0"
# another process with the whole cache there, other threads
# shellcheck disable=SC2086
train_small read $CACHED --threads 1
expect_exit 0
expect_same "$(value cache_read) $(value cache_made)" "37 0"
same_run made read
grep -q '"read": 37' read/run.json || note "run.json does not say what the cache gave"
# too small a cache: used in part, the same bytes
train_small small --rollouts 3 --views 2 --cache little --cache-size 70000
expect_exit 0
expect_stderr 'the cache is used in part: 22% of the views fit'
expect_stderr 'the cache is full'
same_weights() { expect_same "$(epoch_weights "$1")" "$(epoch_weights "$2")"; }
same_weights made small
# a damaged entry is found and made again
entry=$(ls cache/*/*.safetensors | head -1)
printf 'x' | dd of="$entry" bs=1 seek=5000 conv=notrunc 2>/dev/null
# shellcheck disable=SC2086
train_small again $CACHED
expect_exit 0
expect_stderr "its values do not have the SHA-256 that it names: this entry of the cache is damaged; it is worked out again"
expect_same "$(value cache_made) $(value cache_kept) $(value cache_damaged)" "1 1 1"
same_run made again
# without a cache, the same views: bf16 rounding apart the same losses
train_small exact --rollouts 3 --views 2
expect_exit 0
a=$(tail -1 made/log.jsonl | sed 's/.*"loss": *\([0-9.]*\).*/\1/') b=$(tail -1 exact/log.jsonl | sed 's/.*"loss": *\([0-9.]*\).*/\1/')
awk -v a="$a" -v b="$b" 'BEGIN { d = a / b - 1; exit !(d * d < 1e-6 && a != b) }' || note "the held-out losses are $a with and $b without a cache"
# what invalidates: a checkpoint, a plan
"$BINARY" init --config "$DATA/tiny_config.json" --seed 2 --out other.safetensors -q >/dev/null
# shellcheck disable=SC2086
run train confidence ${SMALL#--checkpoint tiny.safetensors} --checkpoint other.safetensors $CACHED --out other
expect_exit 0
expect_same "$(value cache_read) $(value cache_made)" "19 18"
grep -q 'GB are there, 0.000[0-9]* GB of them for other plans' "$err" || note "other plans' entries are not told of"
# shellcheck disable=SC2086
train_small steps $CACHED --rollout-steps 3
[ "$(value cache_made)" = 18 ] || note "other rollouts were read from the cache"
# another learning rate reads the same entries
# shellcheck disable=SC2086
run train confidence ${SMALL/3e-3/1e-3} $CACHED --out rate
expect_exit 0
expect_same "$(value cache_made)" 0
# with fewer than all the cache's options
run train full --params 'confidence_head,distogram_head' --checkpoint tiny.safetensors --data set --split split.tsv --crop 12 --cache cache --out full
expect_exit 2
expect_stderr "a cache keeps what is frozen, but more than the confidence head learns"
# weights of the trunk or the denoiser that train have dropout, even where no loss reaches them: entries would be poisoned
for module in pairformer_stack diffusion_module; do
    run train full --params "confidence_head,$module" --weight mse=0 --weight smooth_lddt=0 --weight distogram=0 \
        --checkpoint tiny.safetensors --data set --split split.tsv --epochs 1 --crop 12 --cycles 1 --rollout-steps 2 --views 1 \
        --cache poisoned --out "full_$module"
    expect_exit 2
    expect_stderr "a cache keeps what is frozen, but more than the confidence head learns"
    expect_same "$(grep -c 'a cache keeps' "$err")" 1
done
[ ! -e poisoned ] || note "a cache of a run that is not frozen was begun"
# shellcheck disable=SC2086
run train confidence $SMALL $CACHED --dry-run
expect_exit 0
expect_stdout "share of the views that fit	1.000"
expect_same "$(awk -F'\t' '/^structures an hour/ { print ($2 > 1.5) }' "$out")" 1
true
