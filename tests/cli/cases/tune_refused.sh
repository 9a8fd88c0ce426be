# a plan that makes no sense is refused before anything runs: with the line, what was expected, and the nearest known word
. "$here/make_plan.sh"
refuse() { run tune bad.yaml; expect_exit 1; expect_no_stdout; [ ! -e out ] || note "$ran: something ran"; }
(cat plan.yaml; echo 'goal: {targt: 0.4}') >bad.yaml
refuse
expect_stderr "bad.yaml:15: unknown key 'goal.targt'"
expect_stderr "did you mean 'goal.target'?"
(cat plan.yaml; printf 'goal:\n  target: 1.5\n') >bad.yaml
refuse
expect_stderr 'bad.yaml:16: goal.target: 1.5 is out of range; 0 to 1 was expected'
sed 's/small: base/small: nobase/' plan.yaml >bad.yaml
refuse
expect_stderr 'bad.yaml:4: bases: no such file'
expect_stderr 'nobase.safetensors'
sed 's/precision: fp32/precision: [fp32]/' plan.yaml >bad.yaml
refuse
expect_stderr 'bad.yaml:2: precision: a single value was expected'
sed 's/no_rfam: true/cm: base.safetensors/' plan.yaml >bad.yaml
PATH=/nowhere refuse
expect_stderr 'bad.yaml:6: families.cm: cmscan of Infernal is not installed'
sed 's/{no_rfam: true}/{}/' plan.yaml >bad.yaml
refuse
expect_stderr 'families.cm: nothing says which target is of which Rfam family'
printf 'bases: [\n' >bad.yaml
refuse
expect_stderr 'not valid YAML'
: >bad.yaml
refuse
expect_stderr 'is no plan: keys and values were expected'
run tune
expect_exit 2
expect_stderr 'which plan?'
run tune none.yaml
expect_exit 1
expect_stderr 'no such file'
run tune plan.yaml --only phase3
expect_exit 2
expect_stderr "there is no step 'phase3'"
expect_stderr "did you mean 'phase1'?"
run tune plan.yaml --only phase1 --from split
expect_exit 2
expect_stderr '--only goes without'
echo >file
run tune plan.yaml --out file
expect_exit 1
expect_stderr 'is a file, a folder was expected'
run tune plan.yaml --out /proc/out
expect_exit 1
expect_stderr '/proc/out'
run tune plan.yaml --from phase1 --out fresh
expect_exit 1
expect_stderr '--from phase1: step doctor before it is not done (waiting)'
run tune plan.yaml --only split --out fresh
expect_exit 1
expect_stderr 'fresh/set'
