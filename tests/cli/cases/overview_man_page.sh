run --man
expect_exit 0
expect_stdout '.TH RNATUNE 1'
expect_stdout '.BR rnatune\-inspect (1)'
