needs "$GOLDEN/tiny/tiny.pt"
run inspect "$GOLDEN/tiny/tiny.pt" --config rnapro_base
expect_exit 3
expect_stdout "$(printf 'differs\tpairformer_blocks\tconfig 48, weights 2')"
run inspect "$GOLDEN/tiny/tiny.pt" --config "$DATA/tiny_config.json"
expect_exit 0
run inspect "$GOLDEN/tiny/tiny.pt" --config rnapro_bsae
expect_exit 2
expect_stderr "'rnapro_bsae' is neither a preset nor a file"
expect_stderr "  hint: did you mean 'rnapro_base'?"
