# make install: the program runs from its new place with what was installed beside it; a man page of every verb, completion
build=$(dirname "$BINARY") tree=$(realpath "$here/../..")
[ -e "$build/librnatune.a" ] || skip "no $build/librnatune.a"
"$tree/tools/install.sh" "$build" /opt/rna "$PWD/root" >said || note "install.sh failed"
expect_same "$(cat said)" "/opt/rna/bin/rnatune (below $PWD/root)"
installed=$PWD/root/opt/rna
"$installed/bin/rnatune" version --json >"$out" 2>"$err"
code=$? ran="the installed rnatune version"
expect_exit 0
expect_same "$(cat "$out")" "$("$BINARY" version --json)"
for library in "$build"/lib/*.so*; do
    [ -e "$library" ] || continue
    LD_TRACE_LOADED_OBJECTS=1 "$installed/bin/rnatune" | grep -qF "$installed/lib/rnatune/lib/$(basename "$library")" ||
        note "the installed program does not take $(basename "$library") from beside it"
done
run --help
for verb in '' $(sed -n 's/^  \([a-z]*\)  .*/-\1/p' "$out"); do
    page=$installed/share/man/man1/rnatune$verb.1
    grep -q '^\.SH SYNOPSIS' "$page" || note "no man page $page"
done
if command -v man >/dev/null; then
    MANPATH=$installed/share/man man -P cat rnatune-package 2>/dev/null | grep -q 'RNATUNE-PACKAGE(1)' || note "man does not find its page"
fi
for file in lib/librnatune.a include/rnatune.h share/doc/rnatune/LICENSE share/doc/rnatune/docs/tune.md; do
    [ -s "$installed/$file" ] || note "$file is missing"
done
expect_same "$(bash -c ". $installed/share/bash-completion/completions/rnatune; complete -p rnatune")" 'complete -F _rnatune rnatune'
# a second time over the first; then all of it goes again
"$tree/tools/install.sh" "$build" /opt/rna "$PWD/root" >/dev/null || note "a second install failed"
make -C "$tree" --no-print-directory uninstall BUILD="$build" PREFIX=/opt/rna DESTDIR="$PWD/root" >/dev/null || note "uninstall failed"
expect_same "$(find root -type f -o -type l)" ""
