. "$here/make_rna.sh"
mkdir -p natives models/R1 models/R1_long
rna 30 >natives/R1.pdb
rna 40 >natives/R1_long.pdb
rna 20 >natives/R2.pdb
rna 30 >models/R1/R1_sample_0.pdb
rna 28 >models/R1/R1_sample_10.pdb
rna 29 >models/R1/R1_sample_2.pdb
echo '{"inputs": {"templates": {"used": 3}}}' >models/R1/summary.json
rna 40 >models/R1_long/R1_long_sample_0.pdb
rna 10 >models/elsewhere.pdb
echo 'not a structure' >models/R1/broken.pdb
run score --pred models --native natives
expect_exit 1
expect_stderr '1 models could not be scored; 4 were'
expect_stderr 'R1, broken: models/R1/broken.pdb: the file holds no atoms'
expect_stderr '1 of 3 targets have no scored model, R2 is one'
expect_stderr 'elsewhere.pdb is one'
expect_same "$(cut -f1,2 "$out" | tr '\t\n' ': ')" 'target:model R1:R1_sample_0 R1:R1_sample_2 R1:R1_sample_10 R1_long:R1_long_sample_0 '
expect_same "$(column rank) $(column n_template) $(column n_model_total)" '1 3 3'
rm models/R1/broken.pdb
run score --pred models --native natives --threads 2
cp "$out" two
run score --pred models --native natives --threads 1
expect_exit 0
expect_same "$(cmp two "$out" && echo same)" same
mkdir nothing
run score --pred nothing --native natives
expect_exit 1
expect_stderr 'the folder holds no structure files'
# a submission's templates are known from the run.json that predict wrote beside it
mkdir folds
coordinates() { for i in 1 2 3 4; do echo "$1_$i,A,$i,$((5 * i)),$((i * i)),1"; done; }
(echo 'ID,resname,resid,x_1,y_1,z_1'; coordinates S1; coordinates S2; coordinates S3) >labels.csv
cp labels.csv folds/submission.csv
echo '{"targets": [{"target": "S1", "inputs": {"templates": {"used": 2}}}, {"target": "S3", "inputs": {"templates": {"used": 0}}}]}' >folds/run.json
run score --pred folds/submission.csv --native labels.csv
expect_exit 0
expect_same "$(column n_template) $(awk -F '\t' 'NR > 2 { print $NF }' "$out" | tr '\n' ' ')" '2 NA 0 '
expect_stderr 'with templates           1'
# the longest target that a name begins with, and only at the end of a word
mkdir flat
rna 40 >flat/R1_long_team7.pdb
rna 30 >flat/R1_team7.pdb
rna 30 >flat/R1team7.pdb
run score --pred flat --native natives
expect_exit 0
expect_same "$(cut -f1,2 "$out" | tr '\t\n' ': ')" 'target:model R1:R1_team7 R1_long:R1_long_team7 '
expect_stderr 'R1team7.pdb is one'
