needs "$GOLDEN/tiny/tiny.pt"
run inspect "$GOLDEN/tiny/tiny.pt"
expect_exit 0
expect_stdout "$(printf 'section\tname\tvalue\tdtype\tshape')"
expect_stdout "$(printf 'file\tformat\ttorch')"
expect_stdout "$(printf 'file\tstep\t7')"
expect_stdout "$(printf 'file\ttensors\t1163')"
expect_stdout "$(printf 'file\tparameters\t666040')"
expect_stdout "$(printf 'module\tribonanza_net\t50270')"
expect_stdout "$(printf 'size\tc_hidden_mul\t24')"
expect_stdout "$(printf 'network\thas_ribonanza\tyes')"
expect_same "$(awk -F'\t' 'NF != 5' "$out" | wc -l)" 0
