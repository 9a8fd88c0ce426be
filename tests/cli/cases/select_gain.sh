# what each rule is worth where the answer is known
model base.safetensors
printf 'target_id,sequence\n' >s.csv
for i in 1 2 3 4 5 6 7 8; do echo "T$i,$(printf 'GGCAUCGAAC%.0s' 1 2 | cut -c"$((i % 4 + 1))-20")" >>s.csv; done
run predict --checkpoint base.safetensors --sequences s.csv --out folds --cycles 1 --steps 5 --samples 9 --keep 9 --quiet
expect_exit 0
# the answer is the sample that comes last by ranking_score: of nine, no rule that takes the five best by it can find it
for i in 1 2 3 4 5 6 7 8; do mkdir -p "natives/T$i"; cp "folds/T$i/T${i}_sample_8.cif" "natives/T$i/native.cif"; done
(printf 'target\tfamily\n'; for i in 1 2 3 4 5 6 7 8; do printf 'T%d\tF%d\n' $i $((i < 3 ? 1 : i)); done) >families.tsv
run select --pred folds --native natives --families families.tsv --out rules
expect_exit 0
expect_stdout "$(printf 'best5\toracle\t1.00000\tranking_score\t')"
value() { awk -F'\t' -v q="$1" -v r="$2" -v c="$3" '$1 == q && $2 == r { print $c }' "$out"; }
expect_same "$(value best5 plddt 14) $(value best5 plddt 15)" "8 7"
expect_same "$(value top1 ranking_score 6)" NA
# pTM orders as ranking_score does for one chain: no gain, and no claim
expect_same "$(value best5 ptm 6) $(value best5 ptm 16)" "0.00000 no_difference_shown"
expect_same "$(value best5 oracle 11) $(value best5 oracle 12)" "8 0"
# the numbers are those that 'score' gives to the submission, and the random ones are their means
cp "$out" table.tsv
run select --pred folds --native natives --rule ranking_score --out chosen
expect_exit 0
expect_stderr 'warning: no --families: every target counts as a family of its own'
run score --pred chosen/submission.csv --native natives --quiet
best=$(awk -F'\t' 'NR > 1 { if ($4 > b[$1]) b[$1] = $4 } END { for (t in b) s += b[t]; printf "%.4f", s / length(b) }' "$out")
top=$(awk -F'\t' 'NR > 1 && $2 == 1 { s += $4; n++ } END { printf "%.4f", s / n }' "$out")
expect_same "$best" "$(awk -F'\t' '$1 == "best5" && $2 == "ranking_score" { printf "%.4f", $3 }' table.tsv)"
expect_same "$top" "$(awk -F'\t' '$1 == "top1" && $2 == "ranking_score" { printf "%.4f", $3 }' table.tsv)"
run score --pred folds --native natives --quiet
expect_same "$(awk -F'\t' 'NR > 1 { s += $4; n++ } END { printf "%.3f", s / n }' "$out")" \
    "$(awk -F'\t' '$1 == "top1" && $2 == "random" { printf "%.3f", $3 }' table.tsv)"
# a target without a native does not count, and is said
rm -r natives/T8
run select --pred folds --native natives --families families.tsv --out rules --json
expect_exit 0
expect_stderr 'warning: 1 of 8 targets have no native or no candidate: they do not count in rules.json'
expect_stdout '"best_of_all": '
expect_same "$(cat "$out")" "$(cat rules/rules.json)"
# the columns of selection.tsv then end with the TM-score to the native
expect_same "$(head -1 rules/selection.tsv | awk -F'\t' '{ print $NF }')" tm_native
