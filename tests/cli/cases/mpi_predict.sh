# the processes of one mpirun share the targets and write what one process writes; a target that fails, a file that is in the
# way, a kill, and what goes on after it
needs_mpi
needs $GOLDEN/tiny
run convert $GOLDEN/tiny/tiny.pt --out t.safetensors
s=GGGAAACCCGGGUUCGCCCGGGAUACU
(echo target_id,sequence; for i in $(seq 7); do echo "t$i,${s:0:$((10 + 2 * i))}"; done; echo submission.csv,GGGCC; echo t9,GGXCC) >s.csv
P="predict --checkpoint t.safetensors --sequences s.csv --samples 3 --cycles 1 --steps 20 --confidence --keep 2"
mkdir one three
echo in the way | tee one/t6 >three/t6
run $P --out one
expect_exit 1
expect_stderr "3 of 9 targets failed"
cut -f1-5 "$out" >one.out
ranks 3 $P --out three --threads 1
expect_exit 1
expect_stderr "rnatune predict: 3 of 9 targets failed"
expect_same "$(grep -c 'targets failed' "$err")" 1
expect_same "$(cut -f1-5 "$out")" "$(cat one.out)"
diff -r -x run.json one three >differences || note "what is written differs: $(head -3 differences)"
expect_same "$(grep '"target":' one/run.json)" "$(grep '"target":' three/run.json)"
expect_same "$(grep -c '"error"' three/run.json)" "$(grep -c '"error"' one/run.json)"
grep -q '"ranks": 3,' three/run.json || note "run.json does not say how many ranks there were"
# more ranks than targets; only a plan
head -3 s.csv >two.csv
ranks 4 predict --checkpoint t.safetensors --sequences two.csv --samples 1 --cycles 1 --steps 2 --out few
expect_exit 0
expect_same "$(cut -f1 "$out" | tr '\n' ' ')" "target t1 t2 "
ranks 2 $P --dry-run --out plan
expect_same "$(wc -l <"$out")" 10
[ ! -e plan ] || note "a dry run wrote something"
# a rank is killed: the rest of them end, and what was folded is kept
grep -v 'submission.csv\|t9' s.csv >good.csv
P="predict --checkpoint t.safetensors --sequences good.csv --samples 3 --cycles 1 --steps 200 --keep 2 --threads 1"
run $P --out whole
mpirun_of 2 $P --out part
"${mpirun[@]}" >part.out 2>part.err </dev/null &
pid=$!
for i in $(seq 600); do [ "$(ls part/*/summary.json 2>/dev/null | wc -l)" -ge 2 ] && break; sleep 0.02; done
kill -KILL "$(rank_processes $pid | tail -1)" || note "nothing was left to kill"
wait $pid && note "mpirun says that all is well without a rank"
ranks 3 $P --out part --resume
expect_exit 0
[ "$(grep -c kept_from_earlier_run part/run.json)" -ge 2 ] || note "what was folded before the kill was folded again"
diff -r -x run.json whole part >differences || note "what is written differs: $(head -3 differences)"
