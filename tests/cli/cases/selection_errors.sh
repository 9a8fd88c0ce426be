set -- "$DATA/selection/scores.tsv" --pred folds
mkdir folds
run selection "$@"
expect_exit 1
expect_no_stdout
expect_stderr 'rnatune selection: folds: no target has two samples with a summary.json and a known tm_resid'
expect_stderr "hint: the folder is the --out of 'rnatune predict', and the table scores its structures"
cp -r "$DATA/selection/folds/S01" "$DATA/selection/folds/S02" folds
run selection "$@"
expect_exit 0
expect_stderr 'warning: no --families: every target counts as a family of its own'
expect_stderr 'warning: 6 targets are left out: no summary.json'
printf 'target\tfamily\nS01\tF\n' >f.tsv
run selection "$@" --families f.tsv
expect_stderr 'warning: 1 of 2 targets are not in the families file: each counts as a family of its own'
grep -v 'S02_sample_[1-7]' "$1" >one.tsv
printf 'S01\tother\t0.5\t0.5\t1\t0.5\tNA\n' >>one.tsv
run selection one.tsv --pred folds
expect_stderr 'warning: 1 targets are left out: fewer than two samples with scores'
expect_stderr 'warning: 1 rows of the table belong to no sample of a summary.json'
echo '{"target": "S01"}' >folds/S01/summary.json
run selection "$@"
expect_exit 1
expect_stderr 'folds/S01/summary.json: has no list of samples'
echo '{"samples": [{"rank": "x", "sample": 0}]}' >folds/S01/summary.json
run selection "$@"
expect_exit 1
expect_stderr 'folds/S01/summary.json:'
expect_stderr 'rank'
printf 'target\tmodel_a\tmodel_b\ttm\nS01\ta\tb\t1.5\n' >p.tsv
run selection "$@" --pairwise p.tsv
expect_exit 1
expect_stderr 'p.tsv:2: tm is 1.5, 0 to 1 was expected'
printf 'target\tmodel_a\ttm\nS01\ta\t1.5\n' >p.tsv
run selection "$@" --pairwise p.tsv
expect_exit 1
expect_stderr "has no column 'model_b'"
