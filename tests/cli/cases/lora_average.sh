# the mean of adapters: exact by default, of a smaller rank on request, and as good as the mean of the merged networks
. "$here/make_set.sh"
# shellcheck disable=SC2086
run train lora $SMALL --copies 2 --also confidence_head --merged --out run
expect_exit 0
run lora average run/epoch-001 run/epoch-002 run/epoch-003 --out mean
expect_exit 0
expect_stdout '	3	24	'
awk 'NR == 2 { exit !($5 == 12 && $6 == 1 && $7 == 1) }' "$out" || note "the ranks do not add up"
for epoch in 1 2 3; do run lora merge tiny.safetensors run/epoch-00$epoch --out $epoch.safetensors; done
run convert 1.safetensors 2.safetensors 3.safetensors --out whole.safetensors
expect_exit 0
printf 'target_id,sequence\na,GGCCAAGGUUAACC\n' >s.csv
fold() { run predict --sequences s.csv --samples 1 --steps 2 --cycles 1 --out "$@"; expect_exit 0; }
fold a --checkpoint tiny.safetensors --adapter mean
fold b --checkpoint whole.safetensors
paste -d, a/submission.csv b/submission.csv | awk -F, 'NR > 1 { d = $4 - $22; if (d < 0) d = -d; if (d > 0.05) bad = 1 }
    END { exit bad }' || note "the mean of adapters does not fold as the mean of the networks"
run lora average run/epoch-001 run/epoch-002 run/epoch-003 --rank 4 --out small --json
expect_exit 0
expect_stdout '"rank": 4'
fold c --checkpoint tiny.safetensors --adapter small
# what cannot be averaged
run lora average run/epoch-001 --out o
expect_exit 2
expect_stderr 'at least two adapters'
run lora merge tiny.safetensors --out o
expect_exit 2
run lora divide run/epoch-001 --out o
expect_exit 2
expect_stderr "ACTION: 'divide' is not one of merge, average"
# shellcheck disable=SC2086
run train lora $SMALL --copies 1 --epochs 1 --targets 'pairformer_stack.*.linear_q' --out other
run lora average run/epoch-001 other/epoch-001 --out o
expect_exit 1
expect_stderr 'holds 6 adapters'
"$BINARY" init --config "$DATA/../data/tiny_config.json" --out x.safetensors --dtype bf16 --quiet >/dev/null
run convert x.safetensors small/adapter_model.safetensors --out o.safetensors
expect_exit 1
expect_stderr 'only checkpoints with the same tensors can be averaged'
