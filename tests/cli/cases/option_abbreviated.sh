run init --config rnapro_base --out x --ve --se 3 --d bf16 --j --m
expect_exit 0
expect_stdout '.TH'
run init --config=x --q --version
expect_exit 2
run inspect --a --c
expect_exit 2
expect_stderr '--config needs a value'
