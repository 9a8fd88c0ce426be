run compare "$DATA/compare/base.tsv"
expect_exit 2
expect_no_stdout
expect_stderr 'rnatune compare: there must be two arms at least'
expect_stderr 'hint: rnatune compare base.tsv tuned.tsv --families families.tsv'
