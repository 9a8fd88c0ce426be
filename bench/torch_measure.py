"""torch_measure.py: the reference in PyTorch, timed on a GPU or a processor, for cuda.sh, torch.sh and torch_lora.sh.

    python torch_measure.py features FOLDER --tokens 128 --msa 64   makes a target, on a processor: sequence, MSA, template, and
                                                                    the reference's features of it as safetensors
    python torch_measure.py measure FOLDER --tokens 128 ...         times every stage on it; one JSON object on stdout
    python torch_measure.py check --device cuda                     says in one line what is missing; nothing when all is there

RNAPRO_REF is a checkout of the reference; `features` also wants RNAPRO_GOLDEN, a folder for its CCD cache, made when not there.

A stage runs once to warm up and then --reps times between two waits for the device; the minimum counts.  Every stage runs with
each of --kernels (the reference's triangle kernels) and --chunk (its chunk_size; 64 is what it ships, 0 is none), training steps
with each of --checkpoints: activations computed again as the reference ships it, kept in the denoiser, or kept everywhere.  What
does not fit is recorded as failed.  Memory is max_memory_allocated since the stage began, with weights, without CUDA's own; on a
processor it is the process's peak.  TF32 is off.
"""
import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import sys
import time

NAMES = ["token_index", "msa"]   # what any set of features has


def missing(device):
    """Why the reference cannot run here; "" when it can."""
    reference = os.environ.get("RNAPRO_REF")
    if not reference or not os.path.isdir(os.path.join(reference, "rnapro")):
        return "RNAPRO_REF is no checkout of the reference"
    packages = ["torch", "safetensors", "ml_collections", "einops", "optree", "rdkit", "scipy", "tqdm", "yaml"]
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    if absent:
        return f"{sys.executable} lacks {', '.join(absent)}"
    import torch
    if device == "cuda" and not torch.cuda.is_available():
        return f"torch {torch.__version__} sees no GPU"
    return ""


def make_features(a):
    """FOLDER/N: features.safetensors for `measure`, and for rnatune s.csv, t.pt and *.MSA.fasta of the same target, which is there
    twice: the first one warms up."""
    import make_ccd
    import reference
    import torch
    from safetensors.torch import save_file
    if not os.path.exists(make_ccd.MOLECULES):
        make_ccd.main()
    folder = os.path.join(a.folder, str(a.tokens))
    os.makedirs(folder, exist_ok=True)
    features = reference.make_features(a.tokens, a.msa, folder)
    templates = torch.load(os.path.join(folder, "t.pt"), weights_only=False)
    torch.save({"warm": templates["bench"], **templates}, os.path.join(folder, "t.pt"))
    shutil.copy(os.path.join(folder, "bench.MSA.fasta"), os.path.join(folder, "warm.MSA.fasta"))
    sequence = templates["bench"]["seq"]
    with open(os.path.join(folder, "s.csv"), "w") as out:
        out.write(f"target_id,sequence\nwarm,{sequence}\nbench,{sequence}\n")
    flat = {}
    for name, value in features.items():   # one of them is a dictionary itself
        flat.update({f"{name}/{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value})
    tensors = {name: value.contiguous() for name, value in flat.items() if torch.is_tensor(value)}
    others = {name: value for name, value in flat.items() if not torch.is_tensor(value)}
    save_file(tensors, os.path.join(folder, "features.safetensors"), metadata={"others": json.dumps(others)})


def load_features(a):
    from safetensors import safe_open
    path = os.path.join(a.folder, str(a.tokens), "features.safetensors")
    with safe_open(path, "pt", device=a.device) as f:
        flat = {name: f.get_tensor(name) for name in f.keys()}
        flat.update(json.loads((f.metadata() or {}).get("others", "{}")))
    features = {}
    for name, value in flat.items():
        outer, _, key = name.partition("/")
        if key:
            features.setdefault(outer, {})[key] = value
        else:
            features[name] = value
    assert all(name in features for name in NAMES), f"{path} has no features"
    return features


def build(a):
    """The model of --config with random weights and its configuration."""
    import reference
    m, cfg = reference.build_model(a.config)
    cfg.model.N_cycle = a.cycles
    cfg.sample_diffusion.N_step, cfg.sample_diffusion.N_sample = a.steps, a.samples
    if a.precision == "bf16":   # everywhere, not only where the reference means it
        cfg.skip_amp.sample_diffusion = cfg.skip_amp.confidence_head = False
    return m.to(a.device), cfg


class Stages:
    """Times functions; what they take is in .sec and .mib, by stage and variant."""

    def __init__(self, a):
        self.a, self.sec, self.mib, self.failed, self.variant = a, {}, {}, {}, ""

    def wait(self):
        import torch
        if self.a.device == "cuda":
            torch.cuda.synchronize()

    def begin_memory(self):
        import torch
        if self.a.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        else:
            with open("/proc/self/clear_refs", "w") as f:
                f.write("5")   # VmHWM begins anew

    def memory(self):
        import torch
        if self.a.device == "cuda":
            return torch.cuda.max_memory_allocated() / 2 ** 20
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))

    def __call__(self, name, function, grad=False):
        import torch
        if self.a.stages and name not in self.a.stages.split(","):
            return
        best = float("inf")
        self.begin_memory()
        try:
            for i in range(self.a.reps + 1):
                with torch.set_grad_enabled(grad), self.autocast():
                    self.wait()
                    begin = time.perf_counter()
                    function()
                    self.wait()
                if i > 0:
                    best = min(best, time.perf_counter() - begin)
        except (RuntimeError, ImportError) as error:   # out of memory is a RuntimeError
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            self.failed.setdefault(name, {})[self.variant] = first_line
            print(f"# {name}, {self.variant}: {first_line}", file=sys.stderr)
            return
        self.sec.setdefault(name, {})[self.variant] = best
        self.mib.setdefault(name, {})[self.variant] = self.memory()
        print(f"# {name}, {self.variant}: {best:.4f} s", file=sys.stderr, flush=True)

    def autocast(self):
        import torch
        if self.a.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.a.device, dtype=torch.bfloat16)


