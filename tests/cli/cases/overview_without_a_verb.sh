run
expect_exit 2
expect_no_stdout
expect_stderr 'usage: rnatune VERB [options]'
