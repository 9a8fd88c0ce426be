head -26 "$DATA/compare/base.tsv" >a.tsv
head -26 "$DATA/compare/tuned.tsv" >b.tsv
run compare a.tsv b.tsv --families "$DATA/compare/families.tsv"
expect_exit 0
expect_stdout "$(printf 'b - a\tfamilies\t2')"
expect_stdout "$(printf 'b - a\tci95_low\tNA')"
expect_stdout 'Nothing may be claimed about b and a: 2 families are too few for any test.'
head -6 "$DATA/compare/base.tsv" >a.tsv
run compare a.tsv b.tsv --families "$DATA/compare/families.tsv"
expect_exit 0
expect_stdout "$(printf 'b - a\tdetectable_at_80_percent\tNA')"
expect_stdout 'Nothing may be claimed about b and a: 1 family is too few for any test.'
