# confidence.safetensors and plots, on request only
printf 'target_id,sequence\na,GGGAAACCCGGGUUCG\n' >s.csv
P="predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --samples 3 --steps 2 --cycles 1 --keep 2"
run $P --out o --confidence --plots
expect_exit 0
run inspect o/a/confidence.safetensors --all
for k in 0 1; do for t in plddt pae pde contact_probs; do grep -q "sample_$k.$t" "$out" || note "no sample_$k.$t"; done; done
grep -q sample_2 "$out" && note "a structure that was not kept has confidences"
grep -q '<image ' o/a/a_sample_0.svg && grep -q '</svg>' o/a/a_sample_1.svg || note "a plot is not whole"
grep -q '"confidence.safetensors"' o/a/summary.json || note "summary.json does not list it"
# a run without them takes an earlier run's away: they are of other structures
run $P --out o --seed 3
expect_exit 0
expect_same "$(ls o/a | tr '\n' ' ')" "a_sample_0.cif a_sample_1.cif submission.csv summary.json "
