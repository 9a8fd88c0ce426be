set -- "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --families f.tsv
printf 'target\tclan\nT001\tC\n' >f.tsv
run compare "$@"
expect_exit 1
expect_stderr "f.tsv:1: has no column 'family'"
printf 'target\tfamily\nT001\tC\nT001\tD\n' >f.tsv
run compare "$@"
expect_exit 1
expect_stderr "f.tsv:3: target 'T001' is in family 'D' here and in 'C' on line 2"
printf 'target\tfamily\nT001\t\n' >f.tsv
run compare "$@"
expect_exit 1
expect_stderr "f.tsv:2: target 'T001' has no family; leave the line out if it has none"
printf 'target\tfamily\n\tC\n' >f.tsv
run compare "$@"
expect_exit 1
expect_stderr 'f.tsv:2: the target is empty'
