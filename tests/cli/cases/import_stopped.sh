# killed again and again, an import ends as one that was left alone
mkdir in
awk 'BEGIN { print "target_id,sequence" >"in/train_sequences.csv"; print "ID,resname,resid,x_1,y_1,z_1" >"in/train_labels.csv"
    for (k = 0; k < 4000; k++) { s = ""
        for (i = 1; i <= 60; i++) { c = substr("GCAU", (i * i + k) % 4 + 1, 1); s = s c
            printf "T%d_%d,%s,%d,%.3f,%.3f,%.3f\n", k, i, c, i, i * 5.5, k / 8, i % 3 >"in/train_labels.csv" }
        print "T" k "," s >"in/train_sequences.csv" } }'
run import --kaggle in --out whole --quiet
expect_exit 0
for delay in 0.02 0.05 0.08 0.11 0.14; do
    "$BINARY" import --kaggle in --out pieces --quiet >/dev/null 2>&1 &
    sleep $delay
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
done
run import --kaggle in --out pieces --quiet
expect_exit 0
for file in index.sqlite coordinates.bin import.tsv; do cmp -s whole/$file pieces/$file || note "$file differs"; done
[ -d pieces/import.work ] && note 'the work folder is still there'
# Ctrl-C: exit 1, and what was read is kept
"$BINARY" import --kaggle in --out asked >/dev/null 2>stopped &
sleep 0.05
kill -TERM $! 2>/dev/null
wait $!
code=$?
[ $code = 0 ] || grep -q 'goes on where it stopped' stopped || [ $code = 143 ] || note "exit $code: $(cat stopped)"
run import --kaggle in --out asked --quiet
expect_exit 0
cmp -s whole/index.sqlite asked/index.sqlite || note 'index.sqlite differs after a stop'
