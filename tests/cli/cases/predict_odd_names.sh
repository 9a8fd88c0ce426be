# names that a table, a folder or a JSON file cannot hold are refused in one line each, and the others are folded
P="predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --samples 1 --steps 1 --cycles 1"
printf 'target_id,sequence\na/b,GG\n..,GG\n"n\nl",GG\n"t\tt",GG\n\xff\xfe,GG\nrun.json,GG\nsubmission.csv,GG\n-x,GG\n"c,d",GG\n\xc3\xbc,GG\n.h,GG\n' >s.csv
run $P
expect_exit 1
expect_stderr "warning: n?l failed: s.csv:4: target 'n?l': not usable as a file's name"
expect_stderr "warning: ?? failed: s.csv:7: target '??': not usable as a file's name"
expect_stderr "target 'run.json': a file of the results has that name"
expect_stderr "7 of 11 targets failed; the others are written"
expect_same "$(awk -F'\t' 'NF != 7' "$out" | wc -l)" 0
expect_same "$(wc -l <"$out")" 12
expect_stdout "$(printf 't?t\tNA\tNA\tNA\tNA\tNA\tNA')"
[ -f o/run.json ] && [ -f o/submission.csv ] || note "the run's own files are missing"
expect_same "$(grep -c '"target"' o/run.json)" 11
for name in -x c,d "$(printf '\xc3\xbc')" .h; do [ -s "o/$name/${name}_sample_0.cif" ] || note "$name is missing"; done
