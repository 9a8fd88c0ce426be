model m.safetensors
run convert m.safetensors --out t.safetensors --config "$DATA/tiny_config.json"
expect_exit 0
run convert m.safetensors --out u.safetensors --config rnapro_base
expect_exit 1
expect_stderr 'c_s: the config says 384, the weights 32'
expect_stderr '  hint: config: rnapro_base'
[ ! -e u.safetensors ] || note "u.safetensors was left behind"
run convert "$DATA/io/mixed.safetensors" --out r.safetensors
expect_exit 0
expect_stderr 'the configuration is not recorded'
run convert "$DATA/io/mixed.safetensors" --out s.safetensors --config rnapro_base
expect_exit 1
expect_stderr "the tensor 'layernorm_s.weight' is missing"
expect_same "$(echo *)" \
    "m.safetensors m.safetensors.run.json r.safetensors r.safetensors.run.json t.safetensors t.safetensors.run.json"
