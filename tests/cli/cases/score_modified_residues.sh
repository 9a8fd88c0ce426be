. "$here/make_rna.sh"
rna 30 >native.pdb
# the fifth residue, a U, as pseudouridine
awk '{ n = substr($0, 23, 4) + 0 } n == 5 && /^ATOM/ { print "HETATM" substr($0, 7, 11) "PSU" substr($0, 21); next } 1' native.pdb >model.pdb
run score --pred model.pdb --native native.pdb
expect_exit 0
expect_same "$(column n_model) $(column tm_resid)" '30 1.00000'
expect_same "$(grep -c 'other letters' "$err")" 0
