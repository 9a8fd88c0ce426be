# the whole plan; a second time nothing runs; a changed key or file runs the steps that read it, and those that follow from them;
# what they made before is set aside; the frozen protocol; the second look at the test part
. "$here/make_plan.sh"
run tune plan.yaml --to predict
expect_exit 0
expect_no_stdout
[ -s out/predictions/phase2/seed42/submission.csv ] || note "the test part was not folded"
[ ! -e out/held_out/test/natives ] && [ ! -e out/test_opened.json ] || note "the test part was opened before all choices were made"
expect_stderr 'step phase1: from small is the best on validation: rmsd '
run tune plan.yaml
expect_exit 0
expect_stdout "$(printf 'phase2 - base\t')"
expect_stdout "$(printf 'test part opened\t1\t')"
expect_same "$(steps failed) $(steps running)" '0 0'
for file in plan.yaml protocol.json test_opened.json doctor.tsv set/index.sqlite families.tsv split.tsv audit.tsv audit.json \
    pairs/pairs.tsv baseline/small/seed42/submission.csv baseline/small/scores/seed44/scores.tsv phase1/small/best.safetensors \
    phase1/chosen.json phase2/best.safetensors phase2/log.jsonl validation/phase2/seed43/run.json ensemble/ensemble.json \
    predictions/base/seed42/submission.csv predictions/phase1/seed43/run.json predictions/phase2/seed44/run.json \
    scores/phase2/seed42/scores.tsv compare/compare.json compare/lddt_c1/compare.tsv summary.json logs/phase2.log; do
    [ -s "out/$file" ] || note "out/$file is missing"
done
for part in validation test; do
    for target in $(tail -n +2 out/held_out/$part/sequences.csv | cut -d, -f1); do
        grep -q "^$target	$part	" out/split.tsv || note "$target is not of the $part part"
    done
done
# the commands of the log can be run by hand: score says the same
sh -c "$(sed -n 's/^\$ //p' out/logs/compare.log | grep ' score ' | head -1 | sed 's#--out [^ ]*#--out by_hand#') >/dev/null 2>&1" ||
    note "a command of the log does not run"
cmp by_hand/scores.tsv out/scores/base/seed42/scores.tsv || note "a command of the log does not say the same"
# what the choices were made on is said to every comparison of the test part, and to no other
expect_same "$(grep -c '^\$ .* compare .*--selected-on .*held_out/validation/sequences.csv' out/logs/compare.log)" \
    "$(grep -c '^\$ .* compare ' out/logs/compare.log)"
cp -r out/summary.json whole.json
ALL='doctor import families split audit pairs baseline phase1 phase2'
run tune plan.yaml
expect_exit 0
skipped $ALL select ensemble predict compare report
cmp whole.json out/summary.json || note "the summary changed though nothing ran"
run tune plan.yaml --only baseline
skipped baseline
run tune plan.yaml --from ensemble --to predict
skipped ensemble predict
# a key of Phase 2 alone
sed -i 's/copies: 2/copies: 3/' plan.yaml
run tune plan.yaml
expect_exit 0
skipped doctor import families split audit pairs baseline phase1
expect_stderr 'step phase2: runs again: phase2.copies changed'
expect_stderr 'step phase2: what it made before is now in'
expect_stderr 'the test part is opened again (2 times by now)'
expect_stdout "$(printf 'test part opened\t2\t')"
[ -s out/replaced/1/phase2/best.safetensors ] || note "the earlier Phase 2 is lost"
cmp -s out/replaced/1/phase2/best.safetensors out/phase2/best.safetensors && note "another number of copies changed nothing"
# threads change no result, and so no step runs again for them
sed -i 's/threads: 2/threads: 1/' plan.yaml
run tune plan.yaml
skipped $ALL select ensemble predict compare report
# what was frozen may not change silently
sed -i 's/steps: 2}/steps: 3}/' plan.yaml
run tune plan.yaml
expect_exit 1
expect_stderr 'protocol.json: the protocol was frozen before training, and now differs: predict.steps'
expect_stderr '--new-protocol'
expect_same "$(steps done)" 14
run tune plan.yaml --new-protocol --to baseline
expect_exit 0
expect_stderr 'a new protocol takes the place of the frozen one: predict.steps changed'
skipped doctor import families split audit pairs
grep -q '"changed": "predict.steps"' out/protocol.json || note "the old protocol is not kept"
# an output that is gone is made again
rm out/doctor.tsv
run tune plan.yaml --to import
expect_stderr 'step doctor: not all that it made is there, so it runs again'
skipped import
[ -s out/doctor.tsv ] || note "doctor.tsv was not made again"
