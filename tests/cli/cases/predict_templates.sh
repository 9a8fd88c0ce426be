C="--checkpoint $GOLDEN/tiny/tiny.pt --sequences $GOLDEN/raw/sequences.csv --samples 1 --steps 1 --cycles 1"
# trna76's third template lacks a residue
run predict $C --templates $GOLDEN/raw/template_features.pt --template-idx 2 --out masked
expect_exit 0
expect_stderr "trna76: 76 nt, NO MSA, 3 templates (1 residues missing, masked)"
run predict $C --templates $GOLDEN/raw/template_features.pt --template-idx 2 --template-missing origin --out origin
expect_exit 0
expect_stderr "trna76: 76 nt, NO MSA, 3 templates (1 residues missing, at the origin)"
cmp -s masked/trna76/trna76_sample_0.cif origin/trna76/trna76_sample_0.cif && note "masking changed nothing"
run predict $C --out none
expect_exit 0
expect_stderr "NO template (none, as the reference infers)"
run predict $C --no-template zeros --out zeros
expect_exit 0
expect_stderr "NO template (zeros instead)"
cmp -s none/toy4/toy4_sample_0.cif zeros/toy4/toy4_sample_0.cif && note "--no-template changed nothing"
run predict $C --templates $GOLDEN/raw/template_features.pt --template-idx 5 --out beyond
expect_exit 1
expect_stderr "3 of 3 targets failed"
printf 'ID,resname,resid,x_1,y_1,z_1\ntoy4_1,G,1,1,2,3\ntoy4_2,G,2,1,2,x\n' >t.csv
run predict $C --templates t.csv --out x
expect_exit 1
expect_stderr "t.csv:3"
