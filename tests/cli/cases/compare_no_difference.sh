# the same predictions twice, and models of one arm against each other
cp "$DATA/compare/base.tsv" again.tsv
run compare "$DATA/compare/base.tsv" again.tsv --families "$DATA/compare/families.tsv"
expect_exit 0
expect_stdout "$(printf 'again - base\tties\t24')"
expect_stdout "$(printf 'again - base\twilcoxon_p\t1')"
expect_stdout 'No difference between again and base was shown in tm_resid'
expect_stdout 'all 24 targets are equal in both, which leaves nothing to draw an interval from'
# nearly all equal: no interval, said in words, in the JSON as null
awk -F'\t' -v OFS='\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "tm_resid") c = i } $1 == "T001" { $c = $c + 0.01 } { print }' \
    "$DATA/compare/base.tsv" >one.tsv
run compare "$DATA/compare/base.tsv" one.tsv --families "$DATA/compare/families.tsv"
expect_exit 0
expect_stdout 'and no interval can be given, because 23 of the 24 targets are equal in both'
expect_same "$(grep -ci 'claim.*inf' "$out")" 0
run compare "$DATA/compare/base.tsv" one.tsv --families "$DATA/compare/families.tsv" --json
expect_stdout '"ci_all_comparisons_low": null'
