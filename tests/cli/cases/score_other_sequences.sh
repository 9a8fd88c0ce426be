. "$here/make_rna.sh"
rna 30 >native.pdb
rna 30 1 A 0 CCCCC >other.pdb
run score --pred other.pdb --native native.pdb
expect_exit 1
expect_no_stdout
expect_stderr 'the sequences of other and native differ: of 30 paired residues'
