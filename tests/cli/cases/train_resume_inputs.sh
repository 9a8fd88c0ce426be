# --resume compares contents, not paths: another RibonanzaNet2 or another config file under the old name is another run, and
# run.json names both by SHA-256; the same contents elsewhere are the same run
. "$here/make_set.sh"
cp -r "$DATA/golden/tiny" net
# trained OUT CONFIG RIBONANZA ARGUMENT...
trained() {
    run train confidence --checkpoint net/tiny.pt --config "$2" --ribonanza "$3" --data set --split split.tsv --epochs 1 \
        --crop 12 --cycles 1 --rollout-steps 2 --out "$1" "${@:4}"
}
trained run net/tiny_config.json net/ribonanzanet2
expect_exit 0
for file in net/tiny_config.json net/ribonanzanet2/pairwise.yaml net/ribonanzanet2/pytorch_model_fsdp.bin; do
    grep -q "$(sha256sum "$file" | cut -d' ' -f1)" run/run.json || note "run.json does not name $file by its SHA-256"
done
mkdir elsewhere
cp -r net/tiny_config.json net/ribonanzanet2 elsewhere
trained run elsewhere/tiny_config.json elsewhere/ribonanzanet2 --resume
expect_exit 0
refused() {
    trained run net/tiny_config.json net/ribonanzanet2 --resume
    expect_exit 1
    expect_stderr 'this run was started with other settings'
}
sed -i 's/"N_step_mini_rollout": 3/"N_step_mini_rollout": 4/' net/tiny_config.json
refused
cp elsewhere/tiny_config.json net
echo '# another' >>net/ribonanzanet2/pairwise.yaml
refused
cp elsewhere/ribonanzanet2/pairwise.yaml net/ribonanzanet2
prepare convert net/ribonanzanet2/pytorch_model_fsdp.bin --wrapper none --out other.pt
cp other.pt net/ribonanzanet2/pytorch_model_fsdp.bin
refused
cp elsewhere/ribonanzanet2/pytorch_model_fsdp.bin net/ribonanzanet2
trained run net/tiny_config.json net/ribonanzanet2 --resume
expect_exit 0
