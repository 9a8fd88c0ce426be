. "$here/make_rna.sh"
# residues 11 and 12 become 10A and 10B in both; the model lacks 10A
for file in native model; do
    rna 30 | awk '{ n = substr($0, 23, 4) + 0 } n == 11 || n == 12 { print substr($0, 1, 22) "  10" (n == 11 ? "A" : "B") substr($0, 28); next } 1' >$file.pdb
done
sed -i '/  10A /d' model.pdb
run score --pred model.pdb --native native.pdb
expect_exit 0
expect_same "$(column n_missing) $(column rmsd)" '1 0.000'
