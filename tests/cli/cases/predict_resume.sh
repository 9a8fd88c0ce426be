# a batch that is killed again and again and resumed ends with the same bytes as one that was left alone; RT_KILLS kills
# (3 here, 20 in `make stress`) at moments spread over the run, wherever they fall: computing, writing, renaming
run convert $GOLDEN/tiny/tiny.pt --out t.safetensors
(echo target_id,sequence; for i in $(seq 12); do echo "t$i,GGGAAACCCGGGUUCGCCCGGGAUACU"; done) >s.csv
P="predict --checkpoint t.safetensors --sequences s.csv --samples 3 --cycles 1 --steps 20 --confidence --plots --keep 2"
begin=$(date +%s%N)
run $P --out whole
expect_exit 0
took=$((($(date +%s%N) - begin) / 1000000))
kills=${RT_KILLS:-3}
for k in $(seq "$kills"); do
    "$BINARY" $P --out pieces --resume >/dev/null 2>log.$k </dev/null &
    pid=$!
    # a different share of the time that is left to do each time, never so late that nothing is left to kill for the next
    sleep "$(awk -v t="$took" -v k="$k" -v n="$kills" 'BEGIN { printf "%.3f", t / 1000 * (0.25 + (k * 0.37) % 1) * 1.5 / (n + 1) }')"
    kill -KILL $pid 2>/dev/null && echo killed >>killed
    wait $pid 2>/dev/null
done
# what a process that is no more had half written is swept away; what others put there stays
mkdir -p pieces/t4
rm -f pieces/t4/summary.json
echo half >pieces/t4/t4_sample_1.cif.tmp.99999999.3
echo half >pieces/t4/notes.tmp.99999999.3
run $P --out pieces --resume
expect_exit 0
[ -e pieces/t4/t4_sample_1.cif.tmp.99999999.3 ] && note "the half of a file is still there"
rm pieces/t4/notes.tmp.99999999.3 || note "somebody's own file is gone"
[ "$(wc -l <killed)" -ge $((kills * 3 / 4)) ] || note "only $(wc -l <killed) of $kills kills met a running program"
for f in $(cd whole && find . -type f ! -name run.json); do cmp -s "whole/$f" "pieces/$f" || note "$f differs"; done
expect_same "$(cd pieces && find . -type f | sort | tr '\n' ' ')" "$(cd whole && find . -type f | sort | tr '\n' ' ')"
# once more: nothing is folded, nothing changes, and that is quick
run $P --out pieces --resume
expect_exit 0
expect_same "$(grep -c kept_from_earlier_run pieces/run.json)" 12
cmp -s whole/submission.csv pieces/submission.csv || note "submission.csv changed"
# other inputs are folded again: another option, another sequence; the others are kept
sed -i 's/^t3,G/t3,A/' s.csv
run $P --out pieces --resume
expect_exit 0
expect_stderr "t3: its inputs or options are not those of the earlier run; it is folded again"
expect_same "$(grep -c kept_from_earlier_run pieces/run.json)" 11
# a file that is missing, a summary that is damaged, rows that are not the target's: folded again, not believed
rm pieces/t4/t4_sample_1.cif
echo '{"inputs_sha256": 7' >pieces/t5/summary.json
sed -i 2d pieces/t6/submission.csv
run $P --out pieces --resume
expect_exit 0
expect_same "$(grep -c kept_from_earlier_run pieces/run.json)" 9
cmp -s whole/t4/t4_sample_1.cif pieces/t4/t4_sample_1.cif || note "t4 was not folded again"
cmp -s whole/t6/submission.csv pieces/t6/submission.csv || note "t6 was not folded again"
run $P --out pieces --resume --steps 21
expect_exit 0
expect_same "$(grep -c kept_from_earlier_run pieces/run.json)" 0
