# adapters on trunk and denoiser: losses fall, threads change no byte, every epoch is a PEFT folder, --dry-run says what they
# reach, the merged network and the adapter on the base fold alike, and a second run goes on top of the first one's adapter
. "$here/make_set.sh"
# shellcheck disable=SC2086
lora() { run train lora $SMALL --copies 4 "$@"; }
lora --dry-run
expect_exit 0
expect_stdout 'coordinates, distogram, contacts, confidence'
expect_stdout 's alone: not the distogram or contacts'
expect_stdout 'in all, on the device'
lora --also confidence_head --merged --out two --threads 2
expect_exit 0
expect_stderr '113952 of 666040 parameters train, in 180 tensors'
expect_stderr 'calibration_error'
awk '$1 == "base_loss" { a = $2 } $1 == "best_loss" { b = $2 } END { exit !(b < 0.97 * a) }' "$out" ||
    note "the held-out loss did not fall"
awk '$1 == "base_calibration_error" { a = $2 } $1 == "last_calibration_error" { b = $2 } END { exit !(b < a) }' "$out" ||
    note "the calibration did not get better"
lora --also confidence_head --merged --out one --threads 1
same_run one two
for folder in best final epoch-001 epoch-002 epoch-003; do
    for file in adapter_config.json adapter_model.safetensors; do
        cmp "one/$folder/$file" "two/$folder/$file" || note "$folder/$file differs with another number of threads"
    done
done
cmp -s two/epoch-001/adapter_model.safetensors two/epoch-002/adapter_model.safetensors && note "an epoch changed nothing"
printf 'target_id,sequence\na,GGCCAAGGUUAACC\n' >s.csv
fold() { run predict --sequences s.csv --samples 1 --steps 2 --cycles 2 --out "$@"; expect_exit 0; }
fold base --checkpoint tiny.safetensors
fold stacked --checkpoint tiny.safetensors --adapter two/best
fold merged --checkpoint two/best.safetensors
cmp -s base/a/a_sample_0.cif stacked/a/a_sample_0.cif && note "the adapter changed nothing"
run score --pred stacked/a/a_sample_0.cif --native merged/a/a_sample_0.cif --metric rmsd
run lora merge tiny.safetensors two/best --out again.safetensors
expect_exit 0
fold again --checkpoint again.safetensors
cmp merged/a/a_sample_0.cif again/a/a_sample_0.cif || note "lora merge is not the run's own merged network"
paste -d, stacked/submission.csv merged/submission.csv | awk -F, 'NR > 1 { for (i = 4; i <= 18; i++) {
    d = $i - $(i + 18); if (d < 0) d = -d; if (d > 0.05) bad = 1 } } END { exit bad }' ||
    note "the adapter on the base does not fold as the merged network"
# shellcheck disable=SC2086
run train confidence $SMALL --epochs 1 --adapter two/best --out refit
expect_exit 0
fold refit_stacked --checkpoint tiny.safetensors --adapter two/best --adapter refit/best.safetensors
fold refit_whole --checkpoint refit/best.safetensors
expect_stderr 'refit_whole'
true
