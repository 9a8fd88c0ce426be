. "$here/make_rna.sh"
{ rna 30 1 A 0; rna 30 1 B 40; } >native.pdb
{ rna 30 1 A 40; rna 30 1 B 0; } >model.pdb
run score --pred model.pdb --native native.pdb
expect_exit 0
expect_same "$(column tm_resid) $(column n_chain) $(column chain_map)" '1.00000 2 A:B,B:A'
# a model of one chain lacks the other
rna 30 >half.pdb
run score --pred half.pdb --native native.pdb
expect_exit 0
expect_same "$(column tm_resid) $(column n_missing)" '0.50000 30'
