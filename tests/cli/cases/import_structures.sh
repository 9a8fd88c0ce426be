structures=$(realpath "$DATA/../../examples/demo/structures")
run import --structures "$structures" --out set
expect_exit 0
expect_stdout 'imported	all_atom_labels	structures'
n=$(ls "$structures" | wc -l)
[ "$(sed -n 's/imported.*structures	//p' "$out")" -ge "$n" ] || note "fewer targets than the $n files"
printf '2QWY_A\n9ZZZ\n' >list
run import --structures "$structures" --list list --out one
expect_exit 0
expect_stdout 'imported	all_atom_labels	structures	1'
expect_stdout 'ignored	not_found	structures	1'
run import --structures "$structures" --max-resolution 2.4 --out sharp
expect_exit 0
expect_stdout 'refused	resolution	structures'
