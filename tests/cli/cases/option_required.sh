run init
expect_exit 2
expect_stderr 'rnatune init: --config NAME|FILE, --out FILE are required'
run init --config rnapro_base
expect_exit 2
expect_stderr 'rnatune init: --out FILE is required'
