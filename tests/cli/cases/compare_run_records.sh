# each arm's run.json: its own beside the table, or the one beside the predictions that the scoring's run.json names
mkdir base tuned folds
cp "$DATA/compare/base.tsv" base/scores.tsv
cp "$DATA/compare/tuned.tsv" tuned/scores.tsv
record() {   # samples template_idx seed templates-of-T001 more
    cat <<EOF
{"options": {"samples": {"value": $1, "from": "command line"}, "template-idx": {"value": $2, "from": "default"}},
 "seed": $3, "targets": [{"target": "T001", "inputs": {"msa": null, "templates": {"used": $4}}}]$5}
EOF
}
record 5 0 42 0 '' >base/run.json
echo '{"options": {"pred": {"value": "folds"}}}' >tuned/run.json
record 25 4 7 5 ', "selected_on": ["T003", "T009", "none"]' >folds/run.json
run compare base/scores.tsv tuned/scores.tsv --families "$DATA/compare/families.tsv"
expect_exit 0
expect_stderr 'warning: base and tuned differ in samples per target: 5 and 25'
expect_stderr 'warning: base and tuned differ in template_idx: 0 and 4'
expect_stderr 'warning: base and tuned differ in seed: 42 and 7'
expect_stderr 'warning: base and tuned differ in templates on 1 of 24 targets (T001: 0 and 5 templates)'
expect_stderr 'warning: the run records of base and tuned do not say the MSA of 23 of 24 targets'
expect_stderr 'warning: tuned was chosen on 2 of these 24 targets (T003): its score on them is too good'
expect_stdout "$(printf 'verdict\tnothing_chosen_on_these_targets')"
expect_stdout 'Nothing may be claimed about tuned and base on new targets: a checkpoint was chosen on targets'
echo '{' >base/run.json
run compare base/scores.tsv tuned/scores.tsv
expect_exit 1
expect_stderr 'base/run.json:'
