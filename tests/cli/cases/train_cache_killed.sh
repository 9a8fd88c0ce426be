# SIGKILL at random moments (RT_KILLS of them, 6) while a cache fills: no half-written entry is ever read, and the run that
# goes on each time ends with the same bytes as a whole one
. "$here/make_set.sh"
kills=${RT_KILLS:-6}
CACHED="--rollouts 2 --views 2"
# shellcheck disable=SC2086
train_small whole $CACHED --cache full
expect_exit 0
done_kills=0
while [ "$done_kills" -lt "$kills" ]; do
    # shellcheck disable=SC2086
    "$BINARY" train confidence $SMALL --out part --resume --save-minutes 0.00001 --threads $((1 + RANDOM % 2)) $CACHED \
        --cache part_cache >part.out 2>part.err </dev/null &
    pid=$!
    sleep 0.$((RANDOM % 9))$((RANDOM % 10))
    if kill -KILL $pid 2>/dev/null; then done_kills=$((done_kills + 1)); fi
    wait $pid 2>/dev/null
    grep -q 'is damaged' part.err && note "an entry was half-written: $(grep 'is damaged' part.err)"
    if [ -e part/final.safetensors ]; then   # it was through: compare, and begin another with what the cache holds
        # shellcheck disable=SC2086
        train_small part --resume $CACHED --cache part_cache
        same_run whole part
        rm -rf part
    fi
done
# shellcheck disable=SC2086
train_small part --resume $CACHED --cache part_cache
expect_exit 0
same_run whole part
for entry in full/*/*.safetensors; do
    # the folders have the same key: neither the path nor the number of kills is part of it
    [ ! -e "part_cache/${entry#full/}" ] || cmp "$entry" "part_cache/${entry#full/}" || note "$entry differs"
done
true
