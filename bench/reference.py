"""reference.py: the reference in PyTorch with random weights, and features of made-up targets, for torch_measure.py and make_ccd.py.

RNAPRO_REF is a checkout of the reference (github:rish-16/RNAPro), RNAPRO_GOLDEN the folder of the CCD cache that make_ccd.py
makes.  Nothing in the checkout is edited: triangle kernels and layer norm are chosen by its own settings, and the file of
RibonanzaNet2's weights that its constructor insists on is written for it, and thrown away.
"""
import copy
import json
import os
import random
import sys
import tempfile

REFERENCE = os.environ["RNAPRO_REF"]
CCD_CACHE = os.path.join(os.environ["RNAPRO_GOLDEN"], "ccd_cache")
os.environ.setdefault("LAYERNORM_TYPE", "torch")
os.environ.setdefault("RNAPRO_DATA_ROOT_DIR", CCD_CACHE)
sys.path.insert(0, REFERENCE)
sys.dont_write_bytecode = True

RIBONANZA_FULL = dict(
    learning_rate=0.002, dropout=0.1, k=5, ninp=384, nlayers=48, nclass=10, ntoken=6,
    nhead=12, use_triangular_attention=False, pairwise_dimension=128, dim_msa=32,
)


def fast_init():
    """Torch's normal numbers instead of scipy's truncated ones, which take 30 s; the values do not matter here."""
    import rnapro.model.modules.primitives as A
    import rnapro.openfold_local.model.primitives as B
    import torch

    def init(w, scale=1.0, fan="fan_in"):
        with torch.no_grad():
            w.normal_(0, (scale / max(1, w.shape[1])) ** 0.5)
    A.trunc_normal_init_ = B.trunc_normal_init_ = init


def parse(model_name="rnapro_base", overrides=None):
    """The configuration that its runner/train.py would make, with its own kernels of PyTorch."""
    from configs.configs_base import configs as configs_base
    from configs.configs_data import data_configs
    from configs.configs_inference import inference_configs
    from configs.configs_model_type import model_configs
    from ml_collections.config_dict import ConfigDict
    from rnapro.config import parse_configs

    merged = {**copy.deepcopy(configs_base), "data": copy.deepcopy(data_configs), **copy.deepcopy(inference_configs)}
    args = {"model_name": model_name, "triangle_attention": "torch", "triangle_multiplicative": "torch", "dtype": "fp32",
            "logger": "print", **(overrides or {})}
    cfg = parse_configs(merged, " ".join(f"--{k} {v}" for k, v in args.items()), fill_required_with_null=True)
    cfg.update(ConfigDict(model_configs.get(model_name, {})))
    return cfg


def patch_defaults(patched):
    """Sets defaults of constructors of its pairformer module, {"Class.argument": value}: no setting reaches them."""
    from rnapro.model.modules import pairformer
    for name, value in patched.items():
        module, argument = name.split(".")
        made = getattr(pairformer, module).__init__
        names = made.__code__.co_varnames[1:made.__code__.co_argcount]
        defaults = list(made.__defaults__)
        defaults[names.index(argument) - len(names) + len(defaults)] = value
        made.__defaults__ = tuple(defaults)


def build_model(config):
    """(model, its configuration): `config` is a model's name, or a file as tests/data/tiny_config.json."""
    import rnapro.model.RNAPro as M
    import torch
    import yaml
    from rnapro.model.modules.ribonanzanet import Config, RibonanzaNet

    overrides, ribonanza = {}, RIBONANZA_FULL
    if os.path.exists(config):
        with open(config) as f:
            tiny = json.load(f)
        overrides, ribonanza = tiny["overrides"], tiny["ribonanza"]
        patch_defaults(tiny["python_defaults_patched"])
    fast_init()
    cfg = parse("rnapro_base" if overrides else config, overrides)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "pairwise.yaml"), "w") as f:
            yaml.safe_dump(ribonanza, f)
        net = RibonanzaNet(Config(**ribonanza))
        torch.save(net.state_dict(), os.path.join(folder, "pytorch_model_fsdp.bin"))
        cfg.model.ribonanza_net_path = folder
        model = M.RNAPro(cfg)
    layers = ribonanza["nlayers"]
    if layers != RIBONANZA_FULL["nlayers"]:   # its constructor has weights for that many
        weights = torch.linspace(0, 1, layers)
        weights[-1] = -1e18
        model.layer_weights = torch.nn.Parameter(weights)
    return model.eval(), cfg


def make_features(n, n_msa, folder, seed=0):
    """The reference's features of a random n-mer with n_msa rows and a template; their sources stay in folder: bench.MSA.fasta
    and t.pt, a dictionary {"bench": {"seq", "xyz"}}."""
    import numpy as np
    import torch
    from rnapro.data.infer_data_pipeline import InferenceDataset
    from rnapro.utils.inference import process_sequence
    rng = random.Random(seed)
    sequence = "".join(rng.choice("ACGU") for _ in range(n))
    process_sequence(sequence, "bench", folder)
    with open(os.path.join(folder, "bench.MSA.fasta"), "w") as f:
        for i in range(n_msa):
            row = sequence if i == 0 else "".join(c if rng.random() > 0.3 else rng.choice("ACGU-") for c in sequence)
            f.write(f">{i}\n{row}\n")
    xyz = np.cumsum(np.random.default_rng(seed).normal(0, 3.5, (n, 5, 3)), 0).astype(np.float32)
    templates = os.path.join(folder, "t.pt")
    torch.save({"bench": {"seq": sequence, "xyz": xyz}}, templates)
    dataset = InferenceDataset(os.path.join(folder, "bench_input.json"), folder, True, use_template="ca_precomputed",
                               template_data=templates, template_idx=0, rna_msa_dir=folder)
    data, _, error = dataset[0]
    assert not error, error
    return data["input_feature_dict"]
