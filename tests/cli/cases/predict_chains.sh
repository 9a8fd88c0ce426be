# several RNA chains of one target, and what of a complex is not modelled
cat >s.csv <<'C'
target_id,sequence,temporal_cutoff,description,all_sequences,stoichiometry,ligand_ids
dimer,GGGAAACCCGGGAAACCC,,two copies,">1_1|Chains A, B|hairpin|
GGGAAACCC
>1_2|Chain P|a protein|
MKLPWWF",A:2,GTP
single,GGGAAACCC,,one of two,">1_1|Chains A, B|hairpin|
GGGAAACCC",,
odd,GGGAAACCC,,does not fit,">1_1|Chain A|hairpin|
GGGAAACCCUUU",,
C
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --samples 1 --steps 2 --cycles 1
expect_exit 0
expect_stderr "dimer: 2 RNA chains, 1 of them different"
expect_stderr "dimer: not modelled: 1 protein chain; ligands GTP"
expect_stderr "single: not modelled: 1 other RNA chain"
expect_stderr "warning: odd: its all_sequences and stoichiometry do not add up to its sequence, which is folded as one chain"
C=o/dimer/dimer_sample_0.cif
expect_same "$(awk '$1 == "ATOM" { print $7, $9 }' $C | sort -u | wc -l)" 18
expect_same "$(awk '$1 == "ATOM" && $9 == 1 && $4 == "OP3" { print $7 }' $C | tr '\n' ' ')" "A B "
grep -q '^1 polymer ? 2$' $C || note "the dimer is not one entity of two molecules"
grep -q '"not_modelled": "1 protein chain; ligands GTP"' o/dimer/summary.json || note "summary.json does not say what is not modelled"
expect_same "$(grep -c '^dimer_' o/submission.csv)" 18
expect_same "$(grep '^dimer_1[0-8],' o/submission.csv | cut -d, -f3 | tr '\n' ' ')" "10 11 12 13 14 15 16 17 18 "
# the network sees two chains: the same letters as one chain give another fold
printf 'target_id,sequence\ndimer,GGGAAACCCGGGAAACCC\n' >one.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences one.csv --out one --samples 1 --steps 2 --cycles 1
expect_exit 0
[ "$(grep '^dimer_5,' o/submission.csv)" != "$(grep '^dimer_5,' one/submission.csv)" ] || note "chains make no difference"
