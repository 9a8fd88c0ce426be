. "$here/make_rna.sh"
rna 30 >native.pdb
rna 30 | awk 'NR > 10 && NR != 20' >model.pdb
run score --pred model.pdb --native native.pdb
expect_exit 0
expect_same "$(column n_native) $(column n_model) $(column n_missing)" '30 24 6'
expect_same "$(column tm_resid)" 0.80000
grep -v "C1'" native.pdb >phosphates.pdb
run score --pred phosphates.pdb --native native.pdb
expect_exit 1
expect_stderr "phosphates.pdb: no residue has the atom C1'"
run score --pred phosphates.pdb --native native.pdb --atom P
expect_exit 0
expect_same "$(column tm_resid) $(column atom)" '1.00000 P'