def gemm_peak(a):
    """GFLOP/s of a large product, both factors and the result of the precision."""
    import torch
    side, best = 8192 if a.device == "cuda" else 2048, float("inf")
    kind = torch.bfloat16 if a.precision == "bf16" else torch.float32
    x, y = (torch.randn(side, side, device=a.device).to(kind) for _ in range(2))
    for _ in range(10):
        if a.device == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        x @ y
        if a.device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begin)
    return 2e-9 * side ** 3 / best


def infer(m, cfg, features, stage, a, kernels, chunk):
    """The stages of a prediction and a whole one."""
    import torch
    n, atoms = a.tokens, features["atom_to_token_idx"].shape[0]
    how = dict(triangle_multiplicative=kernels, triangle_attention=kernels, inplace_safe=True, chunk_size=chunk)
    with torch.device(a.device):
        s, z = torch.randn(n, cfg.c_s), torch.randn(n, n, cfg.c_z)
        s_inputs = torch.randn(n, cfg.c_s_inputs)
        x5 = torch.randn(5, atoms, 3) * 16
        source = features["tokenized_seq"].unsqueeze(0)
        there = torch.ones_like(source).long()
    stage("ribonanza", lambda: m.ribonanza_net.get_embeddings(source, there))
    stage("input_embedder", lambda: m.input_embedder(features, inplace_safe=False, chunk_size=chunk))
    stage("template", lambda: m.template_embedder(features, s_inputs, s.clone(), z.clone(), pair_mask=None, **how))
    utilities = sys.modules["rnapro.model.utils"]
    sampled, utilities.sample_indices = utilities.sample_indices, \
        lambda n, device=None, lower_bound=1, strategy="random": torch.arange(n, device=device)   # all rows
    stage("msa", lambda: m.msa_module(features, z.clone(), s_inputs, pair_mask=None, **how))
    utilities.sample_indices = sampled
    stage("pairformer", lambda: m.pairformer_stack(s.clone(), z.clone(), pair_mask=None, **how))
    for count in (1, 5):
        x, t = x5[:count], torch.full((count,), 16.0, device=a.device)
        stage(f"denoiser_{count}", lambda: m.diffusion_module(
            x_noisy=x, t_hat_noise_level=t, input_feature_dict=features, s_inputs=s_inputs, s_trunk=s, z_trunk=z,
            inplace_safe=True, chunk_size=chunk))
    stage("confidence", lambda: m.confidence_head(input_feature_dict=features, s_inputs=s_inputs, s_trunk=s.clone(),
                                                  z_trunk=z.clone(), pair_mask=None, x_pred_coords=x5[:1], **how))
    cfg.triangle_attention = cfg.triangle_multiplicative = kernels
    cfg.infer_setting.chunk_size = chunk
    stage("predict", lambda: m(input_feature_dict=dict(features), label_full_dict=None, label_dict=None, mode="inference"))


