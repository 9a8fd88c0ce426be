model m.safetensors
run inspect m.safetensors
expect_exit 0
expect_stdout "$(printf 'section\tname\tvalue\tdtype\tshape')"
expect_stdout "$(printf 'file\tformat\tsafetensors')"
expect_stdout "$(printf 'file\tstep\t-')"
expect_stdout "$(printf 'file\ttensors\t1163')"
expect_stdout "$(printf 'file\tparameters\t666040')"
expect_stdout "$(printf 'module\tribonanza_net\t50270')"
expect_stdout "$(printf 'size\tc_hidden_mul\t24')"
expect_stdout "$(printf 'network\thas_ribonanza\tyes')"
expect_stdout "$(printf 'network\tmissing\t0')"
expect_stdout "$(printf 'network\tunknown\t0')"
expect_stdout "$(printf 'network\twrong_shape\t0')"
expect_same "$(awk -F'\t' 'NF != 5' "$out" | wc -l)" 0
