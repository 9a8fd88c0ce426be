#!/usr/bin/env python3
"""Makes multichain.safetensors: summary scores of several chains, from the reference's own function on random logits.

    RNAPRO_REF=<checkout of github:rish-16/RNAPro> python make_multichain.py

Needs torch, ml_collections, safetensors and the reference's imports.  Logits are stored as I8 sixteenths, so that the
file stays small and both sides read the same numbers.  Bin counts differ from the model's on purpose.
three: chains of 24, 12 and 1 tokens; half the atoms of the second, and one more, sit on the first (a clash).
mixed: four chains whose tokens are shuffled; one has no frame; exactly half of the atoms of one sit on another (none).
"""
import json
import os
import sys

import numpy as np
import torch
from ml_collections import ConfigDict
from safetensors.torch import save_file

sys.path.insert(0, os.environ["RNAPRO_REF"])
from rnapro.model.sample_confidence import compute_contact_prob, compute_full_data_and_summary  # noqa: E402

BINS = {"plddt": (0.0, 1.0, 8), "pae": (0.0, 32.0, 16), "pde": (0.0, 32.0, 12), "distogram": (2.3125, 21.6875, 10)}


def config():
    loss = {name: {"min_bin": b[0], "max_bin": b[1], "no_bins": b[2]} for name, b in BINS.items()}
    return ConfigDict({"loss": loss, "metrics": {"clash": {"af3_clash_threshold": 1.1, "vdw_clash_threshold": 0.75}}})


def make_case(rng, asym, frame, atoms_per_token, pair, n_on_top, n_cycle):
    """pair: (upper, lower) chains; the first n_on_top atoms of `upper` lie 0.5 A from atoms of `lower`."""
    n = len(asym)
    token = np.repeat(np.arange(n), atoms_per_token)
    n_atom = len(token)
    grid = np.stack(np.meshgrid(*[np.arange(6) * 6.0] * 3, indexing="ij"), -1).reshape(-1, 3)
    xyz = rng.permutation(grid)[:n_atom] + rng.uniform(-0.5, 0.5, (n_atom, 3))
    upper, lower = (np.flatnonzero(asym[token] == c) for c in pair)
    xyz[upper[:n_on_top]] = xyz[lower[:n_on_top]] + [0.3, -0.4, 0.0]
    logits = {name: rng.integers(-64, 65, (n_atom, b[2]) if name == "plddt" else (n, n, b[2])).astype(np.int8)
              for name, b in BINS.items()}
    return {"asym_id": asym, "has_frame": frame, "atom_to_token_idx": token, "coordinate": xyz.astype(np.float32),
            "n_cycle": np.array([n_cycle])} | {name + "_logits": v for name, v in logits.items()}


def run(case):
    t = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in case.items()}
    logit = {name: t[name + "_logits"].float() / 16 for name in BINS}
    contact = compute_contact_prob(logit["distogram"], *BINS["distogram"])
    summary, full = compute_full_data_and_summary(
        configs=config(), pae_logits=logit["pae"][None], plddt_logits=logit["plddt"][None],
        pde_logits=logit["pde"][None], contact_probs=contact, token_asym_id=t["asym_id"],
        token_has_frame=t["has_frame"], atom_coordinate=t["coordinate"][None],
        atom_to_token_idx=t["atom_to_token_idx"], atom_is_polymer=torch.ones(len(t["atom_to_token_idx"]), dtype=torch.long),
        N_recycle=int(case["n_cycle"][0]), return_full_data=True)
    out = {k: full[0][k].contiguous() for k in ("atom_plddt", "token_pair_pae", "token_pair_pde", "contact_probs")}
    return t | out, {k: v.tolist() for k, v in summary[0].items()}


def main():
    rng = np.random.default_rng(7)
    three = np.repeat([0, 1, 2], [24, 12, 1])
    mixed = rng.permutation(np.repeat([0, 1, 2, 3], [7, 6, 4, 2]))
    frame_three, frame_mixed = rng.integers(0, 2, 37), (mixed != 2).astype(np.int64)
    frame_three[[3, 30, 36]] = 1
    frame_mixed[np.flatnonzero(mixed == 0)[:3]] = 0
    cases = {"three": make_case(rng, three, frame_three, 2, (1, 0), 13, 3),
             "mixed": make_case(rng, mixed, frame_mixed, 3, (1, 0), 9, 10)}
    tensors, metadata = {}, {}
    for name, case in cases.items():
        values, summary = run(case)
        tensors |= {f"{name}.{k}": v for k, v in values.items()}
        metadata[name] = json.dumps(summary)
    save_file(tensors, os.path.join(os.path.dirname(os.path.abspath(__file__)), "multichain.safetensors"), metadata)
    print(json.dumps({k: json.loads(v) for k, v in metadata.items()}, indent=1))


main()
