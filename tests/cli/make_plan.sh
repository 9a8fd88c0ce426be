# make_plan.sh: sourced by cases of tune: base.safetensors and plan.yaml, a plan of a few seconds on shipped structures.
# The metric is one that random weights move.
model base.safetensors
cat >plan.yaml <<END
out: out
precision: fp32
threads: 2
bases: {small: base.safetensors}
data: {structures: $(realpath "$DATA/../../examples/demo/structures")}
families: {no_rfam: true}
split: {sizes: 50/25/25}
phase1: {epochs: 1, crop: 12, cycles: 1, rollout_steps: 2, rollouts: 1, accumulation: 2, lr: 3e-3, views: 1, validation_rollouts: 0}
phase2: {epochs: 2, crop: 12, cycles: 1, accumulation: 2, copies: 2, lr: 3e-3, augment: []}
validation: {targets: 2, longest: 40}
test: {targets: 2, longest: 40}
predict: {samples: 6, cycles: 1, steps: 2}
compare: {metric: rmsd, per_target: mean, resamples: 1000}
ensemble: {average_epochs: 2}
END
# steps STATE: how many steps stand so in out/steps.json
steps() { grep -c "\"state\": \"$1\"" "${2:-out}/steps.json"; }
# skipped NAMES..: these steps were, and no others
skipped() { expect_same "$(sed -n 's/^step \([a-z0-9]*\): its inputs have not changed, skipped$/\1/p' "$err" | tr '\n' ' ')" "$* "; }
# numbers FOLDER: the summary without the folder's name
numbers() { sed "s#/$1/#/OUT/#g" "$1/summary.json"; }
