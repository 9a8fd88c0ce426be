run inspcet
expect_exit 2
expect_no_stdout
expect_stderr "rnatune: unknown verb 'inspcet'"
expect_stderr "  hint: did you mean 'inspect'?"
run xyzzyxyzzy
expect_exit 2
expect_stderr "  hint: 'rnatune --help' lists the verbs"
