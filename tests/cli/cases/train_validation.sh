# the whole validation: both heads on the same structures, a table with intervals, a ranking that predict takes; a stopped or
# damaged validation goes on with what was judged, and ends with the same bytes
. "$here/make_set.sh"
WHOLE="--rollouts 2 --validation-rollouts 6 --validation-steps 3"
train_small one
expect_exit 0
[ ! -e one/validation.tsv ] || note "a validation nobody asked for"
# a finished run is validated by --resume; M and the steps are not part of the plan, the rollouts are
run train confidence $SMALL --out one --resume --validation-rollouts 6 --validation-steps 3
expect_exit 0
expect_stderr 'validation of the choice among 6 structures of 3 steps on 4 held-out targets'
expect_stderr 'expected_error of plddt~lddt_all30: base 0.'
expect_stdout 'validation	one/validation.tsv'
expect_stdout 'ranking	one/ranking.json'
expect_same "$(ls one/validation | wc -l)" 4
# shellcheck disable=SC2086
train_small two $WHOLE
expect_exit 0
for arm in base trained change against; do grep -q "^$arm	" two/validation.tsv || note "validation.tsv lacks $arm"; done
for row in 'trained	selector	learned	top1_loss' 'trained	selector	consensus	best5_gain' \
    'change	correlation	plddt~lddt_all30	spearman' 'change	correlation	ptm~tm_resid	spearman' \
    'change	calibration	plddt~lddt_all30	expected_error' 'against	against	ranking_score	top1_loss'; do
    grep -q "^$row	" two/validation.tsv || note "validation.tsv lacks $row"
done
# a change is the difference of the two
awk -F'\t' '$2 == "calibration" && $4 == "overconfidence" { v[$1] = $5 }
    END { d = v["trained"] - v["base"] - v["change"]; exit !(d < 2e-5 && d > -2e-5 && v["change"] != 0) }' two/validation.tsv ||
    note "the change is not the difference"
grep -q '"arm": "change"' two/run.json || note "run.json lacks the validation"
# the base's part does not depend on what was trained: the same structures
expect_same "$(grep '^base	correlation' one/validation.tsv)" "$(grep '^base	correlation' two/validation.tsv)"
cp two/validation.tsv whole.tsv; cp two/ranking.json whole.json
# one record lost, one cut short, one of another head: judged again, the same table
set -- two/validation/*.json
rm "$1"
head -c 300 "$2" >cut && mv cut "$2"
cp "$(ls one/validation/*.json | tail -1)" two/validation/
# shellcheck disable=SC2086
train_small two $WHOLE --resume --threads 1
expect_exit 0
cmp two/validation.tsv whole.tsv || note "the table differs after records were lost"
cmp two/ranking.json whole.json || note "the ranking differs after records were lost"
# predict takes the ranking with its checkpoint, and says what is wrong with another
printf 'target_id,sequence\na,GGCCAAGGUUGCCAAGGUUCC\n' >s.csv
PREDICT="predict --sequences s.csv --samples 5 --steps 2 --cycles 1 --keep 2 --rank-by learned"
# shellcheck disable=SC2086
run $PREDICT --checkpoint two/best.safetensors --out folds
expect_exit 0
expect_same "$(grep -c '"learned":' folds/a/summary.json)" 5
grep -q '"ranked_by": "learned"' folds/a/summary.json || note "summary.json does not say what ranked"
grep -q '"role": "ranking"' folds/run.json || note "run.json does not name the ranking"
awk -F'[:,]' '/"learned":/ { if (n++ && $2 > last) bad = 1; last = $2 } END { exit bad }' folds/a/summary.json ||
    note "samples are not ordered by the learned value"
expect_same "$(ls folds/a/*.cif | wc -l)" 2
# the order of the files is that of the table, whatever ranks; the same samples
run predict --sequences s.csv --samples 5 --steps 2 --cycles 1 --keep 5 --checkpoint two/best.safetensors --out plain
expect_exit 0
best=$(awk -F'[:,]' '/"sample"/ { print $2 + 0; exit }' folds/a/summary.json)
rank=$(awk -F'[:,]' '/"rank"/ { r = $2 + 0 } /"sample"/ && $2 + 0 == s { print r; exit }' s="$best" plain/a/summary.json)
cmp folds/a/a_sample_0.cif "plain/a/a_sample_$rank.cif" || note "the best by the learned ranking is another structure"
# shellcheck disable=SC2086
run $PREDICT --checkpoint tiny.safetensors --out none
expect_exit 2
expect_stderr 'ranking.json: is not there: no ranking was learned for tiny.safetensors'
expect_stderr "hint: 'rnatune train confidence --validation-rollouts 25' writes it"
cp two/ranking.json ranking.json
# shellcheck disable=SC2086
run $PREDICT --checkpoint tiny.safetensors --out none
expect_exit 1
expect_stderr 'was learned for another checkpoint'
echo '{"format": 1' >ranking.json
# shellcheck disable=SC2086
run $PREDICT --checkpoint tiny.safetensors --out none
expect_exit 1
expect_stderr 'ranking.json:2: not valid JSON'
# an adapter's head is the base: a head that does not learn is no change, and judges as where it was trained
# shellcheck disable=SC2086
UNCHANGED="${SMALL/3e-3/0} $WHOLE --epochs 1"
no_change() {
    awk -F'\t' '$1 == "change" { n += $5 != "NA"; bad += $5 != "NA" && $5 != 0 } END { exit bad || !n }' "$1/validation.tsv" ||
        note "a head that did not learn is a change: $(grep -m 2 '^change' "$1/validation.tsv" | tr '\t\n' '  ')"
}
cp two/best.safetensors head.safetensors
# shellcheck disable=SC2086
run train confidence $UNCHANGED --adapter head.safetensors --out on_head
expect_exit 0
no_change on_head
expect_same "$(grep '^base	correlation' on_head/validation.tsv | cut -f 2-)" \
    "$(grep '^trained	correlation' two/validation.tsv | cut -f 2-)"
# low-rank adapters on the head: the model adds them to both
# shellcheck disable=SC2086
run train lora ${SMALL/3e-3/3e-2} --targets 'confidence_head.*' --copies 1 --rank 2 --out low
expect_exit 0
# shellcheck disable=SC2086
run train confidence $UNCHANGED --adapter low/best --out on_low
expect_exit 0
no_change on_low
[ "$(grep '^base	correlation' on_low/validation.tsv)" != "$(grep '^base	correlation' two/validation.tsv)" ] ||
    note "the adapter on the head changed nothing"
# what cannot be validated
train_small three --validation-rollouts 1
expect_exit 2
expect_stderr '--validation-rollouts 1 has nothing to choose'
true
