# training with sequences of a target's family: counted, listed for the audit, never for what is measured, and stopped and
# taken up again with the same bytes
. "$here/make_set.sh"
target=$(awk -F'\t' '$2 == "train" { print $1 }' split.tsv | tail -1)
# relatives of a training target: its own variants as its family's seed alignment
run augment --data set --augment compensatory:relax=probability --target "$target" --out relatives
expect_exit 0
{
    printf '# STOCKHOLM 1.0\n#=GF AC RF90001\n#=GF ID made_up\n'
    awk -F'\t' 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next } { print "relative/" NR, $at["sequence"] }' relatives/augmented.tsv
    printf '//\n'
} >seed.sto
[ "$(grep -c '^relative' seed.sto)" -gt 0 ] || note "$target has no variants"
awk -F'\t' -v OFS='\t' -v target="$target" '$1 == target { $2 = "RF90001" } { print }' families.tsv >with.tsv
HOMOLOGS="--augment homolog:p=1 --families with.tsv --seeds seed.sto"
# shellcheck disable=SC2086
homologs() { run train full $SMALL --params 'distogram_head' --weight distogram=1 $HOMOLOGS "$@"; }
homologs --out whole --threads 2
expect_exit 0
applied=$(awk '$1 == "augment.homolog.applied" { print $2 }' "$out")
[ "${applied:-0}" -gt 0 ] || note "no homolog was trained on: '$applied'"
expect_same "$(awk -F'\t' 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next } { print $at["source"] }' whole/augmented.tsv | sort -u)" "$target"
run audit --data set --split split.tsv --families families.tsv --augmented whole/augmented.tsv
expect_exit 0
# shellcheck disable=SC2086
"$BINARY" train full $SMALL --params 'distogram_head' --weight distogram=1 $HOMOLOGS --out part --save-minutes 0 >part.out 2>part.err </dev/null &
pid=$!
for i in $(seq 400); do [ -s part/log.jsonl ] && break; sleep 0.02; done
kill -TERM $pid
wait $pid
expect_same $? 0
grep -q '"stopped": true' part/run.json || note "run.json does not say that it was stopped"
homologs --out part --resume --threads 1
expect_exit 0
same_run whole part
