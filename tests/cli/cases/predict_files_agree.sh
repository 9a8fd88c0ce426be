# submission.csv, the mmCIF files and summary.json tell the same: C1' of rank k is model k+1, B factors are pLDDT, and
# the ranks are a true permutation of the samples
printf 'target_id,sequence\na,GGGAAACCCGGGUUCG\n' >s.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s.csv --out o --samples 5 --steps 3 --cycles 1
expect_exit 0
samples=$(grep -o '"sample": [0-9]*' o/a/summary.json | grep -o '[0-9]*' | tr '\n' ' ')
[ "$samples" != "0 1 2 3 4 " ] || note "the samples were not ranked: nothing is tested"
expect_same "$(echo $samples | tr ' ' '\n' | sort | tr '\n' ' ')" "0 1 2 3 4 "
# the competition's format clips coordinates: -999.999 to 9999.999
clip='function clip(x) { return x < -999.999 ? -999.999 : x > 9999.999 ? 9999.999 : x }'
for k in 0 1 2 3 4; do
    awk "$clip"'$1 == "ATOM" && $4 ~ /C1/ { printf "%.3f %.3f %.3f\n", clip($11), clip($12), clip($13) }' o/a/a_sample_$k.cif >c1.$k
    awk -F, -v k=$k 'NR > 1 { print $(4 + 3 * k), $(5 + 3 * k), $(6 + 3 * k) }' o/submission.csv >sub.$k
    expect_same "$(wc -l <c1.$k)" 16
    cmp -s c1.$k sub.$k || note "rank $k: $(diff c1.$k sub.$k | head -4 | tr '\n' ' ')"
    mean=$(awk '$1 == "ATOM" { sum += $15; n++ } END { print sum / n }' o/a/a_sample_$k.cif)
    score=$(grep '^   "plddt"' o/a/summary.json | sed -n "$((k + 1))p" | grep -o '[0-9.]*')
    awk -v a="$mean" -v b="$score" 'BEGIN { exit !(a - b < 0.01 && b - a < 0.01) }' || note "rank $k: mean B $mean, pLDDT $score"
done
# a target's name seeds its draws: the same sequence under another name is another draw, and alone or in a batch the same
printf 'target_id,sequence\nb,GGGAAACCCGGGUUCG\na,GGGAAACCCGGGUUCG\n' >s2.csv
run predict --checkpoint $GOLDEN/tiny/tiny.pt --sequences s2.csv --out o2 --samples 5 --steps 3 --cycles 1
expect_exit 0
cmp -s o/a/a_sample_0.cif o2/a/a_sample_0.cif || note "the batch changed a"
expect_same "$(grep '^a_' o2/submission.csv | sha256sum)" "$(grep '^a_' o/submission.csv | sha256sum)"
[ "$(grep '^a_' o2/submission.csv | cut -d, -f4-)" != "$(grep '^b_' o2/submission.csv | cut -d, -f4-)" ] || note "b is a"