@contextlib.contextmanager
def checkpoints(m, which):
    """Which activations a backward computes again: "shipped", "trunk" (none of the denoiser's), or "none"."""
    part = {"shipped": None, "trunk": m.diffusion_module, "none": m}[which]
    kept = [(x, x.blocks_per_ckpt) for x in (part.modules() if part else []) if hasattr(x, "blocks_per_ckpt")]
    for module, _ in kept:
        module.blocks_per_ckpt = None
    try:
        yield
    finally:
        for module, blocks in kept:
            module.blocks_per_ckpt = blocks


def variant_of(kernels, which):
    return kernels if which == "shipped" else f"{kernels}, checkpoints: {which}"


def confidence_step(m, cfg, features, stage, a, kernels):
    """Labels, forward, losses, backward, clipping and Adam of the confidence head alone."""
    import torch
    from rnapro.model.loss import RNAProLoss
    n, atoms = a.tokens, features["atom_to_token_idx"].shape[0]
    cfg.train_confidence_only = True
    cfg.loss.weight.alpha_diffusion = cfg.loss.weight.alpha_distogram = 0.0
    cfg.loss.weight.alpha_pae = 1.0
    loss_of = RNAProLoss(cfg)
    head = m.confidence_head.train()
    params = [p for p in head.parameters() if p.requires_grad]
    with torch.no_grad():   # leave the point of zeros, so that every gradient is some
        for p in params:
            p.add_(0.02 * torch.randn_like(p))
    optimizer = torch.optim.Adam(params, lr=1e-4, betas=(0.9, 0.95), weight_decay=1e-8)
    with torch.device(a.device):
        s, z, s_inputs = torch.randn(n, cfg.c_s), torch.randn(n, n, cfg.c_z), torch.randn(n, cfg.c_s_inputs)
        x, truth = torch.randn(1, atoms, 3) * 16, torch.cumsum(torch.randn(atoms, 3), 0)
        seen, resolution = torch.ones(atoms).long(), torch.tensor([2.0])
    given = dict(features, resolution=resolution)

    def step():
        out = head(input_feature_dict=given, s_inputs=s_inputs, s_trunk=s, z_trunk=z, pair_mask=None, x_pred_coords=x,
                   triangle_multiplicative=kernels, triangle_attention=kernels)
        predicted = dict(zip(("plddt", "pae", "pde", "resolved"), (y.float() for y in out)), coordinate_mini=x)
        with torch.autocast(a.device, enabled=False):
            loss, _ = loss_of(feat_dict=given, pred_dict=predicted, mode="train",
                              label_dict={"coordinate": truth, "coordinate_mask": seen})
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 10)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    for which in a.checkpoints:
        if which == "trunk":   # it has no denoiser
            continue
        stage.variant = variant_of(kernels, which)
        with checkpoints(m, which):
            stage("confidence_step", step, grad=True)
    head.eval()


def add_lora(m, rank=8, alpha=16.0):
    """Low-rank adapters on q, k and v of the pairformer stack and the diffusion transformer; returns what trains: them alone."""
    import torch

    class LoRALinear(torch.nn.Module):
        """y = base(x) + (alpha / rank) * B A x, the base frozen."""

        def __init__(self, base):
            super().__init__()
            self.base = base
            self.A = torch.nn.Parameter(torch.randn(rank, base.in_features) * 0.1)
            self.B = torch.nn.Parameter(torch.randn(base.out_features, rank) * 0.1)

        def forward(self, x):
            linear = torch.nn.functional.linear
            return self.base(x) + alpha / rank * linear(linear(x, self.A), self.B)

    m.requires_grad_(False)
    names = [name for name, _ in m.named_modules() if name.rsplit(".", 1)[-1] in ("linear_q", "linear_k", "linear_v")
             and name.startswith(("pairformer_stack.", "diffusion_module.diffusion_transformer."))]
    for name in names:
        parent, leaf = name.rsplit(".", 1)
        setattr(m.get_submodule(parent), leaf, LoRALinear(m.get_submodule(name)))
    return [p for p in m.parameters() if p.requires_grad]


