# the package alone, in a folder of its own and without a network: its notebook writes a submission that is complete
command -v python3 >/dev/null || skip "no python3"
unshare -n true 2>/dev/null || skip "unshare -n is not permitted: no network namespace to test in"
needs_portable
model base.safetensors
run package --checkpoint base.safetensors --title "RNA test" --owner anna --competition rna-folding --out made --msa rna-folding/MSA \
    --predict cycles=1 --predict steps=5 --predict samples=6 --predict threads=1 --time-budget 1h --quiet
expect_exit 0
run package --check made
expect_exit 0
expect_same "$(grep -c 'ok' "$out")" 8
# as Kaggle has it: inputs read-only and not executable, nothing else there
mkdir -p root/input/rna-folding/MSA
mv made/dataset root/input/rna-test
mv made/notebook notebook
rm -r made base.safetensors
chmod -R a-wx,a+X root/input
printf 'target_id,sequence\nR1,GGGGAAACCC\nR_2,GCGUACGAAGGAGAGGAGAGG\n' >test_sequences.csv
printf '>R1\nGGGGAAACCC\n>a\nGGGCAAAGCC\n' >R1.MSA.fasta
(echo "ID,resname,resid,$(for m in 1 2 3 4 5; do printf 'x_%d,y_%d,z_%d,' $m $m $m; done | sed 's/,$//')"
 for t in R_2:GCGUACGAAGGAGAGGAGAGG R1:GGGGAAACCC; do   # in another order
     echo "${t#*:}" | fold -w 1 | awk -v t="${t%:*}" '{ printf "%s_%d,%s,%d,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n", t, NR, $1, NR }'
 done) >sample_submission.csv
chmod u+w root/input/rna-folding root/input/rna-folding/MSA
cp test_sequences.csv sample_submission.csv root/input/rna-folding
cp R1.MSA.fasta root/input/rna-folding/MSA
notebook() { RNATUNE_ROOT=$PWD/root TMPDIR=$PWD unshare -n python3 "$here/run_notebook.py" notebook/rna-test-notebook.ipynb >said 2>&1; }
said() { grep -qF -- "$1" said || { note "the notebook does not say '$1':"; tail -5 said | sed 's/^/      /' >>"$bad"; }; }
notebook || { note "the notebook failed:"; tail -5 said | sed 's/^/      /' >>"$bad"; }
said 'files as packed by rnatune'
said 'WARNING: templates: none (not asked for in the settings).'
said 'RibonanzaNet2: in the checkpoint'
said 'WARNING: 1 targets have no alignment: R_2'
said 'results: '
said 'submission.csv: 31 rows, each of sample_submission.csv'
expect_same "$(cut -d, -f1-3 root/working/submission.csv)" "$(cut -d, -f1-3 sample_submission.csv)"
expect_same "$(cut -d, -f4-18 root/working/submission.csv | grep -vc '[1-9]')" 0
expect_same "$(ls -d rnatune_* 2>/dev/null)" ""
# rnatune score takes it
mkdir natives
cp root/working/folds/R1/R1_sample_0.cif natives/R1.cif
run score --pred root/working/submission.csv --native natives --quiet
expect_exit 0
expect_same "$(awk -F'\t' 'NR > 1 && $4 > 0.99' "$out" | wc -l)" 1
# the program takes its libraries from the package, and only glibc's from the system
mkdir -p tree/lib
cp root/input/rna-test/rnatune tree
for lib in root/input/rna-test/lib__*; do cp "$lib" "tree/lib/${lib##*/lib__}"; done
chmod -R u+wx tree
LD_TRACE_LOADED_OBJECTS=1 tree/rnatune | sed -n 's/^[[:space:]]*\([^ ]*\) => \([^ ]*\) .*/\1 \2/p' >loaded
expect_same "$(grep -v "$PWD/tree/lib/" loaded | cut -d' ' -f1 | grep -v '^libc.so.6$\|^libm.so.6$')" ""
expect_same "$(grep -c "$PWD/tree/lib/" loaded)" "$(ls tree/lib | wc -l)"
cp root/working/submission.csv root/working/submission.csv.was
# again: what was folded is kept; a sample that wants more has zeros there, and is told
echo R9_1,G,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0 >>root/input/rna-folding/sample_submission.csv
touch -d '1 hour ago' root/working/folds/R1/R1_sample_0.cif
notebook || note "the second run failed"
[ root/working/folds/R1/R1_sample_0.cif -ot root/working/submission.csv.was ] || note "the second run folds again"
said 'WARNING: 1 rows of the sample were not predicted and are zeros: R9_1'
expect_same "$(tail -1 root/working/submission.csv)" R9_1,G,1,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000
# alignments that the settings name and that are not there
rm -r root/input/rna-folding/MSA
notebook || note "the run without alignments failed"
said 'WARNING: alignments: rna-folding/MSA is not below'
# a file that is not what it was, and a missing input
chmod -R u+w root/input/rna-test
printf 'x' >>root/input/rna-test/lib__libz.so.1
notebook && note "the notebook runs a changed library"
said 'lib__libz.so.1 is not what was packed: its SHA-256 differs'
echo ' ' >>root/input/rna-test/MANIFEST.json
notebook && note "the notebook takes another manifest"
said 'is of another version of the data set than this notebook was made for'
rm -r root/input/rna-test
notebook && note "the notebook runs without the package"
said "the package: rna-test/MANIFEST.json is not below"
