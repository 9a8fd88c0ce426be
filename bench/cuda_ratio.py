"""cuda_ratio.py FOLDER: what cuda.sh measured, as a table: a stage's seconds (minima over rounds) of PyTorch and of rnatune, their
ratio rnatune / PyTorch, rnatune's GFLOP/s and its share of the measured peak of large products, and the memory of both.

PyTorch's time is the best of the kernels, chunk sizes and checkpointing that ran, and `torch_variant` says which; GFLOP/s are the
products' operations over the seconds of the whole stage; the peak is the higher of what the two measured in the same run: products
of two factors of the precision, of which rnatune's writes float32 and PyTorch's the precision.  Exit 3 when a prediction or a training step takes more than half of PyTorch's time.
"""
import glob
import json
import sys

STAGES = ["ribonanza", "input_embedder", "template", "msa", "pairformer", "denoiser_1", "denoiser_5", "confidence", "predict",
          "confidence_step", "lora_step"]
AIMS = {"predict": 0.5, "confidence_step": 0.5, "lora_step": 0.5}


def load(pattern):
    runs = [json.load(open(path)) for path in sorted(glob.glob(pattern))]
    return [run[0] if isinstance(run, list) else run for run in runs]


def prediction(run, memory):
    """run.json of `predict`, as `bench` prints a stage; the last target counts.  Memory: the GPU's, else the process's."""
    target = run["targets"][-1]
    memory = run["peak_memory_bytes"] / 2 ** 20 if run["device"] == "cpu" else memory
    return {"sec": {"predict": sum(target["seconds"].values())}, "gflop": {}, "memory_mib": {"predict": memory}}


def ours_of(folder, name):
    runs = load(f"{folder}/rnatune.{name}.*.json")
    for path in sorted(glob.glob(f"{folder}/predict.{name}.*.json")):
        memory = open(path.replace(".json", ".mib")).read().strip()
        runs.append(prediction(json.load(open(path)), float(memory) if memory else None))
    return runs


def least(runs, stage, what):
    found = [run[what][stage] for run in runs if run[what].get(stage) is not None]
    return min(found) if found else None


def best_variant(runs, stage):
    """(seconds, variant, MiB) of PyTorch's fastest, or why there is none."""
    found = [(seconds, variant, run["memory_mib"][stage][variant])
             for run in runs for variant, seconds in run["sec"].get(stage, {}).items()]
    if found:
        return min(found)
    why = [text for run in runs for text in run["failed"].get(stage, {}).values()]
    return None, why[0] if why else "-", None


def text(value, form):
    return "-" if value is None else format(value, form)


def main(folder):
    missed, notes = [], []
    names = {".".join(path.rsplit("/", 1)[-1].split(".")[1:3]) for path in glob.glob(folder + "/*.*.*.*.json")}
    print("precision\ttokens\tstage\ttorch_s\ttorch_variant\trnatune_s\tratio\tgflops\tof_gemm_peak\ttorch_mib\trnatune_mib")
    for name in sorted(names, key=lambda name: (name.split(".")[0], int(name.split(".")[1]))):
        precision, tokens = name.split(".")
        ours, theirs = ours_of(folder, name), load(f"{folder}/torch.{name}.*.json")
        peaks = [max([run.get("gemm_peak_gflops", 0) for run in runs], default=0) for runs in (ours, theirs)]
        peak = max(peaks)
        notes.append(f"{precision}, {tokens} tokens: GFLOP/s of large products: rnatune {peaks[0]:.0f} (float32 out), "
                     + (f"PyTorch {peaks[1]:.0f} ({theirs[0]['gemm_writes']} out)" if theirs else "PyTorch was not run"))
        for run in theirs:
            notes += [f"PyTorch {run['torch']} (CUDA {run['cuda']}) on {run['device']}, TF32 {'on' if run['tf32'] else 'off'}"]
            notes += [f"PyTorch failed: {precision}, {tokens} tokens, {stage}, {variant}: {why}"
                      for stage, variants in run["failed"].items() for variant, why in variants.items()]
            notes += [f"skip {kernels}: {why}" for kernels, why in run["skipped"].items()]
        for stage in STAGES:
            a, variant, torch_mib = best_variant(theirs, stage)
            b, gflop = least(ours, stage, "sec"), least(ours, stage, "gflop")
            if b is None:
                continue
            rate, ratio = gflop / b if gflop else None, b / a if a else None
            print(precision, tokens, stage, text(a, ".4g"), variant, text(b, ".4g"), text(ratio, ".3f"), text(rate, ".4g"),
                  text(rate / peak if rate and peak else None, ".2f"), text(torch_mib, ".0f"),
                  text(least(ours, stage, "memory_mib"), ".0f"), sep="\t")
            if ratio and ratio > AIMS.get(stage, float("inf")):
                missed.append(f"{precision} {tokens} {stage}: {ratio:.3f} of PyTorch's time, {AIMS[stage]:.2f} is the aim")
    for line in list(dict.fromkeys(notes)) + missed:
        print(line, file=sys.stderr)
    return 3 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
