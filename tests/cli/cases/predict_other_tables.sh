# what is no sequences.csv is told by what it looks like
P="predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o"
printf 'target_id;sequence\na;GG\n' >s.csv; run $P; expect_exit 1; expect_stderr "the fields are separated by semicolons, commas were expected"
printf 'target_id\tsequence\na\tGG\n' >s.csv; run $P; expect_exit 1; expect_stderr "the fields are separated by tabs, commas were expected"
printf '>a\nGG\n' >s.csv; run $P; expect_exit 1; expect_stderr "this looks like FASTA"
printf 'name,length\na,2\n' >s.csv; run $P; expect_exit 1; expect_stderr "the header line has: name, length"
printf '\xef\xbb\xbftarget_id,sequence\r\na,gg\r\n' >s.csv; run $P --samples 1 --steps 1 --cycles 1; expect_exit 0; expect_stdout "$(printf 'a\t2\t')"
