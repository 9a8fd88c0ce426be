# complexes with ligands: what does not add up is folded as one chain, and that is said; so is what is not modelled
printf 'target_id,sequence,stoichiometry,all_sequences,ligand_ids\na,GG,A:2,">1|Chains A\nGG",ATP\nb,GG,A:1,,\nc,GG,A:1;B:1,,nan\n' >s.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --samples 1 --steps 1 --cycles 1
expect_exit 0
expect_stderr "warning: a: its all_sequences and stoichiometry do not add up to its sequence, which is folded as one chain"
expect_stderr "a: not modelled: ligands ATP"
expect_stderr "warning: c: its all_sequences and stoichiometry do not add up"
expect_same "$(grep -c warning "$err")" 2
grep -q '"not_modelled": "ligands ATP"' o/a/summary.json || note "summary.json does not say so"
grep -q '"chains_do_not_add_up": true' o/run.json || note "run.json does not say so"
