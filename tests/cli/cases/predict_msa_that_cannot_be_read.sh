# an alignment that is there and cannot be read is not the same as none
P="predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --msa-dir msa --samples 1 --steps 1 --cycles 1"
printf 'target_id,sequence\na,GGCC\nb,GGCC\nc,GGCC\n' >s.csv
mkdir -p msa/b.MSA.fasta && ln -s nowhere msa/a.MSA.fasta
run $P --out o
expect_exit 1
expect_stderr "a failed: msa/a.MSA.fasta: cannot open: No such file or directory"
expect_stderr "b failed: msa/b.MSA.fasta: is a folder, a file was expected"
expect_stderr "c: 4 nt, NO MSA"
# the network takes 16,384 rows; more are said to be there
rm -r msa/* && for i in $(seq 17000); do printf '>r\nGG-C\n'; done >msa/a.MSA.fasta
run $P --out o2
expect_exit 0
expect_stderr "a: 4 nt, MSA of 16384 rows (of 17000)"
