# the same predictions twice, and models of one arm against each other
cp "$DATA/compare/base.tsv" again.tsv
run compare "$DATA/compare/base.tsv" again.tsv --families "$DATA/compare/families.tsv"
expect_exit 0
expect_stdout "$(printf 'again - base\tties\t24')"
expect_stdout "$(printf 'again - base\twilcoxon_p\t1')"
expect_stdout 'No difference between again and base was shown in tm_resid'
expect_stdout 'That is no proof that they are equal'
