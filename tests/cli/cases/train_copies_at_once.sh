# noisy copies in batches: the losses are those of copies one by one, a killed run goes on to the same bytes with any number of
# threads, another size of the batch is another plan, and where a step does not fit the hint names it
. "$here/make_set.sh"
# shellcheck disable=SC2086
lora() { run train lora $SMALL --copies 5 --rank 2 "$@"; }
lora --epochs 1 --out single
expect_exit 0
grep -A3 '"copies-at-once"' single/run.json | grep -q '"value": 1' || note "the default on a processor is not 1"
losses() { awk '$1 ~ /^(first|last|base|best)_loss$/ { print $2 }' "$out"; }
one_by_one=$(losses)
lora --epochs 1 --copies-at-once 4 --out batch
expect_exit 0
paste <(echo "$one_by_one") <(losses) | awk '{ d = ($1 - $2) / $1; if (d > 1e-5 || d < -1e-5) bad = 1 } END { exit bad || NR != 4 }' ||
    note "other losses with four copies at once: $one_by_one, $(losses)"
cmp -s single/final/adapter_model.safetensors batch/final/adapter_model.safetensors &&
    note "not one byte differs: the copies did not go together"
lora --copies-at-once 4 --out whole --threads 2
expect_exit 0
# shellcheck disable=SC2086
"$BINARY" train lora $SMALL --copies 5 --rank 2 --copies-at-once 4 --out part --save-minutes 0.00001 >part.out 2>part.err </dev/null &
pid=$!
for i in $(seq 400); do grep -q '"step": *2' part/checkpoints.json 2>/dev/null && break; sleep 0.02; done
kill -KILL $pid
wait $pid 2>/dev/null
[ ! -e part/final ] || note "it was not killed in time"
lora --out part --resume
expect_exit 1
expect_stderr 'with other settings'
lora --copies-at-once 4 --out part --resume --threads 1
expect_exit 0
expect_stderr 'goes on after step'
for file in final/adapter_model.safetensors best/adapter_model.safetensors base_validation.json held_out.tsv; do
    cmp "whole/$file" "part/$file" || note "$file differs after a kill"
done
lora --copies 16 --copies-at-once 16 --memory-limit 12M --epochs 1 --out small
expect_exit 1
expect_stderr 'fewer --copies-at-once (16), a shorter --crop'
lora --copies 16 --memory-limit 12M --epochs 1 --out smaller
expect_exit 0
lora --copies 16 --memory-limit 4M --epochs 1 --out smallest
expect_exit 1
grep -q 'copies-at-once' "$err" && note "one copy cannot be fewer"
true
