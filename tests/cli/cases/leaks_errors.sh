. "$here/make_competition.sh" comp
run import --kaggle comp --out set --quiet
run families --data set --out families.tsv --quiet
run split --data set --families families.tsv --out split.tsv --quiet
printf 'rfam_acc,pdb_id\nRF1,1abc\n' >bad.csv
run families --data set --table bad.csv --out f.tsv
expect_exit 1
expect_no_stdout
expect_stderr "bad.csv:1: has no column 'chain'"
[ ! -e f.tsv ] || note 'f.tsv was written'
echo 'hello world' >bad.tbl
run families --data set --tblout bad.tbl --out f.tsv
expect_exit 1
expect_stderr 'bad.tbl:1: is not a row of a table of cmscan or cmsearch'
expect_stderr 'hint: make one with: cmscan --fmt 2'
printf '# Program: cmscan\n' >bad.tbl
run families --data set --tblout bad.tbl --out f.tsv
expect_stderr "ends without '# [ok]'"
echo 'not models' >bad.cm
run families --data set --cm bad.cm --out f.tsv
expect_exit 1
expect_stderr 'bad.cm: holds no covariance model'
printf 'INFERNAL1/a\nNAME x\nACC RF1\nGA 20\nCM\n//\n' >one.cm
PATH=/none run families --data set --cm one.cm --out f.tsv
if [ ! -x /usr/lib/infernal/cmscan ]; then
    expect_exit 1
    expect_stderr 'cmscan, a program of Infernal, is not installed'
    expect_stderr 'hint: apt-get install infernal'
fi
echo '{"component_1": 3}' >bad.json
run families --data set --rna3db bad.json --out f.tsv
expect_stderr "component 'component_1' is an integer, not an object of clusters"
run split --data set --families families.tsv --out s.tsv --sizes 80/20
expect_exit 2
expect_stderr "not of the form TRAIN/VALIDATION/TEST"
run split --data set --families families.tsv --out s.tsv --cutoff yesterday
expect_exit 2
expect_stderr "'yesterday' is no date"
grep -v 3AAA_A families.tsv >fewer.tsv
run split --data set --families fewer.tsv --out s.tsv
expect_exit 1
expect_stderr "target '3AAA_A' of the set is not in the families"
expect_stderr "hint: run 'rnatune families' on this set"
run audit --data set --split families.tsv --families families.tsv
expect_exit 1
expect_stderr "has no column 'split'"
grep -v 3AAA_A split.tsv >fewer.tsv
run audit --data set --split fewer.tsv --families families.tsv
expect_stderr "target '3AAA_A' of the set is not in the split"
printf 'source\ttier\tpositions\tsequence\tchange\n1AAA_A\t9\t-\tACGU\tx\n' >bad.tsv
run audit --data set --split split.tsv --families families.tsv --augmented bad.tsv
expect_exit 1
expect_stderr 'bad.tsv:2: tier 9 is none of 1 to 5'
run templates --data set --out t.pt
expect_exit 2
expect_stderr 'coordinates come from --csv or from --structures'
run templates --data set --structures comp --out t.pt
expect_exit 2
expect_stderr '--structures needs --hits'
echo 'a	b' >bad.m8
run templates --data set --structures comp --hits bad.m8 --out t.pt
expect_exit 1
expect_stderr 'bad.m8:1: has 2 columns, 9 were expected'
expect_stderr 'hint: mmseqs convertalis'
[ ! -e t.pt ] || note 't.pt was written'
run audit --data comp --split split.tsv --families families.tsv
expect_exit 1
