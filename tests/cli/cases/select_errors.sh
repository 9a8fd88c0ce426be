# what select refuses, and what it says
model base.safetensors
printf 'target_id,sequence\nT1,CAGGGUCGGC\nT2,GCGUACGAAGG\n' >s.csv
run predict --checkpoint base.safetensors --sequences s.csv --out folds --cycles 1 --steps 5 --samples 3 --quiet
expect_exit 0
run select --pred folds --rule best --out o
expect_exit 2
expect_stderr 'plddt'
run select --pred folds --keep 6 --out o
expect_exit 2
run select --pred folds
expect_exit 2
expect_stderr '--out'
run select --pred nowhere --out o
expect_exit 1
expect_stderr 'nowhere'
mkdir empty
run select --pred empty --out o
expect_exit 1
expect_no_stdout
expect_stderr 'empty/submission.csv: is not there'
expect_stderr "hint: --pred is the --out of 'rnatune predict'; other predictions are given with --pool"
printf 'ID,resname,resid,x_1,y_1,z_1\n' >empty/submission.csv
run select --pred empty --out o
expect_stderr 'empty/submission.csv: has no rows'
printf 'ID,resname,resid\nx,G,1\n' >empty/submission.csv
run select --pred empty --out o
expect_stderr "empty/submission.csv:2: the ID 'x' is not <target>_<number>"
printf 'ID,resname,resid\nx_1,GG,1\n' >empty/submission.csv
run select --pred empty --out o
expect_stderr 'empty/submission.csv:2: resname is not one letter'
# outside predictions
run select --pred folds --pool nowhere.csv --out o
expect_exit 1
expect_stderr 'nowhere.csv'
run select --pred folds --pool folds/submission.csv --rule gpde --out o
expect_exit 2
expect_no_stdout
expect_stderr '--rule gpde cannot place folds/submission.csv: outside predictions have no gpde'
expect_stderr 'hint: --rule mixed places them by consensus'
sed 's/^T/U/' folds/submission.csv >others.csv
run select --pred folds --pool others.csv --out o
expect_exit 1
expect_stderr 'others.csv: nothing here belongs to a target of folds'
mkdir nothing
run select --pred folds --pool nothing --out o
expect_exit 1
expect_stderr 'nothing: the folder holds no structure files'
run select --pred folds --rule learned --out o
expect_exit 1
expect_stderr 'folds: sample'
expect_stderr 'has no learned'
expect_stderr "hint: 'rnatune predict --rank-by learned' writes it; or another rule"
[ -e o ] && note "something was written"
# another sequence of the same target
printf 'target_id,sequence\nT1,CAGGGUCGGA\n' >other.csv
run predict --checkpoint base.safetensors --sequences other.csv --out others --cycles 1 --steps 5 --samples 1 --quiet
run select --pred folds --pred others --out o
expect_exit 1
expect_stderr 'others/submission.csv: T1 has another sequence here (10 residues) than in folds (10)'
# a target that one folder has not finished; one that none has
cp -r folds second
rm -r second/T2
run select --pred folds --pred second --out o
expect_exit 0
expect_stderr 'warning: second: 1 of 2 targets are not finished there, T2 is one'
expect_stderr 'warning: 2 targets have fewer than 5 candidates: their best one is repeated'
run select --pred second --out none
expect_exit 1
expect_stderr '1 of 2 targets have no candidate, T2 is one: their rows are zeros'
expect_same "$(grep -c '^T2_.*,0.000,0.000,0.000$' none/submission.csv)" 11
expect_same "$(wc -l <none/submission.csv)" 22
# natives
run select --pred folds --families s.csv --out o
expect_exit 2
expect_stderr '--families is for the intervals of --native, which is not given'
run select --pred folds --native nothing --out o
expect_exit 1
mkdir natives
cp folds/T1/T1_sample_0.cif natives/9ZZZ.cif
run select --pred folds --native natives --out o
expect_exit 1
expect_stderr 'natives: holds no native of any target of folds'
run select --pred folds --native folds/submission.csv --against learned --out o
expect_exit 1
expect_stderr 'no target has a native and candidates with learned'
# what is damaged, and a folder that cannot be written
: >folds/T1/T1_sample_1.cif
run select --pred folds --out o
expect_exit 0
expect_stderr 'warning: folds: 1 models cannot be submitted and are left out; T1, model T1_sample_1.cif: '
echo '{"samples": 3}' >folds/T2/summary.json
run select --pred folds --out o
expect_exit 1
expect_stderr 'folds/T2/summary.json: has no list of samples'
echo file >in_the_way
run select --pred folds --out in_the_way
expect_exit 1
expect_no_stdout
