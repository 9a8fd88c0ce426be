# Every verb: help, a wrong option, a file that is missing, one that is empty, an output that cannot be written.  One line that
# names what was given and what was expected, a hint that says what to do, the exit status, and nothing on stdout.  The verbs
# are those of the overview: a new one without its rows here fails.
. "$here/make_set.sh"
. "$here/make_plan.sh"
printf 'target_id,sequence\nT1,CAGGGUCGGC\n' >s.csv
printf '>a\nACGU\n' >a.fa
prepare predict --checkpoint tiny.safetensors --sequences s.csv --out folds --cycles 1 --steps 2 --samples 2 --quiet
prepare package --checkpoint tiny.safetensors --title RNA-test --owner anna --competition c --out packed
mkdir nothing empties native adapter out_of_tune leaky
for f in empty empty.pt empty.csv empties/a.cif adapter/adapter_config.json; do : >$f; done
echo x >file; echo '{}' >out_of_tune/steps.json
cp folds/T1/T1_sample_0.cif native/T1.cif
cp -r split.tsv split.tsv.audit.json leaky
rm leaky/split.tsv.audit.json && mkdir leaky/split.tsv.audit.json   # where audit writes its proof
B="$DATA/compare/base.tsv" T="$DATA/compare/tuned.tsv"
SET='--data set' FAMILIES='--families families.tsv' SPLIT='--split split.tsv'
TRAIN="confidence --checkpoint tiny.safetensors $SET" PREDICT='--checkpoint tiny.safetensors --sequences s.csv'
PACKAGE='--title RNA-test --owner anna --competition c'
rows="$PWD/rows"
run --help
verbs=$(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$out")
[ -n "$verbs" ] || note "no verbs in the overview"
# a row of a verb that this build lacks says nothing
has() { echo "$verbs" | grep -qx "$1"; }
# row KIND STATUS PIECE VERB ARGUMENT...: what the verb says first is "rnatune VERB: PIECE..."
row() {
    local kind=$1 status=$2 piece=$3
    shift 3
    has "$1" || return
    run "$@"
    echo "$1 $kind" >>"$rows"
    expect_exit "$status"
    expect_no_stdout
    expect_stderr "rnatune $1: $piece"
    grep -q '^  hint: ' "$err" || note "$ran: does not say what to do"
}
# table KIND STATUS PIECE VERB ARGUMENT...: verbs that look and report: the table says it
table() {
    local kind=$1 status=$2 piece=$3
    shift 3
    has "$1" || return
    run "$@"
    echo "$1 $kind" >>"$rows"
    expect_exit "$status"
    expect_stdout "$piece"
}
# full VERB ARGUMENT...: results go to stdout alone, which cannot be written
full() {
    has "$1" || return
    [ -e /dev/full ] || { echo "$1 unwritable" >>"$rows"; return; }
    "$BINARY" "$@" >/dev/full 2>"$err" </dev/null
    code=$? ran="rnatune $* >/dev/full"
    echo "$1 unwritable" >>"$rows"
    expect_exit 1
    expect_stderr 'rnatune: cannot write to stdout: No space left on device'
}
NO_FOLDER="--out cannot be made: 'file' is no folder"
HEADER='is empty: a header line with column names was expected'
WEIGHTS='is empty: weights were expected, as torch.save or safetensors writes them'

row missing 1 'nowhere: --kaggle: no such folder' doctor --kaggle nowhere
table empty 3 "$(printf 'checkpoint\tdamaged\tempty.pt: is empty')" doctor --checkpoint empty.pt
full doctor --checkpoint tiny.safetensors
row missing 1 'nowhere: --structures: no such folder' import --structures nowhere --out x
row empty 1 'x/import.tsv: nothing could be imported' import --structures empties --out x --quiet
row unwritable 1 "file/x: $NO_FOLDER" import --structures empties --out file/x
row missing 1 'nowhere: --csv: no such file' templates $SET --csv nowhere --out t.pt
row empty 1 "empty: $HEADER" templates $SET --csv empty --out t.pt
row unwritable 1 "file/t.pt: $NO_FOLDER" templates $SET --csv empty --out file/t.pt
row missing 1 'nowhere: --table: no such file' families $SET --table nowhere --out f.tsv
row empty 1 "empty: $HEADER" families $SET --table empty --out f.tsv
row unwritable 1 "file/f.tsv: $NO_FOLDER" families $SET --out file/f.tsv
row missing 1 'nowhere: --families: no such file' split $SET --families nowhere --out o.tsv
row empty 1 "empty: $HEADER" split $SET --families empty --out o.tsv
row unwritable 1 "file/o.tsv: $NO_FOLDER" split $SET $FAMILIES --out file/o.tsv
row missing 1 'nowhere: --split: no such file' audit $SET $FAMILIES --split nowhere
row empty 1 "empty: $HEADER" audit $SET $FAMILIES --split empty
row empty 1 "empty: $HEADER" audit $SET --families empty $SPLIT
row unwritable 1 'leaky/split.tsv.audit.json: ' audit $SET $FAMILIES --split leaky/split.tsv
row missing 1 'nowhere: --split: no such file' export $SET --split nowhere --out e
row empty 1 "empty: $HEADER" export $SET --split empty --out e
row unwritable 1 "file/e: $NO_FOLDER" export $SET $SPLIT --out file/e
row missing 1 'nowhere: --fasta: no such file' pairs --fasta nowhere
row empty 1 'empty: has no sequences' pairs --fasta empty
row empty 1 'empty: the file is empty' pairs --method 3d --structure empty
row unwritable 1 "file/p.tsv: $NO_FOLDER" pairs --fasta a.fa --out file/p.tsv
row missing 1 'nowhere: --split: no such file' augment $SET --split nowhere --tier 2 --out a
row empty 1 "empty: $HEADER" augment $SET --split empty --tier 2 --out a
row unwritable 1 "file/a: $NO_FOLDER" augment $SET $SPLIT --tier 2 --out file/a
row missing 1 'nowhere.pt: --checkpoint: no such file' train confidence --checkpoint nowhere.pt $SET $SPLIT --out r
row empty 1 "empty: $HEADER" train $TRAIN --split empty --out r
row empty 1 "empty.pt: $WEIGHTS" train confidence --checkpoint empty.pt $SET $SPLIT --out r --quiet
row unwritable 1 "file/r: $NO_FOLDER" train $TRAIN $SPLIT --out file/r
row missing 1 'nowhere: PATH: no such file or folder' lora average nowhere --out o
row empty 1 'adapter/adapter_config.json:1: not valid JSON' lora merge tiny.safetensors adapter --out o
row unwritable 1 "file/o: $NO_FOLDER" lora average adapter adapter --out file/o
row missing 1 'nowhere.csv: --sequences: no such file' predict --checkpoint tiny.safetensors --sequences nowhere.csv --out o
row empty 1 "empty: $HEADER" predict --checkpoint tiny.safetensors --sequences empty --out o
row empty 1 "empty.pt: $WEIGHTS" predict --checkpoint empty.pt --sequences s.csv --out o
row unwritable 1 "file/o: $NO_FOLDER" predict $PREDICT --out file/o
row missing 1 'nowhere: --pred: no such file or folder' score --pred nowhere --native native
row empty 1 'empties/a.cif: the file is empty' score --pred empties/a.cif --native native/T1.cif
row unwritable 1 "file/o: $NO_FOLDER" score --pred folds --native native --out file/o
full score --pred folds --native native --quiet
row missing 1 'nowhere: cannot open: No such file or directory' selection nowhere --pred folds
row empty 1 'empty: the file is empty' selection empty --pred folds
full selection "$DATA/selection/scores.tsv" --pred "$DATA/selection/folds" --resamples 1000
row missing 1 'nowhere: --pred: no such folder' select --pred nowhere --out o
row empty 1 "empty.csv: $HEADER" select --pred folds --pool empty.csv --out o --quiet
row unwritable 1 "file/o: $NO_FOLDER" select --pred folds --out file/o
row missing 1 'nowhere.tsv: cannot open: No such file or directory' compare nowhere.tsv "$B"
row empty 1 'empty: the file is empty' compare "$B" empty
row empty 1 "empty: $HEADER" compare "$B" "$T" --families empty
row unwritable 1 "file/o: $NO_FOLDER" compare "$B" "$T" --out file/o
row missing 1 'nowhere.sqlite: no such file' results nowhere.sqlite
row empty 1 'empty: is empty: holds no table of results' results empty
row empty 1 'empty: the file is empty' results r.sqlite --add empty
row unwritable 1 "file/r.sqlite: FILE cannot be made: 'file' is no folder" results file/r.sqlite --add "$B"
row missing 1 'nowhere: --checkpoint: no such file' package --checkpoint nowhere $PACKAGE --out k
row empty 1 "empty: $WEIGHTS" package --checkpoint empty $PACKAGE --out k
row empty 1 'nothing: holds no package: the folders dataset and notebook were expected' package --check nothing
row unwritable 1 "file/k: $NO_FOLDER" package --checkpoint tiny.safetensors $PACKAGE --out file/k
row missing 1 'nowhere.yaml: PLAN: no such file' tune nowhere.yaml
row empty 1 'empty:1: is no plan: keys and values were expected' tune empty
row unwritable 1 "file/o: $NO_FOLDER" tune plan.yaml --out file/o
row missing 1 'nowhere: FOLDER: no such folder' report nowhere
row empty 1 'nothing: holds nothing of a tune run' report nothing
row unwritable 1 "file/x.html: $NO_FOLDER" report out_of_tune --out file/x.html
row missing 1 'nowhere: --golden: no such folder' verify --golden nowhere
row empty 1 'nothing/cases.json: cannot open' verify --golden nothing
full verify --golden "$DATA/golden" --case toy4_bare --quiet
row missing 1 'nowhere: --checkpoint: no such file' bench --checkpoint nowhere
row empty 1 "empty.pt: $WEIGHTS" bench --checkpoint empty.pt
row empty 1 'empty: expected a configuration (keys and values), found null' bench --config empty
full bench --config rnapro_tiny --tokens 8 --msa 2 --reps 1 --stages pairformer --quiet
row missing 2 "'nowhere' is neither a preset nor a file" init --config nowhere --out x.safetensors
row empty 1 'empty: expected a configuration (keys and values), found null' init --config empty --out x.safetensors
row unwritable 1 "file/x.safetensors: $NO_FOLDER" init --config "$DATA/tiny_config.json" --out file/x.safetensors
row missing 1 'nowhere.pt: IN: no such file' convert nowhere.pt --out x.safetensors
row empty 1 "empty.pt: $WEIGHTS" convert empty.pt --out x.safetensors
row unwritable 1 "file/x.pt: $NO_FOLDER" convert tiny.safetensors --out file/x.pt
row missing 1 'nowhere.pt: FILE: no such file' inspect nowhere.pt
row empty 1 "empty.pt: $WEIGHTS" inspect empty.pt
full inspect tiny.safetensors
row missing 2 "unexpected 'nowhere': only options were expected" devices nowhere   # reads no file
row empty 2 "unexpected 'empty': only options were expected" devices empty
full devices
row missing 2 "SHELL: 'nowhere' is not one of bash" completion nowhere   # reads no file
row empty 2 "SHELL: 'empty' is not one of bash" completion empty
full completion bash
row missing 2 "unexpected 'nowhere': only options were expected" version nowhere   # reads no file
row empty 2 "unexpected 'empty': only options were expected" version empty
full version

for verb in $verbs; do
    for kind in missing empty unwritable; do
        grep -qx "$verb $kind" "$rows" || note "$verb has no row for a file that is $kind"
    done
    run "$verb" --help
    expect_exit 0
    expect_stdout "usage: rnatune $verb"
    run "$verb" --helq
    expect_exit 2
    expect_no_stdout
    expect_stderr "rnatune $verb: unknown option '--helq'"
    expect_stderr "  hint: did you mean '--help'?"
    run "$verb" --quite=1
    expect_exit 2
    expect_no_stdout
    expect_stderr "rnatune $verb: "
done
# what may have been meant
run inspect tiny.safetensor
expect_stderr "hint: did you mean 'tiny.safetensors'?"
run audit --data sat --split split.tsv $FAMILIES
expect_stderr "hint: did you mean 'set'?"
