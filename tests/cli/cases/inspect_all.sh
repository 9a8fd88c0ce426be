model m.safetensors
run inspect m.safetensors --all
expect_exit 0
expect_same "$(grep -c '^tensor' "$out")" 1163
expect_stdout "$(printf 'tensor\tconfidence_head.plddt_weight\t38400\tF32\t24,32,50')"
