# what can compute here; where no GPU can be used --device cuda says why in one line, and auto takes the processor
run devices
expect_exit 0
expect_stdout "device	name	GiB	GiB_free	capability	bf16"
grep -q '^cpu	' "$out" || note "the processor is not listed"
run devices --json
expect_exit 0
expect_stdout '"device": "cpu"'
needs "$GOLDEN"
grep -q '"cuda_unavailable": null' "$out" && skip "a GPU can be used here"
run verify --golden "$GOLDEN" --case toy4 --device cuda
expect_exit 1
expect_stderr "rnatune verify: no CUDA device can be used: "
expect_same "$(wc -l <"$err")" 2
expect_no_stdout
run verify --golden "$GOLDEN" --case toy4 --device auto --misses
expect_exit 0
expect_stderr "--device auto: the processor computes, because no CUDA device can be used: "
