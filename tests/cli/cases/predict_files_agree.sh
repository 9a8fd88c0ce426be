# submission.csv, the mmCIF files and summary.json tell the same: C1' of rank k is model k+1, B factors are pLDDT, and
# the ranks are a true permutation of the samples
P="predict --checkpoint $DATA/../../examples/base/base.safetensors --samples 5 --steps 20 --cycles 1"
printf 'target_id,sequence\na,GGGAAACCCGGGUUCGCCCGGGAUACUCCC\n' >s.csv
run $P --sequences s.csv --out o
expect_exit 0
samples=$(grep -o '"sample": [0-9]*' o/a/summary.json | grep -o '[0-9]*' | tr '\n' ' ')
[ "$samples" != "0 1 2 3 4 " ] || note "the samples were not ranked: nothing is tested"
expect_same "$(echo $samples | tr ' ' '\n' | sort | tr '\n' ' ')" "0 1 2 3 4 "
# the competition's format clips coordinates: -999.999 to 9999.999
clip='function clip(x) { return x < -999.999 ? -999.999 : x > 9999.999 ? 9999.999 : x }'
for k in 0 1 2 3 4; do
    awk "$clip"'$1 == "ATOM" && $4 ~ /C1/ { printf "%.3f %.3f %.3f\n", clip($11), clip($12), clip($13) }' o/a/a_sample_$k.cif >c1.$k
    awk -F, -v k=$k 'NR > 1 { print $(4 + 3 * k), $(5 + 3 * k), $(6 + 3 * k) }' o/submission.csv >sub.$k
    expect_same "$(wc -l <c1.$k)" 30
    cmp -s c1.$k sub.$k || note "rank $k: $(diff c1.$k sub.$k | head -4 | tr '\n' ' ')"
    mean=$(awk -v OFMT=%.9g '$1 == "ATOM" { sum += $15; n++ } END { print sum / n }' o/a/a_sample_$k.cif)
    score=$(grep '^   "plddt"' o/a/summary.json | sed -n "$((k + 1))p" | grep -o '[0-9.]*')
    echo "$score $mean" >>scores   # B factors have two digits, so the mean of 640 is good to 0.0002
done
awk '{ d = $1 - $2; if (d > 0.0008 || d < -0.0008) exit 1 }' scores || note "pLDDT and mean B: $(tr '\n' ';' <scores)"
awk '{ if (NR == 1 || $1 < low) low = $1; if (NR == 1 || $1 > high) high = $1 } END { exit high - low < 0.006 }' scores ||
    note "the samples' pLDDT are too close to tell one from another: $(tr '\n' ';' <scores)"
# a target's name seeds its noise: the same sequence under another name is elsewhere, and alone or in a batch the same
printf 'target_id,sequence\nb,GGGAAACCCGGGUUCGCCCGGGAUACUCCC\na,GGGAAACCCGGGUUCGCCCGGGAUACUCCC\n' >s2.csv
run $P --sequences s2.csv --out o2
expect_exit 0
cmp -s o/a/a_sample_0.cif o2/a/a_sample_0.cif || note "the batch changed a"
expect_same "$(grep '^a_' o2/submission.csv | sha256sum)" "$(grep '^a_' o/submission.csv | sha256sum)"
run $P --sequences s2.csv --out o3 --steps 1   # after one step most of a coordinate is its first noise
grep '^a_' o3/submission.csv | cut -d, -f4 >xa; grep '^b_' o3/submission.csv | cut -d, -f4 >xb
paste xa xb | awk '{ d += ($1 - $2) ^ 2; s += $1 ^ 2 } END { exit d < 0.5 * s }' || note "a and b had the same noise"
