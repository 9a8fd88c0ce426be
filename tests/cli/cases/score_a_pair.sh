. "$here/make_rna.sh"
rna 30 >native.pdb
rna 30 1 A 50 >moved.pdb
run score --pred moved.pdb --native native.pdb --out scores
expect_exit 0
expect_stdout "$(printf 'target\tmodel\ttm_align\ttm_resid\trmsd\td0\t')"
expect_stdout "$(printf 'native\tmoved\t1.00000\t1.00000\t0.000\t')"
expect_same "$(column n_paired) $(column n_missing) $(column lddt_all) $(column inf_all)" '30 0 1.00000 NA'
expect_stderr 'TM by number'
expect_same "$(cmp scores/scores.tsv "$out" && ls scores)" "$(printf 'run.json\nscores.tsv\nsummary.tsv\nsuperpositions.tsv')"
# the superposition takes the 50 Angstrom back
expect_same "$(awk -F'\t' 'NR == 2 { printf "%.3f %.3f %.3f", $5, $9, $14 }' scores/superpositions.tsv)" '1.000 1.000 -50.000'
gzip -k native.pdb moved.pdb
mv native.pdb.gz packed.pdb.gz
run score --pred moved.pdb.gz --native packed.pdb.gz --json
expect_exit 0
expect_stdout '"tm_resid": 1.0'
expect_stdout '"inf_all": null'
