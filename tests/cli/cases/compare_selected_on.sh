printf 'target\tnote\r\nT009\tx\nT0\nT024' >list.tsv
run compare "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --families "$DATA/compare/families.tsv" --selected-on list.tsv
expect_exit 0
expect_stderr 'warning: 2 of the 24 targets are on the list of those that a checkpoint was chosen on (T009)'
expect_stdout 'Nothing may be claimed'
echo T999 >list.tsv
run compare "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --families "$DATA/compare/families.tsv" --selected-on list.tsv
expect_stdout "$(printf 'verdict\tbetter')"
# a table of sequences, as 'rnatune export' writes it for the validation part
printf 'target_id,sequence\nT009,ACGU\nT990,ACGU\n' >sequences.csv
run compare "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --families "$DATA/compare/families.tsv" --selected-on sequences.csv
expect_stderr 'warning: 1 of the 24 targets are on the list of those that a checkpoint was chosen on (T009)'
expect_stdout 'Nothing may be claimed'
