# Part 2 has complexes with ligands; one chain of them is folded, and that is said
printf 'target_id,sequence,stoichiometry,all_sequences,ligand_ids\na,GG,A:2,">1|Chains A\nGG",ATP\nb,GG,A:1,,\nc,GG,A:1;B:1,,nan\n' >s.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --samples 1 --steps 1 --cycles 1
expect_exit 0
expect_stderr "warning: a: its stoichiometry is A:2; the sequence is folded as ONE chain"
expect_stderr "warning: a: its ligands (ATP) are NOT modelled"
expect_stderr "warning: c: its stoichiometry is A:1;B:1"
expect_same "$(grep -c warning "$err")" 3
grep -q '"ligands_not_modelled": "ATP"' o/a/summary.json || note "summary.json does not say so"
grep -q '"stoichiometry_not_modelled": "A:2"' o/run.json || note "run.json does not say so"
