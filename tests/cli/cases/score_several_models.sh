. "$here/make_rna.sh"
model() { echo "MODEL     $1"; rna 30 | awk -v s="$2" '/^ATOM/ { printf "%s%8.3f%s\n", substr($0, 1, 30), substr($0, 31, 8) + s * sin(NR), substr($0, 39); next } 1'; echo ENDMDL; }
{ model 1 2; model 2 0; } >native.pdb   # the second conformation is the one that the model has
rna 30 >model.pdb
run score --pred model.pdb --native native.pdb
expect_exit 0
expect_same "$(column native) $(column native_align) $(column n_reference) $(column tm_resid)" 'native#2 native#2 2 1.00000'
run score --pred native.pdb --native model.pdb
expect_exit 0
expect_stdout "$(printf 'model\tnative#1\t')"
expect_stdout "$(printf 'model\tnative#2\t1.00000')"
