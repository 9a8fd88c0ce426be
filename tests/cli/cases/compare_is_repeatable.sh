set -- "$DATA/compare/base.tsv" "$DATA/compare/tuned.tsv" --families "$DATA/compare/families.tsv" --json
run compare "$@" --seed 5
first=$(cat "$out")
run compare "$@" --seed 5
expect_same "$first" "$(cat "$out")"
run compare "$@" --seed 6
[ "$first" != "$(cat "$out")" ] || note "another seed gives the same draws"
