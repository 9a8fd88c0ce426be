# Ctrl-C: what was finished is written whole, nothing else is there, and run.json says that it was stopped
run convert $GOLDEN/tiny/tiny.pt --out t.safetensors
(head -1 $GOLDEN/raw/sequences.csv; for i in $(seq 40); do echo "t$i,GGGAAACCCGGGUUCGCCCGGGAUACUCCCGGGAAACCCGGGUUCGCCCGGGAUACUCCC"; done) | cut -d, -f1,2 >s.csv
"$BINARY" predict --checkpoint t.safetensors --sequences s.csv --out o --samples 1 --steps 40 >out.tsv 2>err.txt </dev/null &
pid=$!
for i in $(seq 1200); do [ -s o/submission.csv ] && break; sleep 0.05; done
kill -INT $pid
wait $pid
expect_same $? 1
grep -q "rnatune predict: stopped" err.txt || note "stderr does not say that it was stopped"
grep -q '"stopped": true' o/run.json || note "run.json does not say so"
expect_same "$(find o -name '*.tmp.*' | wc -l)" 0
done_targets=$(ls -d o/t*/ | wc -l)
[ "$done_targets" -ge 1 ] && [ "$done_targets" -lt 40 ] || note "$done_targets targets are done"
# every row of every target is there, with zeros where nothing was folded, and --resume goes on
expect_same "$(($(wc -l <o/submission.csv) - 1))" 2400
expect_same "$(cut -d, -f4-18 o/submission.csv | grep -vc '[1-9]')" "$(((40 - $(ls o/*/summary.json | wc -l)) * 60))"
grep -q "submission.csv has zeros for .* targets that were not reached; --resume goes on" err.txt || note "stderr does not say how to go on"
