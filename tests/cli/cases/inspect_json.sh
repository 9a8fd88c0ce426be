model m.safetensors
run inspect m.safetensors --json --all
expect_exit 0
expect_stdout '"format": "safetensors"'
expect_stdout '"step": null'
expect_stdout '"pairformer_heads": 16'
expect_stdout '"missing": []'
expect_stdout '"name": "diffusion_module.linear_no_bias_s.weight"'
