. "$here/make_rna.sh"
rna 30 >native.pdb
# the fifth C1' twice: the less occupied one is far away
awk 'NR == 10 { print substr($0, 1, 16) "A" substr($0, 18, 13) "  99.000  99.000  99.000  0.30  0.00           C"
                print substr($0, 1, 16) "B" substr($0, 18, 37) "  0.70  0.00           C"; next } 1' native.pdb >model.pdb
run score --pred model.pdb --native native.pdb
expect_exit 0
expect_same "$(column tm_resid) $(column rmsd)" '1.00000 0.000'
