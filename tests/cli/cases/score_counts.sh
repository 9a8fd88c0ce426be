# what counts as missing, which pairs lDDT takes, which of equal conformations is named, which letters are too different
. "$here/make_rna.sh"
header() { echo 'ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2'; }
point() { echo "$((5 * $1)),$(($1 * $1)),$(($1 % 3))"; }
gap='-1e18,-1e18,-1e18' below='5,-2000000,5'
(header; for i in 1 2 3 4 5 6; do
    p=$(point $i); [ $i = 5 ] && p=$gap
    echo "R1_$i,A,$i,$p,$p"
done) >labels.csv
(header | cut -d, -f1-6; for i in 1 2 3 4 5 6; do
    p=$(point $i)
    [ $i = 2 ] && p=$below
    [ $i = 5 ] && p=$gap
    echo "R1_$i,A,$i,$p"
done) >model.csv
run score --pred model.csv --native labels.csv
expect_exit 0
# residue 2 is missing in the model (a coordinate of -2,000,000 is none); residue 5 is not there to be found
expect_same "$(column length) $(column n_native) $(column n_model) $(column n_paired) $(column n_missing)" '6 5 4 4 1'
expect_same "$(column native) $(column native_align) $(column n_reference)" '1 1 2'
# residues 100 Angstrom apart: only pairs within a residue are left, which count at 30 Angstrom alone
(echo "ID,resname,resid,C1'_x_1,C1'_y_1,C1'_z_1,P_x_1,P_y_1,P_z_1"
 for i in 1 2 3 4; do echo "R1_$i,A,$i,$((100 * i)),0,$((i * i)),$((100 * i)),5,$((i * i))"; done) >atoms.csv
run score --pred atoms.csv --native atoms.csv
expect_exit 0
expect_same "$(column lddt_all) $(column lddt_all30)" 'NA 1.00000'
# off by one: four letters in five agree all the same, nine in ten would be needed
letters() { for i in $(seq 40); do [ $((i % 10)) = 0 ] && echo -n G || echo -n A; done; }
(header | cut -d, -f1-6; s=$(letters); for i in $(seq 40); do echo "R1_$i,${s:i-1:1},$i,$(point $i)"; done) >native.csv
(header | cut -d, -f1-6; s=$(letters); for i in $(seq 40); do echo "R1_$i,${s:i-1:1},$((i + 1)),$(point $i)"; done) >off.csv
run score --pred off.csv --native native.csv
expect_exit 0
expect_stderr 'the numbers are shifted; -1 was added'
expect_same "$(column tm_resid)" 1.00000
# as in the PDB files that the competition writes: between -999.999 and 9999.999, with three decimals
(header | cut -d, -f1-6; for i in 1 2 3 4 5; do echo "R1_$i,A,$i,$([ $i = 1 ] && echo -999.999 || echo $((5 * i))),$((i * i)),1"; done) >near.csv
sed 's/-999.999/-5000/' near.csv >far.csv
run score --pred far.csv --native near.csv
expect_same "$(column rmsd) $(column tm_resid)" '0.000 1.00000'
(header | cut -d, -f1-6; for i in 1 2 3 4; do echo "R1_$i,A,$i,$((5 * i)).000$((4 + 2 * (i % 2))),$((i * i)),1"; done) >up.csv
(header | cut -d, -f1-6; for i in 1 2 3 4; do echo "R1_$i,A,$i,$((5 * i)).000$((6 - 2 * (i % 2))),$((i * i)),1"; done) >down.csv
run score --pred up.csv --native down.csv
expect_same "$(column rmsd)" 0.001
