. "$here/make_rna.sh"
rna 30 101 >native.pdb
rna 30 >model.pdb
run score --pred model.pdb --native native.pdb
expect_exit 0
expect_same "$(column tm_resid)" 1.00000
expect_stderr 'model: the numbers are shifted; 100 was added to pair them with native'
