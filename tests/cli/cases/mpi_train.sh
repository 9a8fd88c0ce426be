# K processes of one mpirun end with the bytes of one process with K times the accumulation; rank 0 alone writes and speaks
. "$here/make_set.sh"
needs_mpi
numbers() { sed 's/^{"time":[^,]*,//; s/"seconds":[^,]*,//' "$1/log.jsonl"; }
run train confidence $SMALL --accumulation 4 --out one --threads 2
expect_exit 0
cp "$out" one.out
for k in 2 4; do
    ranks $k train confidence $SMALL --accumulation $((4 / k)) --out of$k --threads 1
    expect_exit 0
    same_run one of$k
    expect_same "$(numbers of$k)" "$(numbers one)"
    expect_same "$(sed '/^model/d' "$out")" "$(sed '/^model/d' one.out)"
    expect_same "$(ls of$k/events.* | wc -l)" 1
    expect_same "$(grep -c 'epoch 2: held-out loss' "$err")" 1
    expect_stderr "$k ranks, threads of each: 1; a step takes 4 samples, $((4 / k)) on each rank"
    grep -q "\"ranks\": $k," of$k/run.json || note "run.json does not say how many ranks there were"
done
expect_same "$(grep plan_sha256 one/run.json)" "$(grep plan_sha256 of2/run.json)"
# an odd number of ranks: the epoch's last round lacks samples for some
run train confidence $SMALL --accumulation 3 --out a --epochs 3
ranks 3 train confidence $SMALL --accumulation 1 --out b --epochs 3
expect_exit 0
same_run a b
# adapters with dropout, noise on what is seen, and the choice among structures with a cache
run train lora $SMALL --copies 2 --lora-dropout 0.2 --augment noise:p=0.5,sigma=1.0,labels=on --out lora1
ranks 2 train lora $SMALL --accumulation 1 --copies 2 --lora-dropout 0.2 --augment noise:p=0.5,sigma=1.0,labels=on --out lora2
expect_exit 0
for file in best final epoch-002; do
    cmp lora1/$file/adapter_model.safetensors lora2/$file/adapter_model.safetensors || note "$file differs"
done
expect_same "$(grep '"drawn"' lora1/run.json)" "$(grep '"drawn"' lora2/run.json)"
grep -q '"drawn": [1-9]' lora2/run.json || note "no sample was changed, or run.json does not count them"
C="--rollouts 2 --cache cache --validation-rollouts 4 --validation-steps 3"
run train confidence $SMALL $C --out c1
ranks 2 train confidence $SMALL $C --accumulation 1 --out c2
expect_exit 0
same_run c1 c2
for file in validation.tsv ranking.json held_out.tsv; do cmp c1/$file c2/$file || note "$file differs"; done
expect_stdout "cache_read	37" # of both ranks: 3 epochs of 7 targets, 4 validations of 4
# the ranks share one decision about a step without finite numbers
run train confidence $SMALL --lr 1 --weight plddt=1e38 --max-bad-steps 2 --accumulation 4 --out bad1
expect_exit 1
grep -h 'steps in a row' "$err" >bad1.err
ranks 2 train confidence $SMALL --lr 1 --weight plddt=1e38 --max-bad-steps 2 --accumulation 2 --out bad2
expect_exit 1
expect_same "$(grep 'steps in a row' "$err")" "$(cat bad1.err)"
expect_same "$(grep -c 'step left out' "$err")" 2
