# a run of which no sample can be used fails with one line; what was left out is counted on stdout and in run.json
. "$here/make_set.sh"
run train confidence --checkpoint tiny.safetensors --data set --no-split --out none --crop 2 --epochs 2 --cycles 1 --rollout-steps 1
expect_exit 1
expect_stderr 'no sample of epoch 1 could be used'
expect_stderr 'a longer --crop'
grep -q '"state": "failed"' none/run.json || note "run.json does not say that it failed"
grep -q '"samples_left_out": [1-9]' none/run.json || note "run.json does not count what was left out"
[ ! -e none/final.safetensors ] || note "there is a result"
train_small some --epochs 1
expect_exit 0
expect_stdout "samples_left_out	0"
