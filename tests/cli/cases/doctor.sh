run doctor
expect_exit 2
mkdir in
run doctor --kaggle in
expect_exit 3
expect_stdout 'subject	verdict	detail	from'
expect_stdout 'train_allatom	missing	no train_allatom*.csv or .csv.gz	Kaggle dataset rhijudas/stanford-rna-3d-folding-all-atom-train-data'
expect_stdout 'msa	missing'
expect_stdout 'ribonanzanet2	missing'
expect_stdout 'checkpoint	missing'
mkdir in/MSA_v2
for name in train validation test; do printf 'target_id,sequence\n%s,GC\n' $name >in/${name}_sequences.csv; done
printf "ID,resname,resid,C1'_x_1,C1'_y_1,C1'_z_1\ntrain_1,G,1,1,1,1\ntrain_2,C,2,1,1,1\n" >in/train_allatom.v2.1.csv
printf 'ID,resname,resid,x_1,y_1,z_1\nvalidation_1,G,1,1,1,1\nvalidation_2,C,2,1,1,1\n' >in/validation_labels.csv
printf '>train\nGC\n' >in/MSA_v2/train.MSA.fasta
model rnapro-private-best.safetensors
run import --kaggle in --out set
expect_exit 0
run doctor --kaggle in --checkpoint rnapro-private-best.safetensors --data set
expect_exit 0
expect_stdout 'train_allatom	ok	train_allatom.v2.1.csv'
expect_stdout 'msa	ok	MSA_v2: 1 of 3 targets have an alignment (33.3%); none for validation'
expect_stdout 'templates	absent'
expect_stdout 'checkpoint private-best	ok	rnapro-private-best.safetensors: safetensors, 666040 parameters'
expect_stdout 'checkpoint public-best	absent'
expect_stdout 'set	ok	3 targets, 2 with labels (1 of all atoms)'
expect_stdout 'memory for phase 1	ok'
run doctor --checkpoint rnapro-private-best.safetensors --json
expect_exit 0
expect_stdout '"complete": true'
# damage is seen
head -c 100000 rnapro-private-best.safetensors >rnapro-public-best.pt
printf 'x' | dd of=set/coordinates.bin bs=1 seek=70 conv=notrunc 2>/dev/null
printf 'target_id,sequence\ntest,"GC\n' >in/test_sequences.csv
run doctor --kaggle in --checkpoint rnapro-private-best.safetensors --checkpoint rnapro-public-best.pt --data set
expect_exit 3
expect_stdout 'checkpoint public-best	damaged'
expect_stdout 'set	damaged'
expect_stdout 'test_sequences	damaged'
mkdir rn
printf 'ninp: 24\n' >rn/pairwise.yaml
run doctor --ribonanzanet2 rn --checkpoint rnapro-private-best.safetensors
expect_exit 3
expect_stdout 'ribonanzanet2	missing	no pytorch_model_fsdp.bin'
