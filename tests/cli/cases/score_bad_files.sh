. "$here/make_rna.sh"
rna 30 >native.pdb
sed '4s/^\(.\{30\}\).\{8\}/\1     nan/' native.pdb >nan.pdb
run score --pred nan.pdb --native native.pdb
expect_exit 1
expect_no_stdout
expect_stderr "nan.pdb:4:31: the coordinate x 'nan' is no finite number"
: >empty.pdb
run score --pred empty.pdb --native native.pdb
expect_exit 1
expect_stderr 'empty.pdb: the file is empty'
run score --pred native.pdb --native empty.pdb
expect_exit 1
expect_stderr 'empty.pdb: the file is empty'
echo 'just a note' >note.pdb
run score --pred note.pdb --native native.pdb
expect_exit 1
expect_stderr 'neither mmCIF nor PDB'
sed 's/  [ACGU] A/GLY A/' native.pdb >protein.pdb
run score --pred protein.pdb --native native.pdb
expect_exit 1
expect_stderr 'protein.pdb: the structure has no RNA chain'
gzip -k native.pdb
head -c 500 native.pdb.gz >short.pdb.gz
run score --pred short.pdb.gz --native native.pdb
expect_exit 1
expect_stderr 'short.pdb.gz: the gzip file is damaged: it is cut short'
printf 'ID,resname,resid,x_1,y_1,z_1\nR1_1,A,1,-1e18,-1e18,-1e18\nR1_2,G,2,,,\n' >missing.csv
printf 'ID,resname,resid,x_1,y_1,z_1\nR1_1,A,1,0,0,0\nR1_2,G,2,5,0,0\nR1_3,C,3,5,5,0\n' >labels.csv
run score --pred missing.csv --native labels.csv
expect_exit 1
expect_stderr 'missing.csv: all coordinates are missing'
# what is not known is NA in the summary too: no two C1' within 15 Angstrom
printf 'ID,resname,resid,x_1,y_1,z_1\nR1_1,A,1,0,0,0\nR1_2,G,2,50,0,0\nR1_3,C,3,50,50,0\n' >far.csv
run score --pred far.csv --native far.csv
expect_exit 0
expect_same "$(grep -c nan "$err")" 0
expect_same "$(awk '$1 == "all" { print $(NF - 1) }' "$err" | sort -u)" NA
# what can be meant in two ways: an ID on two lines, a model in two files
(cat labels.csv; echo R1_2,G,2,9,9,9) >twice.csv
run score --pred twice.csv --native labels.csv
expect_exit 1
expect_stderr 'twice.csv:5: the ID R1_2 is on line 3, too'
mkdir folder
cp native.pdb folder/native_1.pdb
gzip -c native.pdb >folder/native_1.pdb.gz
run score --pred folder --native native.pdb
expect_exit 1
expect_no_stdout
expect_stderr 'folder/native_1.pdb is the same model native_1 of native'
