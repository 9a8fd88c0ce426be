# a preview in a folder that has one: nothing of the earlier stays; ids that are no file names; a probability below 0.01
. "$here/make_set.sh"
printf 'mine\n' >mine.cif
run augment --data set --tier 1 --augment compensatory:relax=probability --preview --examples 3 --out look
expect_exit 0
cp mine.cif look/
first=$(ls look/*_native.cif | wc -l)
expect_same "$first" 3
run augment --data set --tier 3 --preview --examples 1 --out look
expect_exit 0
expect_same "$(ls look/*_native.cif | wc -l)" 1
expect_same "$(ls look/*_noise_* look/*_compensatory_* 2>/dev/null | wc -l)" 0
expect_same "$(cat look/mine.cif)" mine
# each example of the table is a file, or native
awk -F'\t' 'NR > 1 && $9 == "made" { print $2 }' look/changes.tsv | sort -u | while read -r name; do
    [ -f "look/$name.cif" ] || note "look/$name.cif is missing"
done
run augment --data set --tier 3 --out look
expect_exit 0
[ ! -e look/changes.tsv ] || note 'a table of an earlier preview'
expect_same "$(ls look/*.cif)" look/mine.cif
# two long ids that differ at their ends, and one that would leave the folder
long=$(printf 'x%.0s' $(seq 130))
mkdir in
printf 'target_id,sequence\n%sA,GGCC\n%sB,GGCC\n../../up,GGCC\n' "$long" "$long" >in/train_sequences.csv
{
    printf 'ID,resname,resid,x_1,y_1,z_1\n'
    for id in "${long}A" "${long}B" ../../up; do
        for k in 1 2 3 4; do printf '%s_%d,%s,%d,%d,%d,0\n' "$id" "$k" "$(printf GGCC | cut -c$k)" "$k" $((k * 6)) $((k % 2)); done
    done
} >in/train_labels.csv
run import --kaggle in --out odd
expect_exit 0
run augment --data odd --tier 1 --preview --variants 1 --out names
expect_exit 0
expect_same "$(ls names/*_native.cif | wc -l)" 3
expect_same "$(awk -F'\t' 'NR > 1 { print $2 }' names/changes.tsv | sort -u | wc -l)" 3
ls names/_._.._up_*_native.cif >/dev/null || note "not there: $(ls names)"
# what is not listed cannot be asked for: pairs says so, and augment lists as far as it is asked
printf '>a\nGGGAAACCC\n' >a.fa
run pairs --fasta a.fa --min-prob 1e-8
expect_exit 2
expect_stderr 'pairs below 1e-06 are never listed' '--min-prob 0'
run pairs --fasta a.fa --min-prob 0
expect_exit 0
count() { awk -F'\t' '$1 == "compensatory.rejected.improbable" { n = $2 } END { print n + 0 }' "$out"; }
run augment --data set --augment compensatory:min-p=0.01,helix=1,pair=1 --out p1
above=$(count)
run augment --data set --augment compensatory:min-p=0.00001,helix=1,pair=1 --out p2
[ "$(count)" -lt "$above" ] || note "$(count) improbable with 0.00001, $above with 0.01"
