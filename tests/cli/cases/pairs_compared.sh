mkdir known
printf '1 G 14\n2 G 13\n3 G 12\n4 G 11\n5 G 10\n6 A 0\n7 A 0\n8 A 0\n9 A 0\n10 C 5\n11 C 4\n12 C 3\n13 C 2\n14 C 1\n' >known/a.bpseq
printf '1 A 4\n2 C 0\n3 A 0\n4 U 1\n' >known/b.bpseq
cp known/a.bpseq known/c.bpseq
run pairs --compare known --cache kept
expect_exit 0
expect_same "$(grep -m1 '^eternafold' "$out")" "$(printf 'eternafold\t0.5\t2\t1\t6\t5\t5\t1.0000\t-\t-\t0.8333\t-\t-\t-\t-')"
expect_same "$(sed -n 's/^eternafold\t0.95\t.*\t\(.*\t.*\)$/\1/p' "$out")" "$(printf '0.95\t0.40')"
expect_stderr '1 chains have a sequence and pairs that came before: left out'
expect_stderr 'cm is left out: it needs covariance models (--cm FILE)'
cp "$out" first
run pairs --compare known --cache kept --threads 3
expect_same "$(cat "$out")" "$(cat first)"
run pairs --compare known/a.bpseq --compare known/b.bpseq --min-prob 0.7 --json --quiet
expect_exit 0
expect_same "$(grep -c '"method": "eternafold"' "$out")" 3
expect_stdout '"plan_sensitivity": 0.4'
expect_stdout '"ppv_low": null'
run pairs --compare known --max-length 2
expect_exit 1
expect_stderr 'known: no chain with base pairs'
printf '1 A 2\n2 U 0\n' >known/bad.bpseq
run pairs --compare known   # the others count
expect_exit 0
expect_stderr 'warning: known/bad.bpseq: residue 1 pairs with 2, which does not pair with it; left out'
expect_stderr 'warning: 1 files could not be read'
run pairs --compare known/bad.bpseq
expect_exit 1
expect_stderr 'known/bad.bpseq: residue 1 pairs with 2, which does not pair with it'
mkdir empty
run pairs --compare empty
expect_exit 1
expect_stderr 'empty: holds neither structures nor bpseq files'
run pairs --compare nowhere
expect_exit 1
expect_stderr 'nowhere'
run pairs --compare empty --method vienna
expect_exit 2
expect_stderr '--method is not of --compare, which takes every method'
run pairs --fasta known/a.bpseq --max-length 5
expect_exit 2
expect_stderr '--max-length is of --compare'
file=$here/../../../shared/data/structures/1ehz.cif.gz
[ ! -e "$file" ] || {
    run pairs --compare "$file"
    expect_exit 0
    expect_same "$(sed -n 2p "$out" | cut -f1-5)" "$(printf 'eternafold\t0.5\t1\t1\t21')"
}
