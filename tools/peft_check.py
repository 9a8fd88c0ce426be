"""peft_check.py RNATUNE GOLDEN SCRATCH [ADAPTER ...]: adapters go both ways between rnatune and PyTorch's PEFT.

    RNAPRO_REF=<checkout of github:rish-16/RNAPro> python tools/peft_check.py build/rnatune ../shared/golden /tmp/scratch

GOLDEN holds tiny/tiny.pt and make/ (which builds the reference's own modules in that size).  Needs torch, peft (0.21 was used),
safetensors and the reference's requirements (bench/requirements.txt); rnatune itself needs none of them.  Checked, exit 1 when one does not hold:
  1. an adapter that PEFT wrote: `rnatune lora merge` gives PEFT's merged weights;
  2. an adapter that rnatune wrote (`lora average`): PEFT loads it on the reference's modules, every tensor in its place and
     no other layer adapted, and its merged weights are rnatune's;
  3. each ADAPTER, a folder that `rnatune train lora` wrote for tiny.pt: as 2.
Weights may differ by 1e-6 of the layer's largest one.
"""
import os
import subprocess
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

BOUND = 1e-6
TARGETS = (r"pairformer_stack\.blocks\.\d+\.(attention_pair_bias\.attention|tri_att_start\.mha|tri_att_end\.mha)\.linear_[qkv]"
           r"|diffusion_module\.diffusion_transformer\.blocks\.\d+\.attention_pair_bias\.attention\.linear_[qkv]")
failed = 0


def say(what, holds, detail=""):
    global failed
    failed += not holds
    print(f"{'ok' if holds else 'MISS'}\t{what}\t{detail}")


def reference(golden, scratch):
    """The reference's model in the size of tiny.pt, with its weights."""
    os.environ.setdefault("RNAPRO_GOLDEN", scratch)
    sys.path.insert(0, os.path.join(golden, "make"))
    import tiny
    _, model = tiny.build()
    state = torch.load(os.path.join(golden, "tiny", "tiny.pt"), weights_only=True)["model"]
    model.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})
    return model


def rnatune(binary, *arguments):
    subprocess.run([binary, *arguments, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def compare(what, merged, file):
    """merged: a plain model with the adapter in its weights; file: what rnatune wrote."""
    ours, theirs = load_file(file), merged.state_dict()
    if set(ours) != set(theirs):
        return say(what, False, f"names differ: {sorted(set(ours) ^ set(theirs))[:3]}")
    worst = max(((ours[k].float() - v.float()).abs().max() / v.float().abs().max().clamp_min(1e-30)).item()
                for k, v in theirs.items() if v.numel())
    say(what, worst <= BOUND, f"largest difference {worst:.2e} of the layer's largest weight, bound {BOUND:.0e}")


def merge_and_compare(what, folder, args):
    binary, golden, scratch = args
    plain = reference(golden, scratch)
    before = {n for n, _ in plain.named_modules()}
    model = PeftModel.from_pretrained(plain, folder)
    inner = model.base_model.model
    there = {k.replace("base_model.model.", "").rsplit(".lora_", 1)[0] for k in load_file(f"{folder}/adapter_model.safetensors")
             if ".lora_" in k}
    adapted = {n for n, m in inner.named_modules() if hasattr(m, "lora_A") and n in before}
    say(f"{what}: PEFT adapts these layers and no other", adapted == there, f"{len(there)} layers")
    missing = [n for n in there if float(dict(inner.named_modules())[n].lora_A["default"].weight.detach().abs().max()) == 0]
    say(f"{what}: every A has its values", not missing)
    out = os.path.join(scratch, "merged.safetensors")
    rnatune(binary, "lora", "merge", os.path.join(golden, "tiny", "tiny.pt"), folder, "--out", out)
    compare(f"{what}: merged weights", model.merge_and_unload(), out)


def main():
    binary, golden, scratch = sys.argv[1:4]
    os.makedirs(scratch, exist_ok=True)
    args = binary, golden, scratch
    folders = []
    for number, options in enumerate(({"r": 4, "lora_alpha": 8}, {"r": 8, "lora_alpha": 8, "use_rslora": True})):
        torch.manual_seed(number)
        model = get_peft_model(reference(golden, scratch), LoraConfig(target_modules=TARGETS, **options))
        with torch.no_grad():
            for name, p in model.named_parameters():
                if ".lora_" in name:
                    p.copy_(torch.randn_like(p) * 0.1)
        folders.append(os.path.join(scratch, f"peft{number}"))
        model.save_pretrained(folders[-1])
        merge_and_compare(f"written by PEFT, {options}", folders[-1], args)
    mean = os.path.join(scratch, "mean")
    rnatune(binary, "lora", "average", *folders, "--out", mean)
    merge_and_compare("written by rnatune lora average", mean, args)
    for folder in sys.argv[4:]:
        merge_and_compare(f"written by rnatune, {os.path.basename(folder)}", folder, args)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
