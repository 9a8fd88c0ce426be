run init --config rnapro_base --out x --seed many
expect_exit 2
expect_stderr "rnatune init: --seed: 'many' is not a whole number"
run init --config rnapro_base --out x --seed 1.5
expect_exit 2
run init --config rnapro_base --out x --seed -1
expect_exit 2
expect_stderr 'rnatune init: --seed: -1 is out of range; 0 to 1e+15 was expected'
run init --config rnapro_base --out x --seed 99999999999999999999
expect_exit 2
