# RibonanzaNet2 missing is never silent
S="--sequences $GOLDEN/raw/sequences.csv --samples 1 --steps 1 --cycles 1"
run predict --checkpoint $GOLDEN/tiny/tiny.pt --no-ribonanza $S --out without
expect_exit 0
expect_stderr "warning: running WITHOUT RibonanzaNet2"
grep -q '"ribonanzanet2": "none"' without/toy4/summary.json || note "summary.json does not say so"
grep -q '"ribonanzanet2": "none"' without/run.json || note "run.json does not say so"
run predict --checkpoint $GOLDEN/tiny/tiny.pt --no-ribonanza --ribonanza $GOLDEN/tiny/ribonanzanet2 $S --out x
expect_exit 2
expect_stderr "--ribonanza and --no-ribonanza contradict each other"
run predict --checkpoint $GOLDEN/tiny/ribonanzanet2/pytorch_model_fsdp.bin $S --out x
expect_exit 1
expect_stderr "rnatune predict: $GOLDEN/tiny/ribonanzanet2/pytorch_model_fsdp.bin: "
