shared=$here/../../../shared/data
needs "$shared/rnaset/index.tsv"
run import --structures "$shared/rnaset" --out set
expect_exit 0
search=
if command -v cmscan >/dev/null; then
    cat "$shared"/rfam/tRNA.c.cm "$shared"/rfam/5S_rRNA.c.cm "$shared"/rfam/RF00029.cm >models.cm
    search='--cm models.cm'
fi
# shellcheck disable=SC2086
run families --data set $search --table "$shared/splits/RFAM_families_27062023.csv.gz" --out families.tsv
expect_exit 0
expect_stderr '81 rows name no chain'
[ -z "$search" ] || expect_same "$(awk '$1 == "1EVV_A" { print $2, $4 }' families.tsv)" 'RF00005 cmscan'
expect_same "$(awk '$1 == "1GAX_C" { print $2 }' families.tsv)" RF00005
[ ! -e families.tsv.work ] || note 'the work folder was left'
[ ! -e models.cm.i1m ] || note 'something was written beside the models'
joins=
for round in 1 2 3 4 5 6 7 8; do
    # shellcheck disable=SC2086
    run split --data set --families families.tsv $joins --out split.tsv
    expect_exit 0
    run audit --data set --split split.tsv --families families.tsv
    [ "$code" = 3 ] || break
    cp "$out" "leaks$round.tsv"
    joins="$joins --join leaks$round.tsv"
done
expect_exit 0
expect_stderr 'the split holds'
