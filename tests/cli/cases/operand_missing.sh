run inspect
expect_exit 2
expect_stderr 'rnatune inspect: FILE is missing'
expect_stderr "  hint: 'rnatune inspect --help' lists what there is"
