run import --out set
expect_exit 2
expect_stderr '--kaggle DIR or --structures DIR'
mkdir in other
run import --kaggle in --structures other --out set
expect_exit 2
run import --kaggle in --out set --before soon
expect_exit 2
expect_stderr "'soon' is no date"
run import --kaggle in --list x --out set
expect_exit 1
run import --kaggle in --max-models 2 --out set
expect_exit 2
expect_stderr 'go with --structures'
run import --kaggle in --out set
expect_exit 1
expect_no_stdout
expect_stderr 'no train_sequences, validation_sequences or test_sequences'
expect_stderr 'rnatune doctor'
run import --structures other --out set
expect_exit 1
expect_stderr 'holds no structure files'
printf 'target_id,sequence\nA,GC\n' >in/train_sequences.csv
run import --kaggle in --out set
expect_exit 1
expect_stderr 'neither train_allatom nor train_labels'
printf 'ID,resname,resid,x_1,y_1,z_1\nA_1,G,1,1,1,1\nA_2,C,2,1' >in/train_labels.csv
run import --kaggle in --out set
expect_exit 1
expect_stderr 'train_labels.csv:3: the row has 4 fields, the header 6'
expect_stderr 'download it again'
printf 'ID,resname,resid,x_1,y_1,z_1\nA_1,G,1,1,1,1\nA_2,C,2,1,1,1\n' >in/train_labels.csv
run import --kaggle in --out set
expect_exit 1
expect_stderr 'unfinished import of other files'
run import --kaggle in --out set --force
expect_exit 0
mkdir no_set
printf 'x' >file
run import --kaggle in --out file
expect_exit 1
