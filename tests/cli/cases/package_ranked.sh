# a package of two checkpoints with their rankings and an adapter: the notebook gives predict all of it, and selects by it
command -v python3 >/dev/null || skip "no python3"
needs_portable
needs "$GOLDEN/tiny/tiny.pt"
run convert "$GOLDEN/tiny/tiny.pt" --out a.safetensors
"$BINARY" init --config "$GOLDEN/tiny/tiny_config.json" --seed 2 --out b.safetensors --quiet >/dev/null
ranking() {   # FILE CHECKPOINT
    local features=$(for f in plddt ptm gpde log_clash consensus; do printf '"%s": {"mean": 0, "scale": 1, "weight": 0.1}, ' $f; done)
    printf '{"format": 1, "checkpoint_sha256": "%s", "features": {%s}, "offset": 0, "slope": 1, "ridge": 0, "targets": 1,
        "components": 1, "samples": 1}' "$(sha256sum <"$2" | cut -c1-64)" "${features%, }" >"$1"
}
ranking ranking_a.json a.safetensors
ranking ranking_b.json b.safetensors
P="package --title RNA-two --owner anna --competition rna-folding --out made --predict cycles=1 --predict steps=5 --predict samples=3"
run $P --checkpoint a.safetensors --ranking ranking_b.json
expect_exit 1
expect_stderr 'ranking_b.json: was learned for another checkpoint (SHA-256 '
run $P --checkpoint a.safetensors --checkpoint b.safetensors --ranking ranking_b.json
expect_exit 2
expect_stderr '2 checkpoints and 1 rankings: every checkpoint has one, or none'
run $P --checkpoint a.safetensors --checkpoint b.safetensors --ranking ranking_b.json --ranking ranking_a.json --adapter "$DATA/io/peft"
expect_exit 0
expect_stdout "$(printf 'checkpoint__2__ranking.json\tranking')"
mkdir -p root/input/competitions/rna-folding root/input/datasets/anna   # where Kaggle may mount them, too
mv made/dataset root/input/datasets/anna/rna-two
printf 'target_id,sequence\nR1,GGGGAAACCC\n' >root/input/competitions/rna-folding/test_sequences.csv
echo 'ID,resname,resid,x_1,y_1,z_1' >root/input/competitions/rna-folding/sample_submission.csv
for i in 1 2 3 4 5 6 7 8 9 10; do echo "R1_$i,G,$i,0,0,0"; done >>root/input/competitions/rna-folding/sample_submission.csv
RNATUNE_ROOT=$PWD/root TMPDIR=$PWD python3 "$here/run_notebook.py" made/notebook/rna-two-notebook.ipynb >said 2>&1 ||
    note "the notebook failed: $(tail -1 said)"
grep -q 'confidence of --rule mixed: learned' said || note "the learned ranking has no part in the choice"
expect_same "$(grep -c '"learned": ' root/working/folds/R1/summary.json)" 6
expect_same "$(grep -c '"checkpoint": "b.safetensors"' root/working/folds/R1/summary.json)" 3
grep -q 'adapter/1' root/working/folds/R1/summary.json || note "predict had no adapter"
expect_same "$(head -1 root/working/submission.csv)" ID,resname,resid,x_1,y_1,z_1
expect_same "$(wc -l <root/working/submission.csv)" 11
