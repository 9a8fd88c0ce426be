run inspect "$DATA/io/system.pt"
expect_exit 1
expect_no_stdout
expect_stderr 'system'
run inspect "$DATA/io/truncated.pt"
expect_exit 1
expect_no_stdout
