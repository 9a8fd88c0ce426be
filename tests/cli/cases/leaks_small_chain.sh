. "$here/make_competition.sh" comp
run import --kaggle comp --out set
expect_exit 0
run families --data set --out families.tsv
expect_exit 0
expect_stderr 'joined by sequence similarity alone'
expect_stdout "$(printf 'components\t7')"
expect_stdout "$(printf 'largest_component\t2')"
expect_same "$(grep -c "^[12]AAA_A.cluster_1AAA_A.component_1.alone" families.tsv)" 2
run split --data set --families families.tsv --out split.tsv --sizes 60/20/20 --seed 3
expect_exit 0
expect_stdout "$(printf 'train\t')"
expect_same "$(grep '^V1' split.tsv | cut -f2)" validation
run split --data set --families families.tsv --out again.tsv --sizes 60/20/20 --seed 3
expect_same "$(cksum <split.tsv)" "$(cksum <again.tsv)"
run audit --data set --split split.tsv --families families.tsv --hold-out comp/validation_sequences.csv
expect_exit 0
expect_stdout 'kind'
expect_stderr 'the split holds'
expect_stderr 'answer     not checked: no templates'
grep -q '"holds": true' split.tsv.audit.json || note 'the record does not say that it holds'
# a leak planted by hand: exit 3, the list, and a record that says so
sed 's/^\(1AAA_A\t\)[a-z]*/\1train/; s/^\(2AAA_A\t\)[a-z]*/\1test/' split.tsv >leaky.tsv
run audit --data set --split leaky.tsv --families families.tsv
expect_exit 3
expect_stdout "$(printf 'family\t1AAA_A\ttrain\t2AAA_A\ttest')"
expect_stdout "$(printf 'sequence\t1AAA_A\ttrain\t2AAA_A\ttest')"
expect_stderr 'LEAKS'
grep -q '"holds": false' leaky.tsv.audit.json || note 'the record does not say that it leaks'
# the list makes the next split hold
cp "$out" leaks.tsv
run split --data set --families families.tsv --join leaks.tsv --out split2.tsv
expect_exit 0
# nothing newer than the cut-off trains; a held-out target's component does not either
run split --data set --families families.tsv --cutoff 2003-06-01 --out late.tsv --sizes 100/0/0
expect_same "$(awk '$2 == "train"' late.tsv | wc -l | tr -d ' ')" 3
expect_same "$(grep -c after_cutoff late.tsv)" 4
head -2 comp/train_sequences.csv >held.csv
run split --data set --families families.tsv --hold-out held.csv --out held.tsv
expect_stderr '1 held-out targets; 2 of the set are among them or similar to one'
expect_same "$(grep -E '^[12]AAA_A' held.tsv | grep -c train)" 0
# by name alone, the entry in lower case
printf 'target_id,sequence\n1aaa_A,GGGGGGGGGGGGGGGGGGGGGGGGGGGGGG\n' >lower.csv
run split --data set --families families.tsv --hold-out lower.csv --out lower.tsv
expect_stderr '1 held-out targets; 1 of the set are among them'
expect_same "$(grep -E '^[12]AAA_A' lower.tsv | grep -c train)" 0
run audit --data set --split late.tsv --families families.tsv --hold-out held.csv
expect_exit 3
expect_stdout "$(printf 'held_out\t2AAA_A\ttrain\t1AAA_A\theld_out')"
