#!/bin/bash
# run.sh BINARY [CASE...]: command-line tests.  A case is a file cases/NAME.sh that runs the program and says what to
# expect; it runs in an empty folder of its own, without stdin.  Prints a line per case and the sum.
#   run ARGUMENT...          runs the program; what it printed is in $out and $err
#   expect_exit N            its exit status
#   expect_stdout TEXT       a piece of its stdout (expect_stderr: of its stderr; TEXT spans no line end)
#   expect_no_stdout         nothing at all on stdout
#   expect_same A B          two values
#   model FILE               writes a small random checkpoint (666,040 parameters)
#   needs PATH               skips the case when a file is not here
#   needs_mpi                skips it when there is no mpirun, or the program was built without MPI
#   ranks N ARGUMENT...      as run, as N processes of one mpirun; mpirun_of N ARGUMENT... is its command line, in $mpirun
#   needs_portable           skips it when the program runs with a libstdc++ for newer systems than Ubuntu 22.04
# Set for cases: DATA (tests/data), GOLDEN (shared golden files, which only some machines have), BINARY.
set -u
here=$(cd "$(dirname "$0")" && pwd)
BINARY=$(realpath "$1")
shift
DATA=$(realpath "$here/../data")
for folder in "$DATA/golden" "$here/../../../shared/golden"; do
    [ -d "$folder/tiny" ] && GOLDEN=${GOLDEN:-$(realpath "$folder")}
done
GOLDEN=${GOLDEN:-/none}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=$scratch/out err=$scratch/err bad=$scratch/bad skip=$scratch/skip

note() { echo "    $*" >>"$bad"; }
run() {
    "$BINARY" "$@" >"$out" 2>"$err" </dev/null
    code=$?
    ran="rnatune $*"
}
expect_exit() { [ "$code" = "$1" ] || { note "$ran: exit $code, not $1"; sed 's/^/      /' "$err" | head -5 >>"$bad"; }; }
expect_stdout() { grep -qF -- "$1" "$out" || { note "$ran: stdout lacks '$1':"; head -5 "$out" | sed 's/^/      /' >>"$bad"; }; }
expect_stderr() { grep -qF -- "$1" "$err" || { note "$ran: stderr lacks '$1':"; head -5 "$err" | sed 's/^/      /' >>"$bad"; }; }
expect_no_stdout() { [ ! -s "$out" ] || note "$ran: stdout is not empty: $(head -1 "$out")"; }
expect_same() { [ "$1" = "$2" ] || note "'$1' is not '$2'"; }
skip() { echo "$*" >"$skip"; exit 0; }
model() { "$BINARY" init --config "$DATA/tiny_config.json" --out "$1" --quiet >/dev/null || note "init failed"; }
needs_mpi() {
    command -v mpirun >/dev/null || skip "no mpirun"
    [ -e "$(dirname "$BINARY")/librnatune_mpi.so" ] || skip "built without MPI"
}
# more ranks than processors, as root, without ssh: what a test may need and a user should not
mpirun_of() {
    mpirun=(mpirun --allow-run-as-root --oversubscribe --bind-to none -n "$1")
    command -v ssh >/dev/null || mpirun+=(--mca plm isolated)
    mpirun+=("$BINARY" "${@:2}")
}
ranks() {
    mpirun_of "$@"
    "${mpirun[@]}" >"$out" 2>"$err" </dev/null
    code=$?
    ran="mpirun -n $1 rnatune ${*:2}"
}
# the processes of mpirun $1, rank 0 first
rank_processes() { cat /proc/"$1"/task/*/children 2>/dev/null | tr ' ' '\n' | sort -n; }
needs() { [ -e "$1" ] || skip "no $1"; }
needs_portable() {
    local library=$(LD_TRACE_LOADED_OBJECTS=1 "$BINARY" | sed -n 's/.*libstdc++.so.6 => \([^ ]*\).*/\1/p')
    grep -aqE 'GLIBC_2\.(3[6-9]|[4-9][0-9])' "$library" && skip "tools/portable_libstdcxx.sh made no libstdc++: no libstdc++_pic.a"
    return 0
}

passed=0 failed=0 skipped=0
[ $# -gt 0 ] || set -- $(cd "$here/cases" && ls -- *.sh)
for case in "$@"; do
    name=$(basename "$case" .sh)
    mkdir -p "$scratch/work"
    rm -f "$bad" "$skip"
    (cd "$scratch/work" && . "$here/cases/$name.sh") || note "the case itself failed"
    rm -rf "$scratch/work"
    if [ -e "$bad" ]; then
        echo "FAILED $name"
        cat "$bad"
        failed=$((failed + 1))
    elif [ -e "$skip" ]; then
        echo "skipped $name: $(cat "$skip")"
        skipped=$((skipped + 1))
    else
        echo "ok $name"
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
