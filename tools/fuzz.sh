#!/bin/sh
# fuzz.sh SECONDS [NAME...]: runs src/*/NAME_fuzz.c (all by default) under libFuzzer with ASan and UBSan, one after another.
# Seeds: tests/data/<room>/.  Findings: build/fuzz/NAME/.  Needs clang (CLANG=clang-14).
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
names=${*:-$(ls src/*/*_fuzz.c | sed 's|.*/||; s|_fuzz\.c$||')}
for name in $names; do
    source=$(ls src/*/"${name}"_fuzz.c)
    room=$(basename "$(dirname "$source")")
    case $room in base | io | ship) rooms="base io" ;; prep) rooms="base io score prep" ;; *) rooms="base io $room" ;; esac
    files=$( (for r in $rooms; do ls src/"$r"/*.c; done; [ "$room" != ship ] || echo "src/ship/$name.c") |
        grep -v '_test\.c$\|_fuzz\.c$\|pairs_vienna\.c$')
    mkdir -p "build/fuzz/$name/corpus"
    # shellcheck disable=SC2086
    "${CLANG:-clang-14}" -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Isrc \
        -o "build/fuzz/$name/run" "$source" $files \
        -ljansson -lyaml -lcrypto -lsqlite3 -lz -lgomp -lpthread -lm
    seeds="build/fuzz/$name/corpus"
    [ -d "tests/data/$room" ] && seeds="$seeds tests/data/$room"
    # shellcheck disable=SC2086
    "build/fuzz/$name/run" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name/" $seeds 2>&1 | tail -12
done
