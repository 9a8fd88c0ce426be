#!/bin/bash
# run.sh PROGRAM: every fuzz entry (build/replay/<room>/<name>, built by `make replay`) over tests/fuzz/corpus/<name>/ and the
# room's tests/data: inputs that once were findings, and the seeds of `make fuzz`.
# The last line is "N passed, N failed, N skipped"; a replay that ends by a signal or a sanitizer's report has failed.
set -u
cd "$(dirname "$0")/../.."
build=$(dirname "$1")
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for source in src/*/*_fuzz.c; do
    room=$(basename "$(dirname "$source")") name=$(basename "$source" _fuzz.c)
    mapfile -t files < <(find "tests/fuzz/corpus/$name" "tests/data/$room" -type f -size -65k 2>/dev/null | sort)
    [ ${#files[@]} -gt 0 ] || files=(/dev/null)
    if timeout 300 "$build/replay/$room/$name" "${files[@]}" >"$log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name: ended with $? on one of ${#files[@]} files"
        tail -5 "$log"
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
