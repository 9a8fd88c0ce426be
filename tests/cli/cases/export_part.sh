# a part of a split as files: its targets and no others, coordinates as in the set, what is left out, errors
. "$here/make_set.sh"
run export --data set --split split.tsv --part validation --out held_out
expect_exit 0
expect_same "$(tail -n +2 held_out/sequences.csv | cut -d, -f1 | sort | tr '\n' ' ')" \
    "$(awk '$2 == "validation" { print $1 }' split.tsv | sort | tr '\n' ' ')"
expect_same "$(ls held_out/natives | wc -l)" "$(($(wc -l <held_out/sequences.csv) - 1))"
target=$(sed -n 2p held_out/sequences.csv | cut -d, -f1)
run score --pred "held_out/natives/$target.cif" --native "$DATA/../../examples/demo/structures" --out scores
expect_exit 0
awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } NR == 2 { n = $at["tm_resid"] == 1 && $at["rmsd"] == 0 && $at["lddt_all"] == 1 }
    END { exit !(n && NR == 2) }' scores/scores.tsv || note "a native is not the structure that it came from"
run export --data set --split split.tsv --part test --no-structures --out test
expect_exit 0
[ ! -e test/natives ] || note "the answer was written"
run export --data set --split split.tsv --targets 1 --out one
expect_same "$(wc -l <one/sequences.csv)" 2
run export --data set --split split.tsv --longest 5 --out none
expect_exit 1
expect_stderr 'no target of the validation part is left'
run export --data set --split split.tsv --part all --out none
expect_exit 2
run export --data none --split split.tsv --out none
expect_exit 1
expect_stderr 'no such folder'
