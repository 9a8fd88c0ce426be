#!/bin/sh
# lint.sh: keeps rooms apart.  A room includes only itself and the rooms above it in data-flow order; only cli/ exits or
# prints to stdout; a test sits beside its code; no tab, no trailing blank, no line over 130 columns.
set -u
cd "$(dirname "$0")/.."
rooms="base io score prep feat op layer trunk diffusion confidence train ship report tune cli"
bad=0
fail() { echo "lint: $*"; bad=1; }
rank() { i=0; for r in $rooms; do i=$((i + 1)); [ "$r" = "$1" ] && { echo $i; return; }; done; echo 0; }
for file in $(git ls-files 'src/*/*.c' 'src/*/*.h' 'src/*/*.cu' 'src/*/*.def' 2>/dev/null; git ls-files -o --exclude-standard 'src/*/*.[ch]' 'src/*/*.cu'); do
    [ -f "$file" ] || continue
    room=${file#src/} room=${room%%/*}
    mine=$(rank "$room")
    [ "$mine" -gt 0 ] || fail "$file: '$room' is not a room of DESIGN.md"
    case "$file" in *_test.c | *_fuzz.c) continue ;; esac
    for other in $(sed -n 's/^ *# *include "\([a-z]*\)\/.*/\1/p' "$file" | sort -u); do
        theirs=$(rank "$other")
        [ "$theirs" -le "$mine" ] || fail "$file: includes $other/, a room below $room/"
    done
    if [ "$room" != cli ]; then
        grep -nE '(^|[^_a-z.>])exit *\(' "$file" | sed "s|^|lint: $file: only cli/ exits: |" | grep . && bad=1
        grep -nE '(^|[^a-z_])(printf|puts|putchar) *\(|[(, ]stdout' "$file" | sed "s|^|lint: $file: only cli/ prints results: |" | grep . && bad=1
    fi
    case "$room" in base | io | cli) ;; *)
        grep -nE '(^|[^a-z_])(malloc|calloc|realloc) *\(' "$file" | sed "s|^|lint: $file: memory comes from an arena or base\/memory: |" | grep . && bad=1 ;;
    esac
done
# leak guard: whoever builds features or runs the network never sees the answer
for file in $(grep -lE '^ *# *include "feat/label\.h"' -r src --include='*.[ch]' --include='*.cu'); do
    case "$file" in src/feat/label.c | *_test.c | src/train/* | src/ship/* | src/cli/* | src/verify*) ;;
    *) fail "$file: includes feat/label.h, the answer: only training and checks may" ;; esac
done
for file in $(git ls-files 'src/*' 'include/*'); do
    [ -f "$file" ] || continue
    grep -nP '\t' "$file" | head -3 | sed "s|^|lint: $file: tab: |" | grep . && bad=1
    grep -nE ' +$' "$file" | head -3 | sed "s|^|lint: $file: trailing blank: |" | grep . && bad=1
    awk -v f="$file" 'length($0) > 130 { printf "lint: %s:%d: %d columns\n", f, NR, length($0); bad = 1 } END { exit bad }' "$file" || bad=1
done
# a header says its room, so that a reader knows where he is
for file in $(git ls-files 'src/*/*.h'); do
    [ -f "$file" ] || continue
    head -8 "$file" | grep -q '^ \* Room: ' || fail "$file: the header comment lacks its 'Room:' line"
done
[ $bad -eq 0 ] && echo "lint: ok"
exit $bad
