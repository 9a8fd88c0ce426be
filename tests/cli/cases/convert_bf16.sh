model m.safetensors
run convert m.safetensors --out t.safetensors --dtype bf16 --json
expect_exit 0
expect_stdout '"parameters": 666040'
run inspect t.safetensors
expect_stdout "$(printf 'dtype\tBF16\t1158')"
expect_stdout "$(printf 'dtype\tF32\t5')"
