# a native that cannot be read fails its own models, with one line; all other targets are scored
. "$here/make_rna.sh"
mkdir -p natives models/R1 models/R2 models/R3
for t in R1 R2 R3; do
    rna 30 >natives/$t.pdb
    rna 30 >models/$t/${t}_sample_0.pdb
    rna 28 >models/$t/${t}_sample_1.pdb
done
echo 'not a structure' >natives/R2.pdb
echo 'not asked for' >natives/R9.pdb
run score --pred models --native natives --out scores
expect_exit 1
expect_same "$(cut -f1,2 "$out" | tr '\t\n' ': ')" 'target:model R1:R1_sample_0 R1:R1_sample_1 R3:R3_sample_0 R3:R3_sample_1 '
expect_stderr 'R2, the native: natives/R2.pdb: the file holds no atoms'
expect_same "$(grep -c 'holds no atoms' "$err")" 1
expect_stderr '2 models could not be scored; 4 were'
expect_stderr '2 of 4 targets have no scored model, R2 is one'
expect_same "$(cmp "$out" scores/scores.tsv && echo same)" same
# the only native: just why
run score --pred models/R2 --native natives/R2.pdb
expect_exit 1
expect_no_stdout
expect_same "$(grep -c . "$err")" 2
expect_stderr 'rnatune score: natives/R2.pdb: the file holds no atoms'
