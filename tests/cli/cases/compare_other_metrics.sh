# numbers computed independently, as in compare_worked_example
row() { printf 'tuned - base\t%s\t%s' "$1" "$2"; }
set -- "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --families "$DATA/compare/families.tsv"
run compare "$@" --per-target top1 --resamples 200000
expect_exit 0
expect_stdout "$(row difference 0.03598)"
expect_stdout "$(row standard_error 0.00986)"
expect_stdout "$(row ci95_low 0.013)"      # 0.01309 and 0.05887
expect_stdout "$(row ci95_high 0.05)"
expect_stdout "$(row wilcoxon_p 0.002726)"
expect_stdout "$(row wilcoxon_p_by_family 0.1748)"
expect_stdout "$(row families_for_0.02 37)"
expect_stdout "$(row verdict unsure)"
expect_stdout "A difference between tuned and base in tm_resid is likely but not sure"
run compare "$@" --metric rmsd --per-target mean
expect_exit 0
expect_stdout "$(row difference -0.79966)"
expect_stdout "$(row wins 22)"
expect_stdout "$(row worst_1 'T021 (RF00010) +0.18500')"
expect_stdout "tuned is better than base in rmsd by 0.8"
run compare "$@" --interval bca
expect_exit 0
expect_stdout "$(row bootstrap_p NA)"
