. "$here/make_rna.sh"
rna 30 >native.pdb
cp native.pdb model.pdb
cat >>model.pdb <<'END'
HETATM  901  C1' GTP A 101      60.000  60.000  60.000  1.00  0.00           C
HETATM  902  O   HOH A 201      10.000   0.000   0.000  1.00  0.00           O
HETATM  903 MG    MG A 202      10.000   0.000   0.000  1.00  0.00          MG
END
grep -v TER model.pdb | sed '2i ATOM    900  H1'"'"'   G A   1       1.000   1.000   1.000  1.00  0.00           H' >unended.pdb
for file in model unended; do
    run score --pred $file.pdb --native native.pdb
    expect_exit 0
    expect_same "$(column n_model) $(column tm_resid) $(column lddt_all)" '30 1.00000 1.00000'
done
