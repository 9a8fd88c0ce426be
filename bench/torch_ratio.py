"""torch_ratio.py FOLDER: what torch.sh measured, as a table of ratios rnatune / PyTorch (minima over rounds).

The last lines of a size: the sum of RibonanzaNet2, pairformer, 5-sample denoiser and confidence, and peak memory; then the
training step of the confidence head alone (labels, forward, losses, backward, clipping, Adam), its time and memory.  Exit 3
when a stage is slower than PyTorch, the sum or the step takes more than half its time, the memory more than two thirds or
the step's more than 0.6.
"""
import glob
import sys

from cuda_ratio import load

STAGES = ["ribonanza", "input_embedder", "template", "msa", "pairformer", "denoiser_1", "denoiser_5", "confidence"]
SUM = ("ribonanza", "pairformer", "denoiser_5", "confidence")


def least(runs, what, stage):
    """The minimum over runs and variants of PyTorch."""
    return min(value for run in runs for value in run[what][stage].values())


def main(folder):
    missed = []
    print("precision\ttokens\tstage\ttorch\trnatune\tratio")
    names = sorted({path.rsplit(".", 1)[0].split("/torch.")[-1] for path in glob.glob(folder + "/torch.*.*.*")},
                   key=lambda name: (name.split(".")[0] != "fp32", int(name.split(".")[1])))
    for name in names:
        precision, tokens = name.split(".")
        theirs, ours = load(f"{folder}/torch.{name}.*"), load(f"{folder}/rnatune.{name}.*")
        torch = {stage: least(theirs, "sec", stage) for stage in STAGES}
        rnatune = {stage: min(run["sec"][stage] for run in ours) for stage in STAGES}
        rows = [(stage, torch[stage], rnatune[stage], 1.0) for stage in STAGES]
        rows.append(("sum_of_4", sum(torch[a] for a in SUM), sum(rnatune[a] for a in SUM), 0.5))
        rows.append(("peak_rss_mib", min(max(least([run], "memory_mib", stage) for stage in STAGES) for run in theirs),
                     min(run["peak_rss_mib"] for run in ours), 2 / 3))
        steps = load(f"{folder}/step.{name}.*")
        if steps:
            rows.append(("confidence_step", least(theirs, "sec", "confidence_step"),
                         min(run["sec"]["confidence_step"] for run in steps), 0.5))
            rows.append(("step_peak_rss_mib", least(theirs, "memory_mib", "confidence_step"),
                         min(run["peak_rss_mib"] for run in steps), 0.6))
        for stage, a, b, bound in rows:
            print(f"{precision}\t{tokens}\t{stage}\t{a:.4g}\t{b:.4g}\t{b / a:.3f}")
            if b > bound * a:
                missed.append(f"{precision} {tokens} {stage}: {b / a:.3f} of PyTorch's, {bound:.2f} is the aim")
    for line in missed:
        print(line, file=sys.stderr)
    return 3 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
