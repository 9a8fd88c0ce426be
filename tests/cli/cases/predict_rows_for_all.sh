# a competition refuses a submission that lacks a target: one that cannot be folded has rows of zeros all the same
printf 'target_id,sequence\nn,GGNC\ngood,GG\nempty,\ngood,GG\nblank,GG CC\n' >s.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --samples 1 --steps 1 --cycles 1
expect_exit 1
expect_stderr "warning: n: no prediction; its 4 rows in the submission are zeros"
expect_same "$(cut -d, -f1-6 o/submission.csv | sed -n 2,5p | tr '\n' ' ')" \
    "n_1,G,1,0.000,0.000,0.000 n_2,G,2,0.000,0.000,0.000 n_3,N,3,0.000,0.000,0.000 n_4,C,4,0.000,0.000,0.000 "
expect_same "$(cut -d, -f1 o/submission.csv | tr '\n' ' ')" "ID n_1 n_2 n_3 n_4 good_1 good_2 "
