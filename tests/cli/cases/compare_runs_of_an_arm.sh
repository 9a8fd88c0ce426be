# several runs of an arm (seeds): of each target the mean over the runs counts; best5 takes no rank beyond the fifth
table() { printf 'target\tmodel\ttm_align\ttm_resid\trmsd\trank\n'; for row in "$@"; do printf '%s\n' "$row" | tr ' ' '\t'; done; }
table 'A m 0.2 0.2 1 1' 'B m 0.4 0.4 1 1' >a1.tsv
table 'A m 0.4 0.4 1 1' 'B m 0.4 0.4 1 1' >a2.tsv
table 'A m 0.5 0.5 1 1' 'A n 0.9 0.9 1 6' 'B m 0.6 0.6 1 5' >b1.tsv
run compare base=a1.tsv,a2.tsv tuned=b1.tsv --metric tm_align --out both
expect_exit 0
expect_same "$(sed -n 2p both/pairs.tsv | cut -f3,4)" "$(printf '0.3\t0.9')"
expect_same "$(grep -c '"role": "base"' both/run.json)" 2
run compare base=a1.tsv,a2.tsv tuned=b1.tsv --metric tm_align --per-target best5 --out five
expect_exit 0
expect_same "$(sed -n 2,3p five/pairs.tsv | cut -f3,4)" "$(printf '0.3\t0.5\n0.4\t0.6')"
cp a1.tsv 'odd,name.tsv'
run compare 'odd,name.tsv' b1.tsv   # a name with a comma that is there stays whole
expect_exit 0
run compare base=a1.tsv,none.tsv tuned=b1.tsv
expect_exit 1
expect_stderr 'none.tsv'
