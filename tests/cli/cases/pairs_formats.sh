printf '>hairpin first\nGGGGAAAACC\nCC\n>other\nACGUN\n' >rna.fa
run pairs --fasta rna.fa --min-prob 0.5
expect_exit 0
expect_same "$(cut -f1-3 "$out" | tr '\t\n' ' ;')" 'id i j;hairpin 1 12;hairpin 2 11;hairpin 3 10;hairpin 4 9;'
run pairs --fasta rna.fa --format dot
expect_exit 0
expect_stdout '((((....))))'
expect_stdout '>other'
run pairs --fasta rna.fa --format dot --best mfe
expect_stdout '((((....)))) ('
run pairs --fasta rna.fa --format bpseq --best probable --min-prob 0.5
expect_stdout '# hairpin'
expect_stdout '4 G 9'
expect_stdout '5 A 0'
run pairs --fasta rna.fa --format ct
expect_stdout '12 hairpin'
expect_stdout '12 C 11 0 1 12'
# what would be ignored is refused
run pairs --fasta rna.fa --best mea
expect_exit 2
expect_stderr '--best is of one structure'
run pairs --fasta rna.fa --gamma 2
expect_exit 2
expect_stderr '--gamma is of --best mea'
run pairs --fasta rna.fa --format dot --best probable --gamma 2
expect_exit 2
expect_stderr '--gamma is of --best mea'
