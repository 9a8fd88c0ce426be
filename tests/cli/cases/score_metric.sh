. "$here/make_rna.sh"
needs "$here/../../../shared/data/golden/kaggle_metric_usalign.tsv"
data=$here/../../../shared/data
run score --pred "$data/golden/submission_from_templates.csv" --native "$data/kaggle/validation_labels.csv" --metric kaggle2
expect_exit 0
expect_same "$(cat "$out")" "$(printf 'metric\tvalue\ttargets\nkaggle2\t0.96158000\t12')"
# targets whose five models are all recorded or worse than a recorded one
head -1 "$data/golden/submission_from_templates.csv" >part.csv
grep -E '^(R1107|R1108|R1189)_' "$data/golden/submission_from_templates.csv" >>part.csv
head -1 "$data/kaggle/validation_labels.csv" >labels.csv
grep -E '^(R1107|R1108|R1189)_' "$data/kaggle/validation_labels.csv" >>labels.csv
for part in 1 2; do
    run score --pred part.csv --native labels.csv --metric kaggle$part
    expect_exit 0
    want=$(awk -F'\t' -v c=$((4 + part)) 'NR > 1 && $1 ~ /^(R1107|R1108|R1189)$/ && $c > best[$1] { best[$1] = $c }
        END { printf "%.8f", (best["R1107"] + best["R1108"] + best["R1189"]) / 3 }' "$data/golden/kaggle_metric_usalign.tsv")
    expect_same "$(column value)" "$want"
done
run score --pred part.csv --native labels.csv --atom P
expect_exit 1
expect_stderr 'labels.csv:1: the table has no coordinates of the atom P'
