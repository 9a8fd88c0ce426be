# examples of each tier as mmCIF, a table of what changed and why, and a list that the audit takes
. "$here/make_set.sh"
run augment --list
expect_exit 0
expect_stdout 'compensatory	2	min-p	0.95'
expect_stdout 'homolog	4	identity	0.6'
run augment --data set --split split.tsv --tier 1 --augment compensatory:relax=probability --tier 3 --preview --out look --threads 2
expect_exit 0
expect_stdout 'compensatory.rejected.tertiary'
expect_stderr 'distinct ones each with their own'
made=$(awk -F'\t' '$3 == "compensatory" && $9 == "made"' look/changes.tsv | wc -l)
[ "$made" -gt 5 ] || note "only $made pairs are made"
awk -F'\t' '$3 == "compensatory" && $9 == "made" && $13 > $12 + 0.3' look/changes.tsv | grep . && note 'worse hydrogen bonds'
ls look/*_native.cif look/*_noise_0.cif look/*_compensatory_*.cif >/dev/null || note 'no mmCIF files'
# the examples are structures: the changed letters are canonical pairs of their coordinates
one=$(ls look/*_compensatory_*.cif | head -1)
run score --pred "$one" --native "$one"
expect_exit 0
run pairs --method 3d --structure "$one"
expect_exit 0
[ "$(wc -l <"$out")" -gt 3 ] || note "no pairs in $one"
run audit --data set --split split.tsv --families families.tsv --augmented look/augmented.tsv
expect_exit 0
expect_stderr 'augmented  0 leaks'
# threads and a second run: the same list
run augment --data set --split split.tsv --augment compensatory:relax=probability --tier 3 --out again --threads 1
cmp look/augmented.tsv again/augmented.tsv || note 'another list'
run augment --data set --split split.tsv --augment compensatory:relax=probability --tier 3 --out other --seed 7
if cmp -s look/augmented.tsv other/augmented.tsv; then note 'the same list with another seed'; fi
