model m.safetensors
run inspect m.safetensors --config rnapro_base --all
expect_exit 3
expect_stdout "$(printf 'differs\tpairformer_blocks\tconfig 48, weights 2')"
expect_stdout "$(printf 'wrong_shape\tlayernorm_s.weight\texpected 384\tF32\t32')"
expect_stdout "$(printf 'missing\tpairformer_stack.blocks.2.')"
run inspect m.safetensors --config "$DATA/tiny_config.json"
expect_exit 0
run inspect m.safetensors --config rnapro_bsae
expect_exit 2
expect_stderr "'rnapro_bsae' is neither a preset nor a file"
expect_stderr "  hint: did you mean 'rnapro_base'?"
