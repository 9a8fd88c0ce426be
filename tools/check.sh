#!/bin/bash
# check.sh BUILD TESTPROGRAM...: everything that `make check` holds the program to; the last line is the sum.
#   lint, the unit tests, the command-line tests, then every other tests/*/run.sh (called with the program).
set -u
cd "$(dirname "$0")/.."
build=$1
shift
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Adds up the last line "N passed, N failed, N skipped" of a suite; a suite that ends otherwise counts as one failure.
suite() {
    local title=$1 code sum
    shift
    echo "== $title"
    "$@" </dev/null 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    sum=$(tail -1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p')
    if [ -z "$sum" ]; then
        echo "FAILED $title: no sum at the end (exit $code)"
        failed=$((failed + 1))
        return
    fi
    # shellcheck disable=SC2086
    set -- $sum
    [ "$code" -eq 0 ] || [ "$2" -gt 0 ] || { echo "FAILED $title: exit $code"; failed=$((failed + 1)); }
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

echo "== lint"
if tools/lint.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
suite "unit tests" tools/run_tests.sh "$@"
suite "command line" tests/cli/run.sh "$build/rnatune"
for run in tests/*/run.sh; do
    [ "$run" = tests/cli/run.sh ] || [ ! -f "$run" ] || suite "$run" "$run" "$build/rnatune"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
