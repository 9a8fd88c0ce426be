needs "$GOLDEN/tiny/tiny.pt"
run convert "$GOLDEN/tiny/tiny.pt" --out t.safetensors
expect_exit 0
run inspect t.safetensors --config "$DATA/tiny_config.json"
expect_exit 0
expect_stdout "$(printf 'file\tparameters\t666040')"
