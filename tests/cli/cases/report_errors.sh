# wrong folders and places: one line each, and nothing is written
run report --help
expect_exit 0
expect_stdout 'usage: rnatune report FOLDER'
run report
expect_exit 2
expect_stderr 'FOLDER'
run report nowhere
expect_exit 1
expect_stderr 'nowhere'
run report nowhere --colour
expect_exit 2
mkdir empty
run report empty
expect_exit 1
expect_stderr 'empty: holds nothing of a tune run: neither plan.yaml nor steps.json is there'
expect_stderr 'rnatune tune'
expect_same "$(ls empty)" ""
mkdir out
echo '{}' >out/steps.json
run report out --out nowhere/page.html
expect_exit 1
expect_stderr 'nowhere'
run report out --out empty
expect_exit 1
expect_stderr 'empty'
[ -e /dev/full ] && { run report out --out /dev/full; expect_exit 1; expect_stderr '/dev/full'; }
run report out --targets -1
expect_exit 2
expect_stderr '--targets'
# a run that has hardly begun: a page, and what is missing is said
run report out
expect_exit 0
for what in 'the comparison on held-out components; nothing may be claimed' 'confidence against the truth' 'the targets that lost' \
    'what each rule of choosing gains' 'the choice of what is shipped' 'Phase 1, the confidence head' 'Phase 2: adapters' \
    'the training set' 'the split' 'the audit of the split' 'the steps and their times' 'the plan' 'the protocol' \
    'the folder for Kaggle' 'the held-out targets'; do
    grep -qF "<b>Not run:</b> $what" out/report.html || note "not said to be missing: $what"
done
# a damaged file is said with its place, and the rest is shown
printf '{"steps": [\n{]}' >out/steps.json
run report out
expect_exit 0
expect_stderr 'steps.json:2'
grep -qF '<b>Could not be read:</b> the steps and their times.' out/report.html || note "the damage is not shown"
