# training with augmentation: counts in the report, a run that was stopped ends with the same bytes, validation is never
# augmented, a wrong key is one line
. "$here/make_set.sh"
AUGMENT="--augment noise:p=0.5,sigma=1.0,labels=on --augment compensatory:p=0.7,relax=probability --augment loop:p=0.7"
# shellcheck disable=SC2086
augmented() { run train full $SMALL --params 'diffusion_module.*' --copies 2 $AUGMENT "$@"; }
augmented --out whole --threads 2
expect_exit 0
expect_stdout 'augment.compensatory.applied'
expect_stdout 'augment.noise.broken_bonds'
expect_stdout 'augment.loop.rejected.short_loop'
grep -q '"labels=on\|compensatory:p=0.7,helix' whole/run.json || note 'run.json does not say the plan'
grep -q '"too_near_held_out"' whole/run.json || note 'run.json does not count what was refused'
[ "$(wc -l <whole/augmented.tsv)" -gt 5 ] || note 'no list of examples'
run audit --data set --split split.tsv --families families.tsv --augmented whole/augmented.tsv
expect_exit 0
# stopped and taken up again
# shellcheck disable=SC2086
"$BINARY" train full $SMALL --params 'diffusion_module.*' --copies 2 $AUGMENT --out part --save-minutes 0 >part.out 2>part.err </dev/null &
pid=$!
for i in $(seq 400); do [ -s part/log.jsonl ] && break; sleep 0.02; done
kill -TERM $pid
wait $pid
expect_same $? 0
grep -q '"stopped": true' part/run.json || note "run.json does not say that it was stopped"
[ ! -e part/final.safetensors ] || note "it was not stopped"
augmented --out part --resume --threads 1
expect_exit 0
same_run whole part
cmp whole/augmented.tsv part/augmented.tsv || note 'another list'
# another augmentation is another run
# shellcheck disable=SC2086
run train full $SMALL --params 'diffusion_module.*' --copies 2 --augment loop:p=0.6 --out part --resume
expect_exit 1
expect_stderr 'with other settings'
# what is measured is the same with and without: the base's losses on the held-out targets
# shellcheck disable=SC2086
run train full $SMALL --params 'diffusion_module.*' --copies 2 --out plain
expect_exit 0
base() { grep -v '"plan"\|"data"' "$1/base_validation.json"; }
expect_same "$(base whole)" "$(base plain)"
cmp -s whole/final.safetensors plain/final.safetensors && note 'augmentation changed nothing'
# shellcheck disable=SC2086
run train full $SMALL --params 'diffusion_module.*' --augment noise:sigam=1 --out o
expect_exit 2
expect_stderr "augmentation noise has no key 'sigam'"
expect_stderr "did you mean 'sigma'?"
