run results none.sqlite
expect_exit 1
expect_stderr 'rnatune results: none.sqlite: no such file'
expect_stderr 'hint: --add TABLE makes it'
run results r.sqlite --checkpoint x
expect_exit 2
expect_stderr '--checkpoint names what --add adds; --add is missing'
run results r.sqlite --add "$DATA/compare/base.tsv"
expect_exit 0
run results r.sqlite --export tuned
expect_exit 1
expect_stderr "r.sqlite: has no results of 'tuned'"
expect_stderr 'hint: it has base'
run compare r.sqlite r.sqlite:base
expect_exit 2
expect_stderr 'r.sqlite: is a results file: say which checkpoint of it'
expect_stderr "hint: r.sqlite:CHECKPOINT; 'rnatune results r.sqlite' lists them"
run compare r.sqlite:other r.sqlite:base
expect_exit 1
expect_stderr "r.sqlite: has no results of 'other'"
run results "$DATA/compare/base.tsv"
expect_exit 1
expect_stderr 'base.tsv: is no SQLite file'
run results nowhere/r.sqlite --add "$DATA/compare/base.tsv"
expect_exit 1
expect_stderr "nowhere/r.sqlite: FILE cannot be made: there is no folder 'nowhere'"
cp r.sqlite newer.sqlite
printf '\0\0\0\11' | dd of=newer.sqlite bs=1 seek=60 conv=notrunc 2>/dev/null   # user_version
run results newer.sqlite
expect_exit 1
expect_stderr "newer.sqlite: has version 9 of the results' schema, this program knows 1"
expect_stderr 'hint: use the newer rnatune that wrote it'
cp r.sqlite foreign.sqlite
printf '\0\0\0\1' | dd of=foreign.sqlite bs=1 seek=68 conv=notrunc 2>/dev/null   # application_id
run results foreign.sqlite
expect_exit 1
expect_stderr "foreign.sqlite: is an SQLite file, but not one of rnatune's results"
head -c 6000 r.sqlite >short.sqlite
run results short.sqlite
expect_exit 1
expect_stderr 'short.sqlite: is a damaged SQLite file'
