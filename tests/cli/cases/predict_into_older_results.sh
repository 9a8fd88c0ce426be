# an earlier run's structures do not stand among this one's, and what is not a rank of the target stays
P="predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --steps 1 --cycles 1"
printf 'target_id,sequence\na,GGCC\n' >s.csv
run $P --samples 4
expect_exit 0
touch o/a/notes.txt o/a/a_sample_9.cif o/a/b_sample_3.cif
run $P --samples 2
expect_exit 0
expect_stderr "a: 2 structures of an earlier run with more samples are removed"
expect_same "$(ls o/a | tr '\n' ' ')" "a_sample_0.cif a_sample_1.cif a_sample_9.cif b_sample_3.cif notes.txt submission.csv summary.json "
# a folder that cannot be written to is noticed before anything is computed
rm -rf o && mkdir -p o/submission.csv
run $P --samples 2
expect_exit 1
expect_stderr "o/submission.csv: is a folder, a file was expected"
! grep -q "4 nt" "$err" || note "the target was folded first"
