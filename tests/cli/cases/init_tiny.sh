run init --config "$DATA/tiny_config.json" --out a.safetensors
expect_exit 0
expect_stdout "$(printf 'a.safetensors\t1163\t666040\t')"
run init --config "$DATA/tiny_config.json" --out b.safetensors --seed 42
expect_same "$(sha256sum <a.safetensors)" "$(sha256sum <b.safetensors)"
run init --config "$DATA/tiny_config.json" --out c.safetensors --seed 43
[ "$(sha256sum <a.safetensors)" != "$(sha256sum <c.safetensors)" ] || note "the seed changes nothing"
run inspect a.safetensors --config "$DATA/tiny_config.json"
expect_exit 0
