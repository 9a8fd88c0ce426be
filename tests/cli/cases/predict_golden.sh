# the whole way: a PyTorch checkpoint, RibonanzaNet2's folder, MSAs, templates -> files
P="--checkpoint $GOLDEN/tiny/tiny.pt --ribonanza $GOLDEN/tiny/ribonanzanet2 --config $GOLDEN/tiny/tiny_config.json"
P="$P --sequences $GOLDEN/raw/sequences.csv --msa-dir $GOLDEN/raw/msa --template-idx 1"
run predict $P --templates $GOLDEN/raw/template_features.pt --out one --threads 1
expect_exit 0
expect_stdout "target	length	msa_rows	templates	ranking_score	seconds	folder"
expect_stderr "hairpin30: 30 nt, MSA of 12 rows, 2 templates (0 residues missing, masked), RibonanzaNet2"
[ -s one/toy4/toy4_sample_1.cif ] && [ -s one/trna76/summary.json ] && [ -s one/run.json ] || note "a file is missing"
expect_same "$(head -1 one/submission.csv)" "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2,x_3,y_3,z_3,x_4,y_4,z_4,x_5,y_5,z_5"
expect_same "$(wc -l <one/submission.csv)" 111
grep -q '"chain_pair_iptm_global"' one/toy4/summary.json || note "summary.json lacks a field of summary_confidence"
grep -q '"rows": 12' one/hairpin30/summary.json || note "summary.json does not say which MSA there was"
# two threads and a second run: the same bytes
run predict $P --templates $GOLDEN/raw/template_features.pt --out two --threads 2
expect_exit 0
expect_same "$(cd one && cat */*.cif submission.csv | sha256sum)" "$(cd two && cat */*.cif submission.csv | sha256sum)"
expect_same "$(cat one/*/summary.json | sha256sum)" "$(cat two/*/summary.json | sha256sum)"
# the templates' CSV holds the same coordinates in another form
run predict $P --templates $GOLDEN/raw/submission_templates.csv --out csv
expect_exit 0
expect_same "$(cd one && cat */*.cif | sha256sum)" "$(cd csv && cat */*.cif | sha256sum)"
# a target alone is what it is in a batch
(head -1 $GOLDEN/raw/sequences.csv; grep ^hairpin30, $GOLDEN/raw/sequences.csv) >alone.csv
run predict $P --templates $GOLDEN/raw/template_features.pt --sequences alone.csv --out alone
expect_exit 0
expect_same "$(cat one/hairpin30/*.cif | sha256sum)" "$(cat alone/hairpin30/*.cif | sha256sum)"
