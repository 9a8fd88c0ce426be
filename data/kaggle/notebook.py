# %% [markdown]
# # @TITLE@
#
# Folds the competition's RNAs with **rnatune** @VERSION@: RNAPro, the RNA 3D structure model, as one native program. No
# internet, no pip, no PyTorch: the program, its libraries and the weights are in the data set `@DATASET_ID@`.
#
# 1. settings, 2. every file is what it was when it was packed (SHA-256), 3. what is here and what is missing, 4. predict within
# the time budget, 5. choose what to submit, 6. `submission.csv` with every row of the sample, 7. a table of what came out.
#
# Every line that begins with `WARNING` is worth reading: nothing that is missing is passed over in silence.

# %% [markdown]
# ## 1. Settings
# Paths begin with the name of a data set, competition or model that this notebook has as an input.

# %%
import csv, hashlib, json, os, re, shutil, subprocess, tempfile, time
from pathlib import Path

STARTED = time.monotonic()

# the data set with the program and the weights, and the hash of its MANIFEST.json
DATASET = @DATASET@
MANIFEST_SHA256 = @MANIFEST_SHA256@
# target_id and sequence of what is to be folded, and the table whose rows a submission must have
SEQUENCES = @SEQUENCES@
SAMPLE = @SAMPLE@
# a folder of alignments, template_features.pt or a template submission.csv; None: without
MSA = @MSA@
TEMPLATES = @TEMPLATES@
# predictions of other programs that compete with ours when the five are chosen
POOL = @POOL@
# wall clock for everything: when it gets short the remaining targets have fewer samples, steps or cycles
TIME_BUDGET = @TIME_BUDGET@
# further options of 'rnatune predict' and 'rnatune select' (rnatune predict --help); SELECT = None: as predict ranks them
PREDICT = @PREDICT@
SELECT = @SELECT@

ROOT = Path(os.environ.get("RNATUNE_ROOT", "/kaggle"))   # elsewhere, to try the notebook at home
INPUT, WORKING = ROOT / "input", ROOT / "working"
WORKING.mkdir(parents=True, exist_ok=True)


def find_input(path):
    """The file or folder `slug/rest` below /kaggle/input, wherever Kaggle mounts the slug; None when it is not there."""
    slug, _, rest = path.partition("/")
    for pattern in (slug, f"*/{slug}", f"*/*/{slug}"):
        for folder in sorted(INPUT.glob(pattern)):
            if (folder / rest).exists():
                return folder / rest
    return None


def need_input(path, what):
    found = find_input(path)
    if found is None:
        raise FileNotFoundError(f"{what}: {path} is not below {INPUT}. Is its source among the notebook's inputs?")
    return found


# %% [markdown]
# ## 2. The package is what it was

# %%
def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 24):
            digest.update(block)
    return digest.hexdigest()


package = need_input(f"{DATASET}/MANIFEST.json", "the package").parent
if sha256_of(package / "MANIFEST.json") != MANIFEST_SHA256:
    raise RuntimeError(f"{package}/MANIFEST.json is of another version of the data set than this notebook was made for")
manifest = json.loads((package / "MANIFEST.json").read_text())
for entry in manifest["files"]:
    path = package / entry["file"]
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing")
    if sha256_of(path) != entry["sha256"]:
        raise RuntimeError(f"{path} is not what was packed: its SHA-256 differs")
    print(f"ok  {entry['bytes']:>13,} bytes  {entry['sha256'][:12]}  {entry['role']:<11} {entry['path']}")
print(f"{len(manifest['files'])} files as packed by rnatune {manifest['version']} ({manifest['commit']})")

# %%
# Inputs are read-only and not executable: the program and its libraries are copied, what is large is linked.
tree = Path(tempfile.mkdtemp(prefix="rnatune_"))
for entry in manifest["files"]:
    source, target = package / entry["file"], tree / entry["path"]
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry["role"] in ("program", "library"):
        shutil.copyfile(source, target)
        target.chmod(0o755)
    else:
        target.symlink_to(source.resolve())
rnatune = tree / "rnatune"
print(subprocess.run([rnatune, "version"], check=True, capture_output=True, text=True).stdout)

# %% [markdown]
# ## 3. What is here, and what is not

# %%
sequences = need_input(SEQUENCES, "the sequences")
sample = need_input(SAMPLE, "the sample submission")
with open(sequences, newline="") as file:
    targets = [(row["target_id"], row["sequence"]) for row in csv.DictReader(file)]


def optional_input(path, what):
    """An input that the run can do without; says so either way."""
    found = find_input(path) if path else None
    if found is None and path:
        print(f"WARNING: {what}: {path} is not below {INPUT}. The run goes on without, which costs accuracy.")
    elif found is None:
        print(f"WARNING: {what}: none (not asked for in the settings).")
    else:
        print(f"{what}: {found}")
    return found


msa, templates = optional_input(MSA, "alignments"), optional_input(TEMPLATES, "templates")
pool = [found for found in (optional_input(path, "outside predictions") for path in POOL) if found]
if manifest["ribonanza"] == "none":
    print("WARNING: RibonanzaNet2: none, by --no-ribonanza at packing. Predictions are no better than the templates.")
