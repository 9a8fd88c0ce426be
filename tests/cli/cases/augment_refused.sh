# what the set refuses is one row with its reason in a preview, and no file; the counts are in the table
. "$here/make_set.sh"
run augment --data set --augment compensatory:relax=probability --out all
expect_exit 0
expect_stdout 'beyond_family_limit	0'
# relatives of a target: its own variants as its family's seed alignment
target=$(awk -F'\t' 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next } { print $at["source"]; exit }' all/augmented.tsv)
{
    printf '# STOCKHOLM 1.0\n#=GF AC RF90001\n#=GF ID made_up\n'
    awk -F'\t' -v target="$target" 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
        $at["source"] == target { print "relative/" NR, $at["sequence"] }' all/augmented.tsv
    printf '//\n'
} >seed.sto
printf 'target\tfamily\tcomponent\n%s\tRF90001\t1\n' "$target" >one.tsv
HOMOLOGS="--data set --augment homolog:limit=1 --families one.tsv --seeds seed.sto --target $target --preview --variants 4"
# shellcheck disable=SC2086
run augment $HOMOLOGS --out look
expect_exit 0
expect_stdout 'beyond_family_limit	3'
expect_stdout 'too_near_held_out	0'
expect_same "$(ls look/*_homolog_*.cif | wc -l)" 1
expect_same "$(awk -F'\t' '$10 == "family_limit" && $9 == "left"' look/changes.tsv | wc -l)" 3
expect_same "$(awk -F'\t' '$9 == "made" { print $2 }' look/changes.tsv | sort -u | wc -l)" 1
expect_same "$(awk 'NR > 1' look/augmented.tsv | wc -l)" 1
grep -q '"beyond_family_limit": 3' look/run.json || note 'run.json does not count them'
