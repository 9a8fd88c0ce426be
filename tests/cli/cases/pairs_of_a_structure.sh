file=$here/../../../shared/data/structures/1ehz.cif.gz
needs "$file"
run pairs --method 3d --structure "$file"
expect_exit 0
expect_stdout "$(printf '1ehz_A\t1\t72\t1')"
expect_stdout "$(printf '1ehz_A\t19\t56\t1')"   # the tertiary Watson-Crick pair of the elbow
run pairs --method 3d --structure "$file" --format contacts
expect_exit 0
expect_stdout "$(printf 'A\t8\tU\tA\t14\tA\tpair\ttWH\t3')"   # the reverse Hoogsteen pair U8-A14, C-H..O counted
run pairs --method 3d --structure "$file" --format dot
expect_stdout '[' # pairs that cross