else:
    print(f"RibonanzaNet2: in the {manifest['ribonanza']}")
aligned = {file.name.split(".")[0] for file in msa.iterdir()} if msa else set()
without = [name for name, _ in targets if msa and name not in aligned]
print(f"targets: {len(targets)}, {sum(len(s) for _, s in targets)} nucleotides, the longest {max(len(s) for _, s in targets)}")
if without:
    print(f"WARNING: {len(without)} targets have no alignment: {', '.join(without[:20])}")

# %% [markdown]
# ## 4. Predict
# `--resume` goes on where an interrupted run stopped. A target that fails has rows of zeros, and does not stop the others.

# %%
def run(verb, *arguments):
    """Runs the program, shows what it says as it says it, keeps its table as working/VERB.tsv; returns its exit status."""
    print("rnatune", verb, *arguments, flush=True)
    with open(WORKING / f"{verb}.tsv", "w") as table, subprocess.Popen(
            [rnatune, verb, *map(str, arguments)], stdout=table, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stderr:
            print(line, end="", flush=True)
    return process.returncode


def seconds_of(duration):
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(float(n) * units[u or "s"] for n, u in re.findall(r"([\d.]+)([hms]?)", duration))


folds = WORKING / "folds"
command = ["predict", "--sequences", sequences, "--out", folds, "--resume"]
for option, *path in manifest["arguments"]:
    command += [option, *(tree / p for p in path)]
if msa:
    command += ["--msa-dir", msa]
if templates:
    command += ["--templates", templates]
left = max(60, seconds_of(TIME_BUDGET) - (time.monotonic() - STARTED))
status = run(*command, "--time-budget", f"{left:.0f}s", *PREDICT)
if not (folds / "submission.csv").exists():
    raise RuntimeError(f"rnatune predict wrote nothing: exit status {status}, its last lines say why")
if status != 0:
    print(f"WARNING: exit status {status}: some targets were not folded, their rows are zeros; the lines above say which")

# %% [markdown]
# ## 5. Choose what to submit

# %%
chosen = folds / "submission.csv"
if SELECT is None:
    print("as predict ranked them: SELECT is None")
else:
    status = run("select", "--pred", folds, "--out", WORKING / "chosen", *SELECT,
                 *(argument for path in pool for argument in ("--pool", path)))
    if (WORKING / "chosen" / "submission.csv").exists() and status in (0, 1):
        chosen = WORKING / "chosen" / "submission.csv"
    if status != 0:
        print(f"WARNING: rnatune select: exit status {status}; what is submitted is {chosen}")

# %% [markdown]
# ## 6. submission.csv
# Every row of the sample, in its order.

# %%
with open(chosen, newline="") as file:
    rows = {row["ID"]: row for row in csv.DictReader(file)}
coordinate = re.compile(r"[xyz]_\d+$")
lacking, written, zeros = [], 0, 0
with open(sample, newline="") as file, open(WORKING / "submission.csv.part", "w", newline="") as out:
    reader = csv.DictReader(file)
    writer = csv.DictWriter(out, reader.fieldnames, lineterminator="\n")
    writer.writeheader()
    for wanted in reader:
        ours = rows.get(wanted["ID"])
        if ours is None:
            lacking.append(wanted["ID"])
        for name in reader.fieldnames:
            if coordinate.match(name):   # a model that we have not: the best one again
                wanted[name] = ours.get(name, ours[name[0] + "_1"]) if ours else "0.000"
        zeros += all(float(wanted[name]) == 0 for name in reader.fieldnames if coordinate.match(name))
        writer.writerow(wanted)
        written += 1
(WORKING / "submission.csv.part").replace(WORKING / "submission.csv")
if lacking:
    print(f"WARNING: {len(lacking)} rows of the sample were not predicted and are zeros: {', '.join(lacking[:10])}")
if zeros > len(lacking):
    print(f"WARNING: {zeros - len(lacking)} rows of targets that were not folded are zeros")
print(f"{WORKING / 'submission.csv'}: {written} rows, each of {sample.name}")

# %% [markdown]
# ## 7. What came out
# pTM and pLDDT are of the sample that predict ranks first.

# %%
print(f"{'target':<20} {'length':>6} {'MSA':>6} {'templates':>9} {'samples':>7} {'pLDDT':>6} {'pTM':>6}  note")
for name, sequence in targets:
    summary = folds / name / "summary.json"
    if not summary.exists():
        print(f"{name:<20} {len(sequence):>6}  WARNING: not folded, rows of zeros")
        continue
    summary = json.loads(summary.read_text())
    inputs, samples = summary.get("inputs", {}), summary["samples"]
    best = min(samples, key=lambda s: s["rank"])
    note = "shortened by the time budget" if "shortened_by_time_budget_from" in json.dumps(summary) else ""
    print(f"{name:<20} {len(sequence):>6} {(inputs.get('msa') or {}).get('rows', 0):>6} "
          f"{(inputs.get('templates') or {}).get('used', 0):>9} {len(samples):>7} {best['plddt']:>6.1f} "
          f"{best['ptm']:>6.3f}  {note}")
print(f"{(time.monotonic() - STARTED) / 60:.1f} minutes")
shutil.rmtree(tree, ignore_errors=True)
