file=$here/../../../shared/data/structures/1ehz.cif.gz
needs "$file"
run pairs --method 3d --structure "$file"
expect_exit 0
expect_stdout "$(printf '1ehz_A\t1\t72\t1')"
expect_stdout "$(printf '1ehz_A\t19\t56\t1')"   # the tertiary Watson-Crick pair of the elbow
run pairs --method 3d --structure "$file" --format contacts
# the reverse Hoogsteen pair U8-A14 of the triple with A21
expect_stdout "$(printf 'A\t8\tU\tA\t14\tA\tpair\ttWH\tN3-N7:2.74,O4-C8:3.31,O2-N6:3.00\ttriple,noncanonical,long-range')"
expect_stdout "$(printf 'A\t33\tU\tA\t36\tA\tbond\t-\tN3-OP2:2.80\tphosphate')"   # the U-turn
expect_stdout "$(printf 'A\t18\tG\tA\t57\tG\tstack\t-')"
expect_stdout "$(printf 'A\t20\tG\t-\t-\t-\ttouch\t-\t-\tligand')"
run pairs --method 3d --structure "$file" --format contacts --json
expect_exit 0
expect_stdout '"tertiary": "phosphate"'
expect_stdout '"chain_j": null'
run pairs --method 3d --structure "$file" --format dot
expect_stdout '(((((((..((((.....[..)))).((((.........)))).....(((((..]....))))))))))))....'   # G19-C56 crosses
run pairs --method 3d --structure "$file" --format ct
expect_stdout '19 G 18 20 56 19'
run pairs --method 3d --structure "$file" --best mfe
expect_exit 2
expect_stderr '--best is not of --method 3d'
printf 'data_x\n' >bare.cif
run pairs --method 3d --structure bare.cif
expect_exit 1
expect_stderr 'bare.cif'
expect_no_stdout
: >empty.cif
run pairs --method 3d --structure empty.cif
expect_exit 1
expect_stderr 'empty.cif'
