# held-out losses of two training runs, target by target and family by family: what an augmentation does
. "$here/make_set.sh"
train_small plain --seed 5
expect_exit 0
train_small shaken --seed 5 --augment noise:p=1,sigma=3,labels=on
expect_exit 0
expect_same "$(head -1 plain/held_out.tsv | cut -f1-3)" "$(printf 'target\tfamily\tloss')"
expect_same "$(cut -f1 plain/held_out.tsv | tail -n +2 | sort)" "$(awk -F'\t' '$2 == "validation" { print $1 }' split.tsv | sort)"
# the mean over targets is what the run itself calls its best loss
mean=$(awk -F'\t' 'NR > 1 { s += $3; n++ } END { printf "%.4f", s / n }' plain/held_out.tsv)
best=$(sed -n 's/.*"best_loss": *\([0-9.]*\).*/\1/p' plain/run.json)
expect_same "$(printf %.4f "$best")" "$mean"
run compare plain/held_out.tsv shaken/held_out.tsv --metric loss --families plain/held_out.tsv --out cmp
expect_exit 0
expect_stdout 'shaken - plain	metric	loss'
expect_stdout 'Nothing may be claimed about shaken and plain'
expect_stderr "shaken: the run's best epoch was chosen on these targets"
expect_same "$(head -1 cmp/by_family.tsv)" "$(printf 'family\ttargets\tplain\tshaken\tshaken - plain')"
expect_same "$(awk -F'\t' 'NR > 1 { n += $2 } END { print n }' cmp/by_family.tsv)" "$(($(wc -l <plain/held_out.tsv) - 1))"
expect_same "$(tail -n +2 cmp/by_family.tsv | wc -l)" "$(cut -f2 plain/held_out.tsv | tail -n +2 | sort -u | wc -l)"
run compare plain/held_out.tsv shaken/held_out.tsv
expect_exit 1
expect_stderr 'tm_resid of no target is known' 'a --metric loss'
printf 'target\tfamily\tloss\nT1\tF\tmuch\n' >bad.tsv
run compare plain/held_out.tsv bad.tsv --metric loss
expect_exit 1
expect_stderr 'bad.tsv' 'much'
