# the confidence head learns on real structures: training and held-out loss fall, and predict takes the result; the number
# of threads changes no byte
. "$here/make_set.sh"
train_small two --threads 2
expect_exit 0
expect_stderr '1 without a resolution count like the others'
expect_stderr '107808 of 666040 parameters train'
value() { awk -v key="$1" '$1 == key { print $2 }' "$out"; }
awk -v a="$(value first_loss)" -v b="$(value last_loss)" 'BEGIN { exit !(b < 0.8 * a) }' || note "the training loss did not fall"
awk -v a="$(value base_loss)" -v b="$(value best_loss)" 'BEGIN { exit !(b < 0.9 * a) }' || note "the held-out loss did not fall"
expect_same "$(grep -c '"event": *"train"' two/log.jsonl)" 12
expect_same "$(grep -c '"event": *"validation"' two/log.jsonl)" 3
train_small one --threads 1
expect_exit 0
same_run one two
printf 'target_id,sequence\na,GGCCAAGG\n' >s.csv
run predict --checkpoint two/best.safetensors --sequences s.csv --out folds --samples 1 --steps 1 --cycles 1
expect_exit 0
cmp -s two/best.safetensors tiny.safetensors && note "nothing was trained"
run inspect two/final.safetensors
expect_exit 0
true
