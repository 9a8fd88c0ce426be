. "$here/make_set.sh"
run augment --data set --out o
expect_exit 2
expect_stderr 'which augmentations?'
run augment --data set --out o --augment compensatry
expect_exit 2
expect_stderr "did you mean 'compensatory'?"
run augment --data set --out o --augment compensatory:minp=0.9
expect_exit 2
expect_stderr "augmentation compensatory has no key 'minp'"
expect_stderr "did you mean 'min-p'?"
run augment --data set --out o --augment noise:sigma=big
expect_exit 2
expect_stderr 'a number from 0 to 10, or two as 0.5-1.5, was expected'
run augment --data set --out o --tier 7
expect_exit 2
expect_stderr "--tier '7' is none of 1 to 4"
run augment --data set --out o --tier 2 --augment compensatory
expect_exit 2
expect_stderr 'compensatory is given twice'
run augment --data set --out o --tier 4
expect_exit 2
expect_stderr 'augmentation homolog needs --families'
printf 'target\tfamily\tcomponent\nX\tF\t1\n' >f.tsv
run augment --data set --out o --tier 4 --families f.tsv
expect_exit 2
expect_stderr 'needs --seeds'
printf 'no alignment\n' >bad.sto
run augment --data set --out o --tier 4 --families f.tsv --seeds bad.sto
expect_exit 1
expect_stderr 'bad.sto:1:'
run augment --data set --out o --tier 2 --target nobody
expect_exit 1
expect_stderr "has no target 'nobody'"
run augment --tier 2
expect_exit 2
expect_stderr '--data and --out say which set'
run augment --data set --out o --tier 2 --tire 3
expect_exit 2
expect_stderr "did you mean '--tier'?"
run augment --data nowhere --out o --tier 2
expect_exit 1
expect_stderr 'no such folder'
: >empty
run augment --data set --out o --tier 4 --families empty --seeds bad.sto
expect_exit 1
expect_stderr 'empty'
run augment --data set --out o --tier 4 --families f.tsv --seeds empty
expect_exit 1
expect_stderr 'empty'
run augment --data set --out o --tier 4 --families '' --seeds empty
expect_exit 2
expect_stderr 'the value is empty'
# where nothing can be written is said before the work
for folder in empty/o /proc/self; do
    run augment --data set --out "$folder" --augment compensatory
    expect_exit 1
    expect_stderr "$folder"
    if grep -q 'base pairs of' "$err"; then note "$folder: only found after the pairs were predicted"; fi
done
expect_stderr "/proc/self: --out cannot be made: '/proc/self' may not be written to"
# what the audit held out must still be there to be held against
printf 'target_id,sequence\nH1,GGGGGCCCAAUUGGACGUACGUAGCUAGCUAGCC\n' >held.csv
run audit --data set --split split.tsv --families families.tsv --hold-out held.csv
expect_exit 0
printf 'target_id,sequence\nH1,GGGGGCCCAAUUGGACGUACGUAGCUAGCUAGCA\n' >held.csv
run augment --data set --split split.tsv --tier 2 --out o
expect_exit 1
expect_stderr 'the held-out table held.csv is gone or has changed since the audit'
