# a wall-clock limit: every target gets an answer, the summaries say what was made shorter
run convert $GOLDEN/tiny/tiny.pt --out t.safetensors
(echo target_id,sequence; for i in $(seq 6); do echo "t$i,$(printf 'GGGAAACCCU%.0s' $(seq 12))"; done) >s.csv
P="predict --checkpoint t.safetensors --sequences s.csv --samples 20 --cycles 4 --steps 400"
# (how well the time is kept is predict_budget_test's business: here other programs may take the processors)
run $P --out o --time-budget 2s
expect_exit 0
expect_same "$(ls o/*/summary.json | wc -l)" 6
expect_same "$(($(wc -l <o/submission.csv) - 1))" 720
expect_same "$(cut -d, -f4-18 o/submission.csv | grep -vc '[1-9]')" 0
grep -q '"shortened_by_time_budget_from"' o/t6/summary.json || note "t6 does not say that it was made shorter"
grep -q '"samples": 20' o/t6/summary.json || note "t6 does not say what was asked for"
expect_stderr "its share of the time that is left"
# enough time changes nothing
printf 'target_id,sequence\nt1,GGGAAACCC\n' >s.csv
P="predict --checkpoint t.safetensors --sequences s.csv --samples 2 --cycles 1 --steps 20"
run $P --out plenty --time-budget 1h30m
expect_exit 0
run $P --out none
cmp -s plenty/t1/summary.json none/t1/summary.json || note "a budget that is large enough changed something"
