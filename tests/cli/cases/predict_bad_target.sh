# a target that cannot be folded does not stop the others
printf 'target_id,sequence\ngood,GGCC\nbad,GGNC\nlower,ggcctt\ngood,GGCC\n' >s.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --samples 1 --steps 1 --cycles 1
expect_exit 1
expect_stderr "bad failed: s.csv:3"
expect_stderr "'N'"
expect_stderr "warning: lower: 2 T read as U"
expect_stderr "2 of 4 targets failed; the others are written"
[ -s o/good/good_sample_0.cif ] && [ -s o/lower/lower_sample_0.cif ] || note "the good targets are missing"
printf 'target,sequence\na,GG\n' >s.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o
expect_exit 1
expect_stderr "target_id"
