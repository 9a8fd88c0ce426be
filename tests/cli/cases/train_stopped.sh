# a kill finishes the step, saves and exits 0; what goes on from there ends with the same bytes
. "$here/make_set.sh"
train_small whole
# shellcheck disable=SC2086
"$BINARY" train confidence $SMALL --out part --save-minutes 0 >part.out 2>part.err </dev/null &
pid=$!
for i in $(seq 400); do [ -s part/log.jsonl ] && break; sleep 0.02; done
kill -TERM $pid
wait $pid
expect_same $? 0
grep -q 'with --resume goes on' part.err || note "stderr does not say how to go on"
grep -q '"stopped": true' part/run.json || note "run.json does not say that it was stopped"
[ ! -e part/final.safetensors ] || note "it was not stopped"
train_small part --resume --threads 1
expect_exit 0
expect_stderr 'goes on after step'
same_run whole part
# the epoch's mean training loss is that of the whole epoch, also where the run was taken up again within it
validations() { grep '"validation"' "$1/log.jsonl" | sed 's/^{"time":[^,]*,//' | sort -u; }
expect_same "$(validations whole | grep -c '"train_loss":[0-9]')" 3
expect_same "$(validations whole)" "$(validations part)"
