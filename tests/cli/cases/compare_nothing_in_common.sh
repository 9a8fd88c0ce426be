printf 'target\tmodel\ttm_align\ttm_resid\trmsd\nX1\tm\t.5\t.5\t2\n' >x.tsv
run compare "$DATA/compare/base.tsv" x.tsv
expect_exit 1
expect_stderr 'the arms have no target in common'
run compare "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --metric inf_wc
expect_exit 1
expect_stderr 'base.tsv: inf_wc of no target is known'
run compare "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --metric lddt
expect_exit 2
expect_stderr "there is no metric 'lddt'"
expect_stderr "hint: there are tm_align tm_resid rmsd rmsd_aligned gdt_ts lddt_c1"
run compare "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --metric tm_resd
expect_exit 2
expect_stderr "hint: did you mean 'tm_resid'?"
