# what a target needs is known before it starts: it runs in chunks, or is refused with the length that would fit
run convert $GOLDEN/tiny/tiny.pt --out t.safetensors
long=$(printf 'GGGAAACCCU%.0s' $(seq 40))
printf "target_id,sequence\nlong,$long\nshort,GGGAAACCC\n" >s.csv
P="predict --checkpoint t.safetensors --sequences s.csv --samples 2 --cycles 1 --steps 1 --threads 2"
run $P --out plan --dry-run
expect_exit 0
expect_stdout "target	length	passes	cycles	steps	samples	memory_gib	in_chunks"
expect_stdout "long	400	1	1	1	2	"
[ ! -e plan ] || note "a dry run wrote something"
need=$(awk '$1 == "long" { printf "%d", $7 * 1048576 }' "$out")
run $P --out free
expect_exit 0
# a little less than that: in chunks, with the same bytes
run $P --out chunks --memory-limit $((need * 97 / 100))K
expect_exit 0
expect_stderr "slower, with the same result"
grep -q '"in_chunks": true' chunks/run.json || note "run.json does not say that it ran in chunks"
cmp -s free/submission.csv chunks/submission.csv || note "chunks changed the result"
cmp -s free/long/summary.json chunks/long/summary.json || note "chunks changed the scores"
# much less: refused, with a length that does fit; the other target goes on
run $P --out small --memory-limit $((need * 60 / 100))K
expect_exit 1
expect_stderr "target 'long' of 400 nt needs"
fits=$(sed -nE 's/.*hint: ([0-9]+) nt would fit.*/\1/p' "$err")
[ "$fits" -gt 100 ] && [ "$fits" -lt 400 ] || note "'$fits' nt would fit"
[ -s small/short/short_sample_0.cif ] || note "the short target did not go on"
printf "target_id,sequence\nfits,${long:0:$fits}\nnot,${long:0:$((fits + 12))}\n" >s.csv
run $P --out edge --memory-limit $((need * 60 / 100))KiB
expect_exit 1
[ -s edge/fits/fits_sample_0.cif ] || note "$fits nt did not fit"
[ ! -e edge/not ] || note "$((fits + 12)) nt did fit"
run $P --out none --memory-limit 1M
expect_exit 1
expect_stderr "no length would fit: the weights alone take the memory"
