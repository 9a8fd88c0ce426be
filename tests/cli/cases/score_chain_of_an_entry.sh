# the competition's names: 1ABC_B is chain B of the native 1abc
. "$here/make_rna.sh"
mkdir -p natives folds/1ABC_B folds/1ABC_A folds/1ABC_C
{ rna 30 1 A 0 | grep ATOM; echo TER; rna 20 1 B 40 UUCGCAGGAUCUAGCCAUUGACGUACUGGA; } >natives/1abc.pdb
rna 30 >natives/2abc.pdb
rna 30 >folds/1ABC_A/1ABC_A_sample_0.pdb
rna 20 1 A 3 UUCGCAGGAUCUAGCCAUUGACGUACUGGA >folds/1ABC_B/1ABC_B_sample_0.pdb
rna 30 >folds/1ABC_C/1ABC_C_sample_0.pdb
rna 30 1 A 0 >folds/2ABC_A_sample_0.pdb
run score --pred folds --native natives
expect_exit 0
expect_same "$(cut -f1,3,4,7,8 "$out" | tail -n +2 | tr '\t\n' ': ')" \
    '1ABC_A:1.00000:1.00000:30:30 1ABC_B:1.00000:1.00000:20:20 2ABC_A:1.00000:1.00000:30:30 '
expect_stderr '1 of the predictions belong to no target of natives, 1ABC_C_sample_0.pdb is one'
printf 'ID,resname,resid,x_1,y_1,z_1\n' >submission.csv
awk '/C1/ { n++; printf "1ABC_B_%d,%s,%d,%s,%s,%s\n", n, $4, n, $7, $8, $9 }' folds/1ABC_B/1ABC_B_sample_0.pdb >>submission.csv
run score --pred submission.csv --native natives --metric kaggle2
expect_exit 0
expect_same "$(column value) $(column targets)" '0.50000000 2'
run score --pred submission.csv --native natives/1abc.pdb --metric kaggle2
expect_same "$(column value) $(column targets)" '1.00000000 1'
