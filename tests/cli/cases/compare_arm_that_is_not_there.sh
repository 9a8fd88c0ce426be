run compare "$DATA/compare/base.tsv" nowhere.tsv
expect_exit 1
expect_no_stdout
expect_stderr 'nowhere.tsv'
run compare "$DATA/compare/base.tsv" nowhere.sqlite:base
expect_exit 1
expect_stderr 'nowhere.sqlite:base'
