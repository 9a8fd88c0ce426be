mkdir in in/MSA
printf 'target_id,sequence,temporal_cutoff,description,all_sequences\r\nA,GC,2020-01-01,"two\nlines, ""quoted""",\r\nB,G-C,2020-01-01,,\r\nC,GC,2024-01-01,,\r\nD,GC,2020-01-01,,\r\n' >in/train_sequences.csv
printf 'ID,resname,resid,x_1,y_1,z_1\nA_1,G,1,1.5,2,3\nA_2,C,2,,,\nC_1,G,1,1,1,1\nC_2,C,2,1,1,1\n' | gzip >in/train_labels.csv.gz
printf 'target_id,sequence\nR1,GGC\n' >in/test_sequences.csv
printf '>A\nGC\n' >in/MSA/A.MSA.fasta
run import --kaggle in --out set --before 2022-05-27
expect_exit 0
expect_stdout 'outcome	reason	origin	count'
expect_stdout 'imported	c1_labels	train	1'
expect_stdout 'imported	without_labels	test	1'
expect_stdout 'refused	invalid_characters	train	1'
expect_stdout 'refused	after_cutoff	train	1'
expect_stdout 'refused	missing_labels	train	1'
expect_stderr 'set: 2 targets, 5 residues'
expect_same "$(grep -c . set/import.tsv)" 4
grep -q "^refused	invalid_characters	B	train	.*train_sequences.csv	4	'-' at 2 of 3$" set/import.tsv || note 'no line for B'
grep -q '"dataset_hash"' set/run.json || note 'no hash in run.json'
before=$(cat set/index.sqlite set/coordinates.bin | sha256sum)
run import --kaggle in --out set --before 2022-05-27 --json
expect_exit 0
expect_stderr 'holds this import already'
expect_stdout '"targets": 2'
run import --kaggle in --out set
expect_exit 1
expect_stderr 'holds a training set already'
expect_stderr '--force'
expect_same "$(cat set/index.sqlite set/coordinates.bin | sha256sum)" "$before"
run import --kaggle in --out set --force
expect_exit 0
expect_stdout 'imported	c1_labels	train	2'
