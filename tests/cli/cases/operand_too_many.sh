touch a b
run inspect a b
expect_exit 2
expect_stderr "rnatune inspect: unexpected 'b' after FILE"
run version now
expect_exit 2
expect_stderr "rnatune version: unexpected 'now': only options were expected"
