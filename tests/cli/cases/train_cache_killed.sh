# SIGKILL at random moments (RT_KILLS of them, 6) while a cache fills: no half-written entry is ever read, and the run that
# goes on each time ends with the same bytes as a whole one; at least one kill comes while the cache is half full
. "$here/make_set.sh"
kills=${RT_KILLS:-6}
CACHED="--rollouts 2 --views 2"
# shellcheck disable=SC2086
train_small whole $CACHED --cache full
expect_exit 0
entries() { (cd "$1" && ls -- */*.safetensors 2>/dev/null | sort); }
entry_count() { entries "$1" | grep -c .; }
all=$(entry_count full)
killed=0 filling=0 tries=0
while [ "$killed" -lt "$kills" ] || [ "$filling" -lt 1 ]; do
    tries=$((tries + 1))
    [ "$tries" -le $((20 * kills)) ] || { note "of $tries runs $killed were killed, $filling of them with a cache half full"; break; }
    # shellcheck disable=SC2086
    "$BINARY" train confidence $SMALL --out part --resume --save-minutes 0.00001 --threads $((1 + RANDOM % 2)) $CACHED \
        --cache part_cache >part.out 2>part.err </dev/null &
    pid=$!
    sleep $((tries / (4 * kills))).$((RANDOM % 9))$((RANDOM % 10))   # longer where a slow machine gets nowhere
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    ended=$?   # of a process that was through before the signal: its own
    grep -q 'is damaged' part.err && note "an entry was half-written: $(grep 'is damaged' part.err)"
    now=$(entry_count part_cache)
    if [ "$ended" = 137 ]; then
        killed=$((killed + 1))
        if [ "$now" -gt 0 ] && [ "$now" -lt "$all" ]; then filling=$((filling + 1)); fi
    elif [ "$ended" = 0 ]; then   # compare, and begin again with an empty cache
        same_run whole part
        expect_same "$(entries part_cache)" "$(entries full)"
        rm -rf part part_cache
    else
        note "a run that went on ended with $ended: $(head -1 part.err)"
        break
    fi
done
# shellcheck disable=SC2086
train_small part --resume $CACHED --cache part_cache
expect_exit 0
same_run whole part
# a run with nothing but the cache that the killed ones filled reads every view of it
# shellcheck disable=SC2086
train_small again $CACHED --cache part_cache
expect_exit 0
same_run whole again
expect_same "$(awk -F'\t' '$1 == "cache_made" || $1 == "cache_damaged" { n += $2 } $1 == "cache_read" { print ($2 > 0) n + 0 }' "$out")" 10
# the folders have the same key: neither the path nor the number of kills is part of it
[ "$all" -gt 0 ] || note "the cache of the whole run is empty"
expect_same "$(entries part_cache)" "$(entries full)"
for entry in $(entries full); do cmp "full/$entry" "part_cache/$entry" || note "$entry differs"; done
true
