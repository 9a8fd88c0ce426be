"""make_peft_fixture.py GOLDEN SCRATCH: peft/, an adapter that PyTorch's PEFT wrote on the reference's modules in the tiny size,
and peft_merged.safetensors, two of its layers as PEFT merged them.  Needs what tools/peft_check.py needs."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "tools"))

import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from peft_check import reference  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

torch.manual_seed(5)
config = LoraConfig(r=2, lora_alpha=3, rank_pattern={"linear_k": 3}, modules_to_save=["distogram_head"],
                    target_modules=r"pairformer_stack\.blocks\.1\.tri_att_start\.mha\.linear_[qk]"
                                   r"|diffusion_module\.diffusion_transformer\.blocks\.0\.attention_pair_bias\.attention\.linear_v")
model = get_peft_model(reference(sys.argv[1], sys.argv[2]), config)
with torch.no_grad():
    for name, p in model.named_parameters():
        if ".lora_" in name:
            p.copy_(torch.randn_like(p) * 0.1)
        if "distogram_head.modules_to_save" in name:
            p.add_(0.01)
model.save_pretrained(os.path.join(HERE, "peft"))
merged = model.merge_and_unload().state_dict()
save_file({k: merged[k].clone() for k in ("pairformer_stack.blocks.1.tri_att_start.mha.linear_q.weight",
                                          "pairformer_stack.blocks.1.tri_att_start.mha.linear_k.weight",
                                          "distogram_head.linear.weight")},
          os.path.join(HERE, "peft_merged.safetensors"))
