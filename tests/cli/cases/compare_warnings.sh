set -- "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv"
run compare "$@"
expect_exit 0
expect_stderr 'warning: no --families: every target counts as a family of its own, which overstates certainty'
expect_stderr 'warning: base and tuned: no run.json of the predictions, so it is not known whether samples'
expect_stdout 'Relatives among the targets are not accounted for.'
expect_stdout 'Whether the arms were predicted in the same way is not known.'
head -14 "$DATA/compare/families.tsv" >f.tsv
run compare "$@" --families f.tsv
expect_stderr 'warning: 11 of 24 targets are not in the families file: each counts as a family of its own'
expect_stderr 'warning: 18 families are few'
grep -v T001 "$DATA/compare/tuned.tsv" | sed 's/^\(T002\t[^\t]*\t[^\t]*\t\)[^\t]*/\1NA/' >less.tsv
run compare "$1" less.tsv
expect_stderr 'warning: base: 2 targets are left out because another arm lacks them'
expect_stderr 'warning: less: 1 targets are left out because their tm_resid is not known'
grep -v 'sample_4' "$DATA/compare/tuned.tsv" >four.tsv
run compare "$1" four.tsv
expect_stderr 'warning: base and four differ in models per target: 5 to 5 and 4 to 4'
expect_stdout 'The arms were not predicted in the same way'
