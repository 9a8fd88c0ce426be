run init --config
expect_exit 2
expect_stderr 'rnatune init: --config needs a value: --config NAME|FILE'
run init --config --json
expect_exit 2
expect_stderr "rnatune init: --config needs a value, but '--json' follows"
run init --out ''
expect_exit 2
expect_stderr 'rnatune init: --out: the value is empty'
