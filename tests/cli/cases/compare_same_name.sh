mkdir a b
cp "$DATA/compare/base.tsv" a/x.tsv
cp "$DATA/compare/tuned.tsv" b/x.tsv
run compare a/x.tsv b/x.tsv
expect_exit 2
expect_stderr "two arms are called 'x'"
expect_stderr 'hint: name them: base=a/x.tsv tuned=b/x.tsv'
run compare one=a/x.tsv b/x.tsv
expect_exit 0
expect_stdout "$(printf 'x - one\ttargets\t24')"
mv a/x.tsv a/scores.tsv
mv b/x.tsv b/scores.tsv
run compare a/scores.tsv b/scores.tsv
expect_exit 0
expect_stdout "$(printf 'b - a\ttargets\t24')"
