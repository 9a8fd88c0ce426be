# --dry-run runs nothing: hours and disk once the split is there; --print-plan is the shipped seed plan
. "$here/make_plan.sh"
run tune plan.yaml --dry-run
expect_exit 0
[ ! -e out ] || note "--dry-run made a folder"
expect_stdout "$(printf 'phase1\twaiting\tNA\tNA\t2-3 days, 3-6 h an epoch')"
expect_stderr '--to audit'
run tune plan.yaml --to audit
expect_exit 0
cp out/steps.json before.json
run tune plan.yaml --dry-run
expect_exit 0
cmp before.json out/steps.json || note "--dry-run changed steps.json"
for step in baseline phase1 phase2 ensemble predict all; do
    awk -F '\t' -v s=$step '$1 == s { found = $3 > 0 && $3 < 1 && $4 > 0 } END { exit !found }' "$out" || note "no hours or GB of $step"
done
expect_stdout 'memory'
awk -F '\t' '$1 == "validation" { found = 1 } END { exit !found }' "$out" || note "nothing about what can be shown"
# what a verb says, its hint with it
sed 's/^validation: .*/validation: {longest: 5}/' plan.yaml >short.yaml
run tune short.yaml --dry-run
expect_exit 1
expect_stderr 'split.tsv: no target of the validation part is left (0 have no structure, '
expect_stderr 'are longer than --longest)'
run tune --print-plan
expect_exit 0
cmp "$out" "$DATA/../../examples/rtx4090.yaml" || note "examples/rtx4090.yaml is not the seed plan"
