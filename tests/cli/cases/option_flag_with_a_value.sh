run version --json=yes
expect_exit 2
expect_stderr "rnatune version: --json takes no value, but 'yes' was given"
