# killed, or asked to stop, at random moments (RT_KILLS of them, 3) and resumed: the same numbers, byte for byte, as a run that
# was left alone
. "$here/make_plan.sh"
begin=$(date +%s%N)
run tune plan.yaml --out whole
expect_exit 0
took=$((($(date +%s%N) - begin) / 1000000))
kills=${RT_KILLS:-3}
killed=0 tries=0
while [ "$killed" -lt "$kills" ] && [ "$tries" -lt $((5 * kills)) ]; do
    tries=$((tries + 1))
    "$BINARY" tune plan.yaml --out part >/dev/null 2>log.$tries </dev/null &
    pid=$!
    sleep "$(awk -v t="$took" -v n="$kills" -v r=$RANDOM 'BEGIN { printf "%.3f", t / 1000 * (0.2 + 1.3 * r / 32768) / n }')"
    signal=KILL
    [ $((tries % 2)) = 1 ] || signal=TERM
    if kill -$signal $pid 2>/dev/null; then
        killed=$((killed + 1))
    else   # it was through already: the machine has less to do than before
        rm -rf part
        took=$((took * 2 / 3))
    fi
    wait $pid 2>/dev/null
done
run tune plan.yaml --out part
expect_exit 0
[ "$killed" = "$kills" ] || note "only $killed of $kills kills met a running program"
expect_same "$(numbers part)" "$(numbers whole)"
for file in split.tsv phase1/small/best.safetensors phase2/best.safetensors predictions/phase2/seed43/submission.csv \
    compare/compare.tsv ensemble/average.safetensors; do
    cmp "whole/$file" "part/$file" || note "$file differs"
done
expect_same "$(steps done part)" "$(steps done whole)"
