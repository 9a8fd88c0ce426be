. "$here/make_competition.sh" comp
run import --kaggle comp --out set --quiet
run families --data set --out families.tsv --quiet
run split --data set --families families.tsv --out split.tsv --quiet
# one template of V1 is its own answer, moved aside; the other is something else
awk -F, 'NR == 1 { print $0 ",x_2,y_2,z_2"; next } { printf "%s,%s,%s,%.3f,%.3f,%.3f,%d,%d,0\n", $1, $2, $3, $4 + 50, $5, $6, NR * 5, NR * NR }' \
    comp/validation_labels.csv >templates.csv
run audit --data set --split split.tsv --families families.tsv --templates templates.csv
expect_exit 3
expect_stdout "$(printf 'answer\tV1\tvalidation\ttemplate 1\ttemplate\t1.0000')"
expect_stdout "the templates' dates cannot be proved"
run templates --data set --csv templates.csv --out t.pt
expect_exit 0
expect_stdout "$(printf 'kept\t1')"
expect_stdout "$(printf 'matches_answer\t1')"
expect_stderr 'no audit can prove'
# with a list of where they came from and when, the rest passes and the record names the file
printf 'V1\t9zzz_A\t1e-9\t1\t2\t1\t2\tAA\tAA\nV1\t8zzz_A\t1e-8\t1\t2\t1\t2\tAA\tAA\n' >hits.m8
printf '"Entry ID","Release Date"\n"9ZZZ","2001-01-01"\n"8ZZZ","2001-01-01"\n' >dates.csv
run templates --data set --csv templates.csv --hits hits.m8 --dates dates.csv --out t.pt
expect_same "$(grep -c kept t.pt.sources.tsv)" 1
expect_same "$(awk '$8 == "kept" { print $3, $4 }' t.pt.sources.tsv)" '8zzz_A 2001-01-01'
run audit --data set --split split.tsv --families families.tsv --templates t.pt
expect_exit 0
grep -q '"role": "templates"' split.tsv.audit.json || note 'the record does not name the templates'
# the same from the day on which the target was published
sed 's/8ZZZ","2001-01-01/8ZZZ","2022-05-28/' dates.csv >late.csv
run templates --data set --csv templates.csv --hits hits.m8 --dates late.csv --out late.pt
expect_stdout "$(printf 'after_cutoff\t1')"
sed 's/2001-01-01/2022-05-28/' t.pt.sources.tsv >late.tsv
run audit --data set --split split.tsv --families families.tsv --templates t.pt --template-sources late.tsv
expect_exit 3
expect_stdout '8zzz_A of 2022-05-28'
