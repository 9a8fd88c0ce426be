needs "$GOLDEN/tiny/tiny.pt"
run convert "$GOLDEN/tiny/tiny.pt" --out t.safetensors --config "$DATA/tiny_config.json"
expect_exit 0
run convert "$GOLDEN/tiny/tiny.pt" --out u.safetensors --config rnapro_base
expect_exit 1
expect_stderr 'c_s: the config says 384, the weights 32'
expect_stderr '  hint: config: rnapro_base'
[ ! -e u.safetensors ] || note "u.safetensors was left behind"
run convert "$GOLDEN/tiny/ribonanzanet2/pytorch_model_fsdp.bin" --out r.safetensors
expect_exit 0
expect_stderr 'the configuration is not recorded'
run convert "$GOLDEN/tiny/ribonanzanet2/pytorch_model_fsdp.bin" --out s.safetensors --config rnapro_base
expect_exit 1
expect_stderr "the tensor 'layernorm_s.weight' is missing"
expect_same "$(ls | tr '\n' ' ')" "r.safetensors r.safetensors.run.json t.safetensors t.safetensors.run.json "
