needs "$GOLDEN/tiny/ribonanzanet2/pytorch_model_fsdp.bin"
run inspect "$GOLDEN/tiny/ribonanzanet2/pytorch_model_fsdp.bin"
expect_exit 0
expect_stdout "$(printf 'file\tparameters\t50270')"
expect_stderr "warning: not a whole RNAPro checkpoint: the tensor 'layernorm_s.weight' is missing"
run inspect "$GOLDEN/tiny/ribonanzanet2/pytorch_model_fsdp.bin" --config rnapro_base
expect_exit 3
