# safetensors to a .pt and back: the same tensors under the same names; as the reference saves it, or bare
needs "$GOLDEN/tiny/tiny.pt"
same_tensors() {   # names, types, shapes; values by the hash of a file that convert makes of both
    run convert "$1" --out a.safetensors --quiet
    run convert "$2" --out b.safetensors --quiet
    tail -c +$((9 + $(od -An -tu8 -N8 a.safetensors))) a.safetensors | sha256sum >a.sum
    tail -c +$((9 + $(od -An -tu8 -N8 b.safetensors))) b.safetensors | sha256sum >b.sum
    cmp -s a.sum b.sum || note "$1 and $2 hold other values"
    run inspect "$1" --all
    grep "^tensor" "$out" >a.list
    run inspect "$2" --all
    grep "^tensor" "$out" >b.list
    cmp -s a.list b.list || note "$1 and $2 hold other tensors"
}
run convert "$GOLDEN/tiny/tiny.pt" --out t.safetensors
run convert t.safetensors --out t.pt
expect_exit 0
expect_stdout "$(sha256sum t.pt | cut -d' ' -f1)"
[ -s t.pt.run.json ] || note "no t.pt.run.json"
same_tensors "$GOLDEN/tiny/tiny.pt" t.pt
unzip -p t.pt '*data.pkl' | grep -qa 'module.layer_weights' || note "names lack 'module.'"
unzip -p t.pt '*data.pkl' | grep -qa 'optimizer' || note "the wrapper lacks 'optimizer'"
run convert t.safetensors --out bare.pt --wrapper none
expect_exit 0
unzip -p bare.pt '*data.pkl' | grep -qa 'module.layer_weights\|optimizer' && note "the bare file is wrapped"
same_tensors t.pt bare.pt
run convert t.safetensors --out half.pt --dtype bf16
expect_exit 0
[ "$(stat -c %s half.pt)" -lt $(($(stat -c %s t.pt) * 2 / 3)) ] || note "bf16 is no smaller"
run convert "$DATA/io/dtypes.pt" --out part.pt
expect_exit 0
expect_stderr "is no whole network"
if [ -n "${RT_TORCH_PYTHON:-}" ]; then
    "$RT_TORCH_PYTHON" - <<'PY' || note "PyTorch does not read what was written"
import torch
t, r = (torch.load(p, weights_only=True) for p in ("t.pt", "bare.pt"))
assert list(t) == ["model", "optimizer", "scheduler", "step"] and t["optimizer"] is None
assert ["module." + k for k in r] == list(t["model"]) and all(torch.equal(r[k], t["model"]["module." + k]) for k in r)
assert torch.load("half.pt", weights_only=True)["model"]["module.linear_no_bias_sinit.weight"].dtype == torch.bfloat16
PY
fi
true
