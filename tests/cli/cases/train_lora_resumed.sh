# an adapter run that is stopped and goes on ends with the same bytes, with dropout of adapters and blocks; another plan or
# adapter below it is refused, and so are options of another phase
. "$here/make_set.sh"
# shellcheck disable=SC2086
lora() { run train lora $SMALL --copies 2 --rank 2 --lora-dropout 0.2 --block-dropout "$@"; }
lora --out whole
expect_exit 0
# shellcheck disable=SC2086
"$BINARY" train lora $SMALL --copies 2 --rank 2 --lora-dropout 0.2 --block-dropout --out part --save-minutes 0 \
    >part.out 2>part.err </dev/null &
pid=$!
for i in $(seq 400); do [ -s part/log.jsonl ] && break; sleep 0.02; done
kill -TERM $pid
wait $pid
expect_same $? 0
[ ! -e part/final ] || note "it was not stopped"
lora --out part --resume --threads 1
expect_exit 0
expect_stderr 'goes on after step'
for file in final/adapter_model.safetensors best/adapter_model.safetensors epoch-002/adapter_model.safetensors \
    epoch-003/adapter_config.json base_validation.json; do
    cmp "whole/$file" "part/$file" || note "$file differs after a resume"
done
[ ! -e whole/final.safetensors ] || note "a merged network that nobody asked for"
grep -q '"lora_dropout": 0.2' whole/final/adapter_config.json || note "the dropout is not recorded"
lora --out plain --epochs 1 --lora-dropout 0
cmp -s plain/epoch-001/adapter_model.safetensors whole/epoch-001/adapter_model.safetensors && note "the dropout changed nothing"
lora --out whole --rank 3 --resume
expect_exit 1
expect_stderr 'with other settings'
lora --out whole --adapter plain/final --resume
expect_exit 1
run train confidence --checkpoint tiny.safetensors --data set --split split.tsv --rank 4 --out o
expect_exit 2
expect_stderr "--rank belongs to 'train lora'"
run train lora --checkpoint tiny.safetensors --data set --split split.tsv --params msa_module --out o
expect_exit 2
run train lora --checkpoint tiny.safetensors --data set --split split.tsv --targets 'no_such.*' --out o
expect_exit 2
expect_stderr 'names no linear layer of the network'
run train lora --checkpoint tiny.safetensors --data set --split split.tsv --targets 'ribonanza_net.*' --out o
expect_exit 2
expect_stderr 'never train'
lora --keep-epochs 1 --out few
expect_exit 0
expect_same "$(ls -d few/epoch-*)" few/epoch-003
