run pairs
expect_exit 2
expect_stderr '--method eternafold reads --fasta alone'
expect_no_stdout
printf 'ACGU\n' >bare.fa
run pairs --fasta bare.fa
expect_exit 1
expect_stderr "bare.fa:1: expected '>' and a name, then the sequence"
printf '>a\nAC-GU\n' >gap.fa
run pairs --fasta gap.fa
expect_exit 1
expect_stderr "gap.fa:2: '-' is no residue"
printf '>a\n>b\nAC\n' >empty.fa
run pairs --fasta empty.fa
expect_exit 1
expect_stderr 'empty.fa:2: a has no residues'
printf '>a\nACGU\n' >a.fa
printf 'base_pair_AU x\n' >bad.params
run pairs --fasta a.fa --params bad.params
expect_exit 1
expect_stderr "bad.params:1: expected a parameter's name and its value"
run pairs --fasta a.fa --format contacts
expect_exit 2
expect_stderr '--format contacts is of --method 3d'
run pairs --fasta a.fa --method 3d
expect_exit 2
expect_stderr '--method 3d reads --structure alone'
run pairs --fasta a.fa --method vienna
if [ "$code" != 0 ]; then
    expect_exit 1
    expect_stderr 'this rnatune was built without ViennaRNA'
    expect_stderr "hint: 'make VIENNA=1' fetches and builds it"
fi
