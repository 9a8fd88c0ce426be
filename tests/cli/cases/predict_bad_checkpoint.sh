S="--sequences $GOLDEN/raw/sequences.csv --out x"
run predict --checkpoint $GOLDEN/tiny/tiny.pt --config rnapro_base $S
expect_exit 1
expect_stderr "c_s"
head -c 100000 $GOLDEN/tiny/tiny.pt >cut.pt
run predict --checkpoint cut.pt $S
expect_exit 1
expect_stderr "rnatune predict: cut.pt: "
run predict --checkpoint $GOLDEN/raw/sequences.csv $S
expect_exit 1
run predict --checkpoint $GOLDEN/tiny/tiny.pt --device cuda $S
expect_exit 1
expect_stderr "no CUDA device can be used"
