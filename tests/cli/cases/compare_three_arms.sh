cp "$DATA/compare/tuned.tsv" third.tsv
run compare "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" third.tsv --families "$DATA/compare/families.tsv" --json --out cmp
expect_exit 0
expect_stdout '"warnings": ['
expect_stdout 'The interval is widened for 3 comparisons.'
expect_same "$(head -1 cmp/pairs.tsv)" "$(printf 'target\tfamily\tbase\ttuned\tthird')"
expect_same "$(wc -l <cmp/pairs.tsv)" 25
expect_same "$(cut -f1 cmp/compare.tsv | sort -u | tr '\n' ,)" 'comparison,third - base,third - tuned,tuned - base,'
grep -q '"role": "families"' cmp/run.json || note 'run.json lacks the families file'
[ -s cmp/compare.json ] || note 'no compare.json'
