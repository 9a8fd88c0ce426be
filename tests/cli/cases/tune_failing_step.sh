# a step that fails: its one line, where the log is, exit 1, and nothing lost; put right, the same command goes on
. "$here/make_plan.sh"
run tune plan.yaml --to audit
expect_exit 0
echo >out/held_out   # where a folder should go
run tune plan.yaml
expect_exit 1
expect_stderr 'rnatune tune: step pairs: rnatune export: '
expect_stderr 'logs/pairs.log'
expect_same "$(steps failed) $(steps done)" '1 5'
grep -q '"error": "step pairs: ' out/steps.json || note "steps.json does not say why"
rm out/held_out
run tune plan.yaml --to pairs
expect_exit 0
skipped doctor import families split audit
expect_stderr 'step pairs: goes on'
# a leak that the rounds do not mend ends the audit
sed -i 's/^split: .*/split: {sizes: 50\/25\/25, rounds: 1}/' plan.yaml
echo 'audit: {tm: 0.1, tm_residues: 10}' >>plan.yaml
run tune plan.yaml --to audit
expect_exit 1
expect_stderr 'step audit: after 1 rounds the split still leaks'
expect_stderr 'split.rounds: 2'
# a child that crashes does not take tune with it
sed -i '/^audit:/d; s/, rounds: 1//' plan.yaml
run tune plan.yaml --to pairs
expect_exit 0
(run_slow() { "$BINARY" tune plan.yaml --to baseline >/dev/null 2>crash.err </dev/null; echo $? >crash.code; }; run_slow) &
for i in $(seq 200); do
    child=$(pgrep -f "predict .*$PWD/out/baseline" | head -1)
    [ -n "$child" ] && kill -SEGV "$child" 2>/dev/null && break
    sleep 0.02
done
wait
expect_same "$(cat crash.code)" 1
grep -q 'step baseline: rnatune predict was ended by signal 11' crash.err || note "the crash is not told: $(tail -2 crash.err)"
run tune plan.yaml --to baseline
expect_exit 0
expect_stderr 'step baseline: goes on'
# two at a time do not write into one folder
"$BINARY" tune plan.yaml >/dev/null 2>first.err </dev/null &
pid=$!
sleep 0.3
run tune plan.yaml --to baseline
expect_exit 0
expect_stderr 'which still works there, to save and end'
wait $pid
