# Ctrl-C: rows that were computed are written whole, and run.json says that there are not all
. "$here/make_rna.sh"
mkdir -p natives models
for i in $(seq 10 40); do
    rna 200 >natives/R$i.pdb
    mkdir models/R$i
    for k in 0 1 2; do cp natives/R$i.pdb models/R$i/R${i}_sample_$k.pdb; done
done
"$BINARY" score --pred models --native natives --out scores --threads 1 >out.tsv 2>err.txt </dev/null &
pid=$!
sleep 0.3
kill -INT $pid
wait $pid
expect_same $? 1
if grep -q 'nothing was written' err.txt; then   # a slow machine: the first row was not done
    expect_same "$(cat out.tsv)" ''
else
    grep -q 'rnatune score: stopped; ' err.txt || note "stderr does not say that it was stopped: $(tail -1 err.txt)"
    grep -q '"stopped": true' scores/run.json || note "run.json does not say so"
    rows=$(($(wc -l <scores/scores.tsv) - 1))
    [ $rows -ge 1 ] && [ $rows -lt 93 ] || note "$rows rows"
    expect_same "$(awk -F '\t' 'NF != 32' scores/scores.tsv | wc -l)" 0
fi
