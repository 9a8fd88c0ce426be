run inspect "$DATA/io/mixed.safetensors"
expect_exit 0
expect_stdout "$(printf 'file\tformat\tsafetensors')"
expect_stderr "warning: not a whole RNAPro checkpoint: the tensor 'layernorm_s.weight' is missing"
run inspect "$DATA/io/mixed.safetensors" --config rnapro_base
expect_exit 3
expect_stdout "$(printf 'network\tmissing\t7153')"
expect_stdout "$(printf 'missing\t...\tand 7133 more (--all lists them)')"
run inspect "$DATA/io/mixed.safetensors" --config rnapro_base --all
expect_same "$(grep -c '^missing' "$out")" 7153
