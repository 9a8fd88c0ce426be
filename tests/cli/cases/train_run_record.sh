# run.json from a run's first moment on: running, then finished, stopped or failed; a killed one says running
. "$here/make_set.sh"
state() { sed -n 's/^ *"state": *"\([a-z]*\)".*/\1/p' "$1/run.json"; }
# shellcheck disable=SC2086
"$BINARY" train confidence $SMALL --out killed --save-minutes 0.00001 >killed.out 2>killed.err </dev/null &
pid=$!
for i in $(seq 400); do [ -s killed/log.jsonl ] && break; sleep 0.02; done
expect_same "$(state killed)" running
grep -q '"ended": null' killed/run.json || note "a run that goes on has ended"
grep -q '"seed": 42' killed/run.json && grep -q '"plan_sha256"' killed/run.json || note "run.json is not whole"
kill -KILL $pid
wait $pid 2>/dev/null
expect_same "$(state killed)" running
train_small killed --resume --save-minutes 0.00001
expect_exit 0
expect_same "$(state killed)" finished
grep -q '"ended": "20' killed/run.json || note "no end"
# what failed says why
train_small failed --weight plddt=1e308 --max-bad-steps 1
expect_exit 1
expect_same "$(state failed)" failed
grep -q '"error": ".*1 step' failed/run.json || note "no reason: $(grep '"error"' failed/run.json)"
grep -q '"ended": "20' failed/run.json || note "no end"
# a run that was refused leaves the record of the one that is there
cp killed/run.json before.json
train_small killed
expect_exit 2
cmp -s killed/run.json before.json || note "a refused run wrote into another's record"
find . -name '*.tmp.*' | grep -q . && note "a half-written file is left"
true
