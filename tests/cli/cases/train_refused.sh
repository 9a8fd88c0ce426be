# what must not train: an unaudited split, none at all without saying so, another plan, a folder with a run, losses that
# reach nothing
. "$here/make_set.sh"
train_small run --epochs 1
expect_exit 0
train_small run --epochs 1
expect_exit 2
expect_stderr 'holds a training run already'
train_small run --epochs 1 --lr 1e-3 --resume
expect_exit 1
expect_stderr 'with other settings'
train_small run --epochs 1 --resume --threads 1 --save-minutes 3
expect_exit 0
prepare split --data set --families families.tsv --sizes 60/30/10 --seed 2 --out other.tsv
run train confidence --checkpoint tiny.safetensors --data set --split other.tsv --out o
expect_exit 1
expect_stderr 'audit'
run train confidence --checkpoint tiny.safetensors --data set --out o
expect_exit 2
expect_stderr '--no-split to train on every target'
run train confidence --checkpoint tiny.safetensors --data set --no-split --out open --epochs 1 --crop 8 --cycles 1 --rollout-steps 1
expect_exit 0
expect_stderr 'nothing is held out'
grep -q 'none: --no-split' open/run.json || note "run.json does not say --no-split"
[ ! -e open/best.safetensors ] || note "a best without a validation"
run train full --checkpoint tiny.safetensors --data set --split split.tsv --out o
expect_exit 2
run train full --params msa_module --weight mse=0 --weight smooth_lddt=0 --weight distogram=0 --checkpoint tiny.safetensors \
    --data set --split split.tsv --out none
expect_exit 1
expect_stderr 'no gradient reached any of the 109 tensors that train'
run train confidence --weight nonsense=1 --checkpoint tiny.safetensors --data set --split split.tsv --out o
expect_exit 2
expect_stderr "--weight 'nonsense=1'"
run train full --params no_such_module --checkpoint tiny.safetensors --data set --split split.tsv --out o
expect_exit 2
train_small confident --skip-unknown-resolution --epochs 1
expect_exit 0
expect_stderr '1 without a resolution count nothing, 1 outside'
