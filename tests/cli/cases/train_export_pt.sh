# --export-pt: what the reference's training can go on from, and --continue-adam: going on from such a file
. "$here/make_set.sh"
needs "$GOLDEN/tiny/tiny.pt"
PT="--data set --split split.tsv --crop 12 --cycles 1 --rollout-steps 2 --accumulation 2 --lr 3e-3"
# shellcheck disable=SC2086
train_pt() { run train confidence $PT "$@"; }
train_pt --checkpoint "$GOLDEN/tiny/tiny.pt" --config "$DATA/tiny_config.json" --epochs 2 --out first --export-pt
expect_exit 0
for name in best final; do [ -s first/$name.pt ] || note "no $name.pt"; done
run convert first/final.pt --out final.safetensors
run convert first/final.safetensors --out again.safetensors
tail -c 2000000 final.safetensors | cmp -s - <(tail -c 2000000 again.safetensors) || note "final.pt is not final.safetensors"
printf 'target_id,sequence\na,GGCCAAGG\n' >s.csv
run predict --checkpoint first/best.pt --config "$DATA/tiny_config.json" --sequences s.csv --out folds --samples 1 --steps 1 --cycles 1
expect_exit 0
# it goes on where the other stopped: step 8 comes next, with the moments of all 132 tensors
go_on() { train_pt --checkpoint first/final.pt --config "$DATA/tiny_config.json" --epochs 1 "$@"; }
go_on --continue-adam --out second
expect_exit 0
expect_stderr 'moments of 132 of 132 tensors, next step 8; its rate was 0.003, here 0.003'
grep -q '"step": *12' second/log.jsonl || note "steps are not counted on"
go_on --out anew
expect_exit 0
cmp -s second/final.safetensors anew/final.safetensors && note "the moments changed nothing"
# a stopped run takes its own moments
go_on --continue-adam --out third --epochs 2 --save-minutes 0.00001 --export-pt
go_on --continue-adam --out third --epochs 2 --resume
expect_exit 0
expect_stderr 'goes on after step 16'
go_on --continue-adam --optimizer adamw --out other
expect_exit 0
expect_stderr 'was made by Adam with betas'
# what has none, or none for what trains
train_pt --checkpoint tiny.safetensors --continue-adam --epochs 1 --out bad
expect_exit 1
expect_stderr 'hint: --continue-adam takes a .pt that training wrote, with its optimizer'
train_pt --checkpoint "$GOLDEN/tiny/tiny.pt" --config "$DATA/tiny_config.json" --continue-adam --epochs 1 --out bad
expect_exit 1
expect_stderr 'its optimizer has moments of nothing that trains here'
# a base whose order is not torch's, and averaged weights: the network without an optimizer, said aloud
train_small plain --epochs 1 --ema 0 --export-pt
expect_exit 0
expect_stderr 'the .pt files will hold no optimizer'
train_small averaged --epochs 1 --export-pt
expect_exit 0
expect_stderr 'hold the averaged weights, and so no optimizer'
if [ -n "${RT_TORCH_PYTHON:-}" ]; then
    "$RT_TORCH_PYTHON" - <<'PY' || note "PyTorch does not read what was written"
import torch
c = torch.load("first/final.pt", weights_only=True)
names = [k for k in c["model"] if "fourier_embedding" not in k]
assert len(c["optimizer"]["state"]) == 132 and c["step"] == 7, c["step"]
for number, state in c["optimizer"]["state"].items():
    weight = list(c["model"].values())[number]
    assert list(c["model"])[number].startswith("module.confidence_head.")
    assert state["exp_avg"].shape == weight.shape and state["step"] == 8
model = torch.nn.ParameterList([torch.nn.Parameter(v) for v in c["model"].values()])
adam = torch.optim.Adam(model.parameters())
adam.load_state_dict(c["optimizer"])
for p in model: p.grad = torch.ones_like(p)
adam.step()
assert torch.load("averaged/final.pt", weights_only=True)["optimizer"] is None
PY
fi
true
