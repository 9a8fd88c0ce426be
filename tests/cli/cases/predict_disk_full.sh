# coordinates that were computed reach submission.csv even when the structures do not fit on the disk
mkdir full
mount -t tmpfs -o size=24k tmpfs full 2>/dev/null || skip "mount needs root"
printf 'target_id,sequence\na,GGCCAAGG\n' >s.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out full/o --samples 3 --steps 1 --cycles 1
cp full/o/submission.csv . ; find full >list
umount full
expect_exit 1
expect_stderr "cannot write: No space left on device"
expect_stderr "a: its coordinates are in submission.csv all the same"
expect_same "$(wc -l <submission.csv)" 9
grep -q ',0.000,0.000,0.000' submission.csv && note "the coordinates are zeros"
grep -q '\.tmp\.' list && note "a half-written file is left"
true
