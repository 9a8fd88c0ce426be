# a homolog that is a held-out sequence: a row with the reason, no file, and it does not count against its family's limit
. "$here/make_set.sh"
run augment --data set --split split.tsv --tier 1 --preview --examples 20 --variants 1 --out natives
expect_exit 0
longest=$(for one in natives/*_native.cif; do
    "$BINARY" pairs --method 3d --structure "$one" --format bpseq 2>/dev/null | awk -v file="$one" '/^[0-9]/ { s = s $2 }
        END { print length(s), file, s }'; done | sort -n | tail -1)
sequence=${longest##* }
target=$(basename "$(echo "$longest" | cut -d' ' -f2)" _native.cif)
# every fourth letter another one: 75% identical with the target, 50% with one another
relative() { echo "$sequence" | awk -v k="$1" '{ for (i = 1; i <= length($0); i++) {
    c = substr($0, i, 1); printf "%s", i % 4 == k ? substr("CAUG", index("ACGU", c), 1) : c } print "" }'; }
{
    printf '# STOCKHOLM 1.0\n#=GF AC RF90001\n#=GF ID made_up\nnative %s\n' "$sequence"
    for k in 0 1 2; do printf 'relative/%d %s\n' "$k" "$(relative $k)"; done
    printf '//\n'
} >seed.sto
printf 'target\tfamily\tcomponent\n%s\tRF90001\t1\n' "$target" >one.tsv
printf 'target_id,sequence\nH1,%s\n' "$(relative 1)" >held.csv
run audit --data set --split split.tsv --families families.tsv --hold-out held.csv
expect_exit 0
HOMOLOGS="--data set --split split.tsv --families one.tsv --seeds seed.sto --target $target --preview --variants 8"
# shellcheck disable=SC2086
run augment $HOMOLOGS --augment homolog --out look
expect_exit 0
held=$(awk -F'\t' '$1 == "too_near_held_out" { print $2 }' "$out")
[ "$held" -gt 0 ] && [ "$held" -lt 8 ] || note "$held of 8 are held out"
expect_same "$(awk -F'\t' '$10 == "held_out" && $9 == "left"' look/changes.tsv | wc -l)" "$held"
expect_same "$(ls look/*_homolog_*.cif | wc -l)" $((8 - held))
grep -q "$(relative 1)" look/augmented.tsv && note 'the held-out sequence is in the list'
# as many as the limit are left although some before them are held out
# shellcheck disable=SC2086
run augment $HOMOLOGS --augment homolog:limit=$((8 - held)) --out limited
expect_exit 0
expect_stdout 'beyond_family_limit	0' "too_near_held_out	$held"
cmp look/augmented.tsv limited/augmented.tsv || note 'the held-out ones used up the limit'
run audit --data set --split split.tsv --families families.tsv --hold-out held.csv --augmented look/augmented.tsv
expect_exit 0
expect_stderr 'augmented  0 leaks'
