# predictions of a random model, scored and chosen from in one command
model base.safetensors
examples=$here/../../examples/demo
printf "target_id,sequence\n1DQH_B,CAGGGUCGGC\n6C63_A,GCGUACGAAGGAGAGGAGAGGAAGAGGAGAGUACGC\n" >sequences.csv
run predict --checkpoint base.safetensors --sequences sequences.csv --out folds --cycles 1 --steps 5 --samples 6 --quiet
expect_exit 0
run score --pred folds --native "$examples/structures" --selection --out scored
expect_exit 0
expect_stdout "$(printf 'part\tname\tquantity\tvalue\tci95_low\tci95_high\tn')"
expect_stdout "$(printf 'selector\tconsensus\ttop1_loss')"
expect_stderr 'warning: no --families'
expect_same "$(cat "$out")" "$(cat scored/selection.tsv)"
mv "$out" selected
# the consensus is that of TM-scores between samples which other runs give
printf 'target\tmodel_a\tmodel_b\ttm\n' >pairwise.tsv
for folder in folds/*/; do
    target=$(basename "$folder")
    for native in "$folder"*.cif; do
        name=$(basename "$native" .cif)
        run score --pred "$folder" --native "$native"
        awk -F'\t' -v target="$target" -v a="$name" 'NR > 1 { print target "\t" a "\t" $2 "\t" $4 }' "$out" >>pairwise.tsv
    done
done
run selection scored/scores.tsv --pred folds --pairwise pairwise.tsv
expect_same "$(grep -c consensus "$out")" 5
expect_same "$(grep consensus "$out")" "$(grep consensus selected)"
run score --pred folds --native "$examples/structures" --selection --metric kaggle1
expect_exit 2
expect_stderr '--metric kaggle1 and --selection exclude each other'
