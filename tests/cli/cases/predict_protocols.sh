# which folds a target gets, and in which order they come out
T="--checkpoint $GOLDEN/tiny/tiny.pt --ribonanza $GOLDEN/tiny/ribonanzanet2 --config $GOLDEN/tiny/tiny_config.json"
(head -1 $GOLDEN/raw/sequences.csv; grep ^hairpin30, $GOLDEN/raw/sequences.csv; echo "bare,GGGAAACCC") | cut -d, -f1,2 >s.csv
P="predict $T --sequences s.csv --steps 2 --cycles 1 --msa-dir $GOLDEN/raw/msa --templates $GOLDEN/raw/template_features.pt"
# the reference's submission: templates 0..i for model i, unranked; model 0 is what --template-idx 0 gives with one sample
run $P --protocol rnapro --out rnapro
expect_exit 0
expect_same "$(ls rnapro/hairpin30/*.cif | wc -l)" 5
expect_same "$(grep '"template_idx": [0-9]' rnapro/hairpin30/summary.json | tr -d ' ,\n')" \
    '"template_idx":0"template_idx":1"template_idx":2"template_idx":3"template_idx":4'
for i in 0 3; do
    run $P --template-idx $i --samples 1 --out one$i
    expect_exit 0
    cmp -s rnapro/hairpin30/hairpin30_sample_$i.cif one$i/hairpin30/hairpin30_sample_0.cif || note "model $i is not template_idx $i"
done
# a target without templates has five different models all the same
expect_same "$(sha256sum rnapro/bare/*.cif | cut -d' ' -f1 | sort -u | wc -l)" 5
grep -q '"ranked_by": "nothing"' rnapro/bare/summary.json || note "the summary does not say that nothing is ranked"
run $P --protocol rnapro --samples 3 --out x
expect_exit 2
expect_stderr "--protocol rnapro and --samples contradict each other"
# checkpoints x seeds x sets x trunks x samples; all scores recorded, the best written
run convert $GOLDEN/tiny/tiny.pt --out other.safetensors
run $P --checkpoint other.safetensors --seed 42,7 --template-idx 0,1 --trunks 2 --samples 3 --keep 4 --rank-by plddt --out many
expect_exit 0
S=many/hairpin30/summary.json
expect_same "$(grep -c '"rank":' $S)" 48
expect_same "$(ls many/hairpin30/*.cif | wc -l)" 4
expect_same "$(grep -c '"file": null' $S)" 44
expect_same "$(grep -c '"checkpoint": "other.safetensors"' $S)" 24
expect_same "$(grep '^   "plddt"' $S)" "$(grep '^   "plddt"' $S | sort -t: -k2 -gr)"
for key in ptm gpde ranking_score chain_plddt; do expect_same "$(grep -c "^   \"$key\"" $S)" 48; done
# a target without templates has no template sets to combine
expect_same "$(grep -c '"rank":' many/bare/summary.json)" 24
# gpde: less is better
run $P --samples 5 --rank-by gpde --out gpde
expect_exit 0
expect_same "$(grep '^   "gpde"' gpde/bare/summary.json)" "$(grep '^   "gpde"' gpde/bare/summary.json | sort -t: -k2 -g)"
# what cannot be: a set beyond the file's, lists that are none
run $P --template-idx 0,7 --out x
expect_exit 1
expect_stderr "target 'hairpin30': template_idx 7 wants 8 templates, the file has 5"
for bad in "--seed 1,,2" "--seed 1," "--seed x" "--seed" "--template-idx -1" "--memory-limit 5Q" "--memory-limit 22iB" "--memory-limit 22GB" "--memory-limit 0" "--time-budget 8q" \
    "--time-budget 0" "--time-budget 5m3h" "--rank-by best" "--keep 0"; do
    run $P --out x $bad
    expect_exit 2
done
