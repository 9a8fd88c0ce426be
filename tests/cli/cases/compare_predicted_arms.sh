# predict, score and compare, one after another: the warnings come from the run.json that predict itself wrote
model t.safetensors
(echo target_id,sequence; for i in 1 2 3 4 5 6 7; do echo "t$i,GGGAAACCCGGGUUC"; done) >s.csv
run predict --checkpoint t.safetensors --sequences s.csv --out folds_a --samples 2 --steps 3 --seed 1 --no-ribonanza
run predict --checkpoint t.safetensors --sequences s.csv --out folds_b --samples 3 --steps 4 --seed 2 --no-ribonanza --no-template zeros
expect_exit 0
mkdir natives
for i in 1 2 3 4 5 6 7; do cp folds_a/t$i/t${i}_sample_1.cif natives/t$i.cif; done
run score --pred folds_a --native natives --out a
expect_exit 0
run score --pred folds_b --native natives --out b
expect_exit 0
expect_same "$(wc -l <b/scores.tsv)" 22
run compare a/scores.tsv b/scores.tsv
expect_exit 0
expect_stderr 'warning: a and b differ in samples per target: 2 and 3'
expect_stderr 'warning: a and b differ in diffusion steps: 3 and 4'
expect_stderr 'warning: a and b differ in seed: 1 and 2'
expect_stderr 'warning: a and b differ in what a target without a template gets: reference and zeros'
expect_same "$(grep -c 'do not say\|no run.json\|recycles\|MSA' "$err")" 0
expect_stdout 'b is worse than a in tm_resid by'
expect_stdout 'The arms were not predicted in the same way'
# as submissions: folds_b/submission.csv lies beside the same run.json
run score --pred folds_b/submission.csv --native natives --out c
expect_exit 0
run compare a/scores.tsv c/scores.tsv
expect_stderr 'warning: a and c differ in diffusion steps: 3 and 4'
