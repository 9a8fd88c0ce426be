#!/bin/sh
# run_tests.sh PROGRAM...: runs cmocka test programs one after another; prints only what failed, lines that
# begin with "note: ", the seconds of each and the sum.
# WRAP: a command to run each program under (valgrind).
passed=0 failed=0 skipped=0
log=$(mktemp)
for program in "$@"; do
    began=$(date +%s%N)
    timeout "${TEST_TIMEOUT:-900}" ${WRAP:-} "$program" >"$log" 2>&1
    code=$?
    seconds=$(awk -v ns=$(($(date +%s%N) - began)) 'BEGIN { printf "%.1f", ns / 1e9 }')
    p=$(grep -c '^\[       OK \]' "$log") f=$(grep -c '^\[  FAILED  \] [A-Za-z_]' "$log") s=$(grep -c '^\[  SKIPPED \] [A-Za-z_]' "$log")
    f=$(grep '^\[  FAILED  \] [A-Za-z_]' "$log" | sort -u | grep -c . )
    s=$(grep '^\[  SKIPPED \] [A-Za-z_]' "$log" | sort -u | grep -c . )
    [ "$code" -eq 0 ] || [ "$f" -gt 0 ] || f=1
    if [ "$f" -gt 0 ]; then
        echo "FAILED $program (exit $code)"
        grep -v '^\[ RUN \|^\[       OK' "$log" | tail -40
    else
        echo "ok     $(basename "$program"): $p passed${s:+, $s skipped}, $seconds s"
        [ "$s" -eq 0 ] || grep -i '^skip' "$log"
        grep '^note: ' "$log" | sed 's/^note: /       /'
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
rm -f "$log"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
