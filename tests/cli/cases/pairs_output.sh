printf '>hairpin\nGGGGAAAACCCC\n' >rna.fa
run pairs --fasta rna.fa --min-prob 0.5 --json
expect_exit 0
expect_stdout '"id": "hairpin"'
expect_stdout '"j": 12'
run pairs --fasta rna.fa --min-prob 1 --json
expect_exit 0
expect_same "$(cat "$out")" '[]'
run pairs --fasta rna.fa --min-prob 1
expect_same "$(cat "$out")" "$(printf 'id\ti\tj\tp')"
run pairs --fasta rna.fa --format dot --json
expect_exit 2
expect_stderr '--json is of the tables: --format tsv and contacts, and --compare'
run pairs --fasta rna.fa --out a.tsv --json
expect_exit 2
expect_stderr '--json goes to stdout: not with --out'
run pairs --fasta rna.fa --out a.tsv --min-prob 0.5
expect_exit 0
expect_no_stdout
expect_same "$(wc -l <a.tsv)" 5
run pairs --fasta rna.fa --out nowhere/a.tsv
expect_exit 1
expect_stderr 'nowhere'
printf '>hairpin\nGG-GAAAACCCC\n' >gap.fa
run pairs --fasta gap.fa --out a.tsv   # what is there stays when nothing better comes
expect_exit 1
expect_same "$(wc -l <a.tsv)" 5
: >nothing.fa
run pairs --fasta nothing.fa
expect_exit 1
expect_stderr 'nothing.fa'
expect_no_stdout
run pairs --fasta missing.fa
expect_exit 1
expect_stderr 'missing.fa'
run pairs --fasta rna.fa --methods x
expect_exit 2
run pairs --fasta rna.fa --method x
expect_exit 2
expect_stderr 'is not one of eternafold, vienna, cm, 3d'
for k in 1 2 3 4 5 6 7 8; do printf '>s%s\nGGCAGU%sAGGUCCGAAAGGACCU%sACUGCC\n' "$k" "$(printf 'ACGU%.0s' $(seq "$k"))" "$(printf 'CA%.0s' $(seq "$k"))"; done >many.fa
for method in eternafold vienna; do   # one and many threads: the same bytes, in the file's order
    run pairs --fasta many.fa --method $method --threads 1 --format dot
    [ "$code" = 0 ] || continue
    cp "$out" one
    run pairs --fasta many.fa --method $method --threads 4 --format dot --cache kept
    expect_same "$(cat "$out")" "$(cat one)"
    run pairs --fasta many.fa --method $method --threads 4 --format dot --cache kept   # and from the cache
    expect_same "$(cat "$out")" "$(cat one)"
    expect_same "$(grep -c '^>s' "$out")" 8
done
run pairs --fasta many.fa --cache many.fa
expect_exit 1
expect_stderr 'many.fa'
[ -e /dev/full ] || skip 'no /dev/full'
"$BINARY" pairs --fasta rna.fa >/dev/full 2>"$err"
code=$? ran="rnatune pairs >/dev/full"
expect_exit 1
"$BINARY" pairs --fasta rna.fa --out /dev/full >"$out" 2>"$err"
code=$? ran="rnatune pairs --out /dev/full"
expect_exit 1
expect_stderr '/dev/full'