def lora_step(m, cfg, features, stage, a, kernels):
    """A step like Phase 2's: pairformer stack, 4 noised copies, losses, backward, clipping and Adam of the adapters."""
    import torch
    n, atoms = a.tokens, features["atom_to_token_idx"].shape[0]
    with torch.device(a.device):
        params = add_lora(m)
        s_inputs, s, z = torch.randn(n, cfg.c_s_inputs), torch.randn(n, cfg.c_s), torch.randn(n, n, cfg.c_z)
        x, level, truth = torch.randn(4, atoms, 3) * 16, torch.full((4,), 16.0), torch.randn(atoms, 3) * 16
    optimizer = torch.optim.Adam(params, lr=1e-4, betas=(0.9, 0.95), weight_decay=1e-8)

    def step():
        s1, z1 = m.pairformer_stack(s.clone(), z.clone(), pair_mask=None, triangle_multiplicative=name, triangle_attention=name)
        y = m.diffusion_module(x_noisy=x, t_hat_noise_level=level, input_feature_dict=features, s_inputs=s_inputs,
                               s_trunk=s1, z_trunk=z1)
        loss = (y.float() - truth).square().mean() + m.distogram_head(z1.float()).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 10)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    for name in kernels:
        for which in a.checkpoints:
            stage.variant = variant_of(name, which)
            with checkpoints(m, which):
                stage("lora_step", step, grad=True)


def measure(a):
    import torch
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(a.threads)
    m, cfg = build(a)
    features, stage, skipped = load_features(a), Stages(a), {}
    kernels = a.kernels.split(",")
    if "cuequivariance" in kernels and importlib.util.find_spec("cuequivariance_torch") is None:
        kernels.remove("cuequivariance")
        skipped["cuequivariance"] = "cuequivariance_torch is not installed"
    for name in kernels:
        for chunk in (int(text) for text in a.chunk.split(",")):
            stage.variant = f"{name}, chunk {chunk}" if chunk else name
            infer(m, cfg, features, stage, a, name, chunk or None)
    for name in kernels:
        confidence_step(m, cfg, features, stage, a, name)
    if not a.stages or "lora_step" in a.stages.split(","):   # the last: it changes the model
        lora_step(m, cfg, features, stage, a, kernels)
    name = torch.cuda.get_device_name() if a.device == "cuda" else f"a processor, {a.threads} threads"
    print(json.dumps({"n_token": a.tokens, "n_atom": features["atom_to_token_idx"].shape[0], "precision": a.precision,
                      "device": name, "torch": torch.__version__, "cuda": torch.version.cuda,
                      "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
                      "gemm_peak_gflops": gemm_peak(a), "gemm_writes": a.precision, "sec": stage.sec,
                      "memory_mib": stage.mib, "failed": stage.failed, "skipped": skipped}))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["check", "features", "measure"])
    p.add_argument("folder", nargs="?")
    p.add_argument("--tokens", type=int, default=128)
    p.add_argument("--msa", type=int, default=64)
    p.add_argument("--config", default="rnapro_base", help="a model of the reference's, or a file as tests/data/tiny_config.json")
    p.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    p.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    p.add_argument("--kernels", default="torch,cuequivariance")
    p.add_argument("--chunk", default="64,0")
    p.add_argument("--checkpoints", default="shipped,trunk,none")
    p.add_argument("--stages", default="", help="these alone, comma between")
    p.add_argument("--cycles", type=int, default=10)
    p.add_argument("--steps", type=int, default=200)
    p.add_argument("--samples", type=int, default=5)
    p.add_argument("--reps", type=int, default=3)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    a = p.parse_args()
    a.checkpoints = a.checkpoints.split(",")
    why = missing(a.device if a.what != "features" else "cpu")
    if a.what == "check" or why:
        print(why, end="\n" if why else "")
        return 0 if a.what == "check" else 1
    if a.what == "features":
        make_features(a)
    else:
        measure(a)
    return 0


if __name__ == "__main__":
    sys.exit(main())
