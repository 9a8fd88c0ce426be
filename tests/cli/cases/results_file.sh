run results r.sqlite --add "$DATA/compare/base.tsv" --checkpoint start
expect_exit 0
expect_stderr 'start: 120 rows added, 0 replaced'
run results r.sqlite --add "$DATA/compare/tuned.tsv"
expect_stderr 'tuned: 120 rows added, 0 replaced'
expect_stdout "$(printf 'start\t24\t120\t')"
head -12 "$DATA/compare/tuned.tsv" >some.tsv
run results r.sqlite --add some.tsv --checkpoint start
expect_stderr 'start: 0 rows added, 11 replaced'
run results r.sqlite --add "$DATA/compare/base.tsv" --checkpoint start
run results r.sqlite --json
expect_exit 0
expect_stdout '"checkpoint": "start"'
run results r.sqlite --export start
expect_exit 0
cut -f1-5 "$out" >back.tsv
expect_same "$(cut -f1-5 "$DATA/compare/base.tsv" | sort | cksum)" "$(sort back.tsv | cksum)"
run results r.sqlite --export start --json
expect_stdout '"target": "T001"'
run compare r.sqlite:start r.sqlite:tuned --families "$DATA/compare/families.tsv"
expect_exit 0
expect_stdout "$(printf 'tuned - start\tdifference\t0.04272')"
