run init --config rnapro_base --out x --dtype fp16
expect_exit 2
expect_stderr "rnatune init: --dtype: 'fp16' is not one of fp32, bf16"
expect_stderr "  hint: did you mean 'fp32'?"
