needs "$GOLDEN/tiny/tiny.pt"
run inspect "$GOLDEN/tiny/tiny.pt" --config "$DATA/tiny_config.json"
expect_exit 0
expect_stdout "$(printf 'file\tformat\ttorch')"
expect_stdout "$(printf 'file\tstep\t7')"
expect_stdout "$(printf 'network\tmissing\t0')"
expect_stdout "$(printf 'network\tunknown\t0')"
expect_stdout "$(printf 'network\twrong_shape\t0')"
