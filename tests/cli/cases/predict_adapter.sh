# adapters on a checkpoint: with B 0 on every layer all outputs stay as they are to the byte, in every precision and in row
# chunks; what does not fit is one line that names the layer and the shapes; another adapter is another resume key
. "$here/make_set.sh"
printf "target_id,sequence\na,GGGAAACCCUGGGAAACCCUAG\n" >s.csv
fold() { run predict --sequences s.csv --samples 1 --steps 1 --cycles 2 --confidence --out "$@"; }
same() { # A B: structures, scores of pairs, submission and summary scores
    for file in submission.csv a/a_sample_0.cif a/confidence.safetensors; do
        cmp -s "$1/$file" "$2/$file" || note "$file differs between $1 and $2"
    done
    expect_same "$(grep -A40 '"plddt"' "$1/a/summary.json" | grep -v '"adapters\|idle\|inputs_sha')" \
        "$(grep -A40 '"plddt"' "$2/a/summary.json" | grep -v '"adapters\|idle\|inputs_sha')"
}
# a rate of 0 leaves every B at 0
# shellcheck disable=SC2086
run train lora $SMALL --epochs 1 --lr 0 --copies 1 --targets '*' --out idle
expect_exit 0
for precision in fp32 bf16 reference; do
    fold "plain_$precision" --checkpoint tiny.safetensors --precision $precision
    expect_exit 0
    fold "idle_$precision" --checkpoint tiny.safetensors --precision $precision --adapter idle/final --adapter idle/epoch-001
    expect_exit 0
    expect_stderr 'adapter idle/final: '
    same "plain_$precision" "idle_$precision"
done
grep -q '"role": "adapter"' idle_fp32/run.json || note "run.json does not name the adapter's files"
grep -q '"idle/final"' idle_fp32/a/summary.json || note "summary.json does not name the adapter"
# one that changes something: the same bytes in row chunks
# shellcheck disable=SC2086
run train lora $SMALL --epochs 1 --copies 1 --targets 'pairformer_stack.*' --out run
fold moved --checkpoint tiny.safetensors --adapter run/final --adapter run/epoch-001
cmp -s plain_fp32/a/a_sample_0.cif moved/a/a_sample_0.cif && note "the adapter changed nothing"
cp s.csv short.csv
printf "target_id,sequence\na,$(printf 'GGGAAACCCU%.0s' $(seq 40))\n" >s.csv
fold free --checkpoint tiny.safetensors --adapter run/final --adapter run/epoch-001
fold plan --checkpoint tiny.safetensors --adapter run/final --adapter run/epoch-001 --dry-run
need=$(awk '$1 == "a" { printf "%d", $7 * 1048576 }' "$out")
fold chunks --checkpoint tiny.safetensors --adapter run/final --adapter run/epoch-001 --memory-limit $((need * 97 / 100))K
expect_exit 0
expect_stderr "slower, with the same result"
same free chunks
mv short.csv s.csv
# the confidence head of another checkpoint: structures stay, scores move
"$BINARY" init --config "$DATA/tiny_config.json" --out other.safetensors --seed 5 --quiet >/dev/null
fold head --checkpoint tiny.safetensors --adapter other.safetensors
expect_exit 0
expect_stderr 'its confidence head is taken'
cut -d, -f1-6 plain_fp32/submission.csv | cmp -s - <(cut -d, -f1-6 head/submission.csv) || note "a confidence head moved coordinates"
cmp -s plain_fp32/a/confidence.safetensors head/a/confidence.safetensors && note "the other confidence head changed nothing"
# resume: the same adapter is kept, another one is folded again
fold moved --checkpoint tiny.safetensors --adapter run/final --adapter run/epoch-001 --resume
grep -q '"kept_from_earlier_run": true' moved/run.json || note "the same adapter was folded again"
fold moved --checkpoint tiny.safetensors --adapter run/final --resume
expect_stderr 'its inputs or options are not those of the earlier run'
# what does not fit
cp -r run/final lost
LC_ALL=C sed -i 's/pairformer_stack.blocks.1.tri_att_start/pairformer_stack.blocks.7.tri_att_start/g' lost/adapter_model.safetensors
fold o --checkpoint tiny.safetensors --adapter lost
expect_exit 1
expect_stderr "has no place in this network for 'pairformer_stack.blocks.7.tri_att_start."
sed 's/"c_z": 16/"c_z": 24/' "$DATA/tiny_config.json" >wide.json
"$BINARY" init --config wide.json --out wide.safetensors --quiet >/dev/null
fold o --checkpoint wide.safetensors --adapter run/final
expect_exit 1
expect_stderr "the network's is ("
expect_stderr 'it was made for a checkpoint of another size'
run lora merge wide.safetensors run/final --out o.safetensors
expect_exit 1
expect_stderr "changes a tensor of shape"
[ ! -e o.safetensors ] || note "a merged file all the same"
mkdir empty
fold o --checkpoint tiny.safetensors --adapter empty
expect_exit 1
expect_stderr 'holds no adapter_config.json'
sed -i 's/"use_dora": false/"use_dora": true/' lost/adapter_config.json
fold o --checkpoint tiny.safetensors --adapter lost
expect_exit 1
expect_stderr 'use_dora: is set, and adapters with it are not read'
sed -i 's/"use_dora": true/"use_dora": tru/' lost/adapter_config.json
fold o --checkpoint tiny.safetensors --adapter lost
expect_exit 1
expect_stderr 'lost/adapter_config.json:'
fold o --checkpoint tiny.safetensors --adapter no_such_folder
expect_exit 1
