#!/bin/sh
# fuzz.sh SECONDS [NAME...]: runs src/*/NAME_fuzz.c (all by default) under libFuzzer with ASan and UBSan, one after another.
# Seeds: tests/data/<room>/ and tests/fuzz/corpus/NAME/, which tests/fuzz/run.sh replays.  Findings: build/fuzz/NAME/; exit
# 1 when there are some.  Needs clang (CLANG=clang-14).
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
names=${*:-$(ls src/*/*_fuzz.c | sed 's|.*/||; s|_fuzz\.c$||')}
found=0
for name in $names; do
    source=$(ls src/*/"${name}"_fuzz.c)
    room=$(basename "$(dirname "$source")")
    case $room in base | io | ship) rooms="base io" ;; prep) rooms="base io score prep" ;; *) rooms="base io $room" ;; esac
    objects=$( (for r in $rooms; do ls src/"$r"/*.c; done; [ "$room" != ship ] || echo "src/ship/$name.c") |
        grep -v '_test\.c$\|_fuzz\.c$\|pairs_vienna\.c$\|ranks_mpi\.c$' | sed 's|^\(.*\)\.c$|build/fuzz/\1.o|')
    # shellcheck disable=SC2086
    ${MAKE:-make} -s BUILD=build/fuzz CUDA=0 VIENNA=0 CC="${CLANG:-clang-14}" \
        SANITIZE="-O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -Wno-error" \
        "build/fuzz/src/$room/${name}_fuzz.o" $objects
    mkdir -p "build/fuzz/$name/corpus"
    # shellcheck disable=SC2086
    "${CLANG:-clang-14}" -fsanitize=fuzzer,address,undefined -o "build/fuzz/$name/run" \
        "build/fuzz/src/$room/${name}_fuzz.o" $objects -ljansson -lyaml -lcrypto -lsqlite3 -lz -lgomp -lpthread -lm
    seeds="build/fuzz/$name/corpus"
    for folder in "tests/data/$room" "tests/fuzz/corpus/$name"; do
        [ -d "$folder" ] && seeds="$seeds $folder"
    done
    echo "== $name"
    # shellcheck disable=SC2086
    "build/fuzz/$name/run" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name/" $seeds >"build/fuzz/$name/log" 2>&1 || found=1
    tail -12 "build/fuzz/$name/log"
done
exit $found
