# .pt (wrapped, with module.), safetensors in float and in bf16: one network
S="--sequences $GOLDEN/raw/sequences.csv --config $GOLDEN/tiny/tiny_config.json"
run convert $GOLDEN/tiny/tiny.pt --out tiny.safetensors
run convert $GOLDEN/tiny/tiny.pt --out tiny16.safetensors --dtype bf16
run predict --checkpoint $GOLDEN/tiny/tiny.pt $S --out pt
expect_exit 0
run predict --checkpoint tiny.safetensors $S --out st
expect_exit 0
expect_same "$(cat pt/*/*.cif | sha256sum)" "$(cat st/*/*.cif | sha256sum)"
run predict --checkpoint tiny16.safetensors $S --out st16
expect_exit 0
[ "$(cat pt/*/*.cif | sha256sum)" != "$(cat st16/*/*.cif | sha256sum)" ] || note "bf16 weights changed nothing"
run predict --checkpoint tiny16.safetensors $S --out bf16 --precision bf16
expect_exit 0
run predict --checkpoint tiny16.safetensors $S --out reference --precision reference
expect_exit 0
