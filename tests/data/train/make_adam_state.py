"""Makes <kind>.pt and <kind>_next.safetensors with PyTorch: an optimizer in the middle of its work.

Three tensors, of which one ("norm.bias") got no gradient before; three steps; then the gradients of a fourth step
("grad.*") and where it leads ("next.*").  adam: one group, L2 decay.  adamw: the reference's two groups, tensors of two
and more dimensions (decayed) first.  Layout and names as the reference's runner/train.py saves them.
"""
import torch
from safetensors.torch import save_file

torch.manual_seed(3)
for kind in ("adam", "adamw"):
    weights = {"linear.weight": torch.randn(5, 7), "norm.bias": torch.randn(7), "table": torch.randn(3, 2, 4)}
    params = {k: torch.nn.Parameter(v.clone()) for k, v in weights.items()}
    options = dict(lr=2e-2, betas=(0.9, 0.95), eps=1e-8)
    if kind == "adam":
        optimizer = torch.optim.Adam(params.values(), weight_decay=1e-2, **options)
    else:
        wide, flat = ([p for p in params.values() if (p.ndim >= 2) == w] for w in (True, False))
        optimizer = torch.optim.AdamW([{"params": wide, "weight_decay": 1e-2}, {"params": flat, "weight_decay": 0.0}], **options)

    def set_gradients(names):
        grads = {}
        for name, p in params.items():
            p.grad = torch.randn_like(p) if name in names else None
            if name in names:
                grads["grad." + name] = p.grad.clone()
        return grads

    for _ in range(3):
        set_gradients(("linear.weight", "table"))
        optimizer.step()
    torch.save({"model": {"module." + k: v.detach().clone() for k, v in params.items()}, "optimizer": optimizer.state_dict(),
                "scheduler": None, "step": 2}, f"{kind}.pt")
    record = set_gradients(tuple(params))
    optimizer.step()
    record.update({"next." + k: v.detach().clone() for k, v in params.items()})
    save_file(record, f"{kind}_next.safetensors")
