# SIGKILL at random moments (RT_KILLS of them, 10): the run that goes on each time ends with the same bytes as a whole one
. "$here/make_set.sh"
kills=${RT_KILLS:-10}
train_small whole
done_kills=0 went_on=0
while [ "$done_kills" -lt "$kills" ]; do
    # shellcheck disable=SC2086
    "$BINARY" train confidence $SMALL --out part --resume --save-minutes 0.00001 --threads $((1 + RANDOM % 2)) \
        >part.out 2>part.err </dev/null &
    pid=$!
    sleep 0.$((RANDOM % 9))$((RANDOM % 10))
    if kill -KILL $pid 2>/dev/null; then done_kills=$((done_kills + 1)); fi
    wait $pid 2>/dev/null
    grep -q 'goes on after step' part.err && went_on=$((went_on + 1))
    if [ -e part/final.safetensors ]; then   # it was through: compare, and begin another
        train_small part --resume
        same_run whole part
        rm -rf part
    fi
done
train_small part --resume
expect_exit 0
same_run whole part
[ "$went_on" -gt 0 ] || note "no run was taken up again"
