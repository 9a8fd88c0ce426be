run version --jsno
expect_exit 2
expect_no_stdout
expect_stderr "rnatune version: unknown option '--jsno'"
expect_stderr "  hint: did you mean '--json'?"
run version --completely-else
expect_exit 2
expect_stderr "  hint: 'rnatune version --help' lists what there is"
run version -z
expect_exit 2
expect_stderr "unknown option '-z'"
