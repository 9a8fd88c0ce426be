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
# a NaN among the weights: a softmax swallows it, and the fold looked like one
model t.safetensors
printf 'target_id,sequence\na,GG\n' >s.csv
size=$(stat -c %s t.safetensors)
printf '\x00\x00\xc0\x7f' | dd of=t.safetensors bs=1 seek=$((size - 4)) conv=notrunc status=none
run predict --checkpoint t.safetensors --sequences s.csv --out o
expect_exit 1
expect_stderr "holds a NaN or an infinity"
expect_stderr "t.safetensors: the weight '"
