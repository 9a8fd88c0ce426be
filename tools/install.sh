#!/bin/sh
# install.sh BUILD PREFIX [DESTDIR]: what was built in BUILD goes below DESTDIR/PREFIX ('make install' says which).
#   bin/rnatune            a link to lib/rnatune/rnatune, which finds what lies beside it: lib/*.so, librnatune_mpi.so, molstar/
#   lib/librnatune.a, include/rnatune.h                the C library
#   share/man/man1/rnatune.1, rnatune-VERB.1           a page per verb, from the program
#   share/bash-completion/completions/rnatune          from the program
#   share/doc/rnatune/                                 README, LICENSE, docs, the seed plan
set -eu
build=$1 prefix=$2 root=${3:-}$2
cd "$(dirname "$0")/.."
home=$root/lib/rnatune
mkdir -p "$root/bin" "$home/lib" "$root/include" "$root/share/man/man1" "$root/share/bash-completion/completions" \
    "$root/share/doc/rnatune/docs" "$root/share/doc/rnatune/examples"
install -m 755 "$build/rnatune" "$home/rnatune"
for library in "$build"/lib/*.so*; do
    [ -e "$library" ] && install -m 644 "$library" "$home/lib"
done
[ -e "$build/librnatune_mpi.so" ] && install -m 644 "$build/librnatune_mpi.so" "$home"
if [ -d "$build/molstar" ]; then
    mkdir -p "$home/molstar"
    install -m 644 "$build"/molstar/* "$home/molstar"
fi
ln -sfn ../lib/rnatune/rnatune "$root/bin/rnatune"
install -m 644 "$build/librnatune.a" "$root/lib"
install -m 644 include/rnatune.h "$root/include"
"$home/rnatune" --man >"$root/share/man/man1/rnatune.1"
for verb in $("$home/rnatune" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    "$home/rnatune" "$verb" --man >"$root/share/man/man1/rnatune-$verb.1"
done
"$home/rnatune" completion bash >"$root/share/bash-completion/completions/rnatune"
install -m 644 README.md LICENSE "$root/share/doc/rnatune"
install -m 644 docs/*.md "$root/share/doc/rnatune/docs"
install -m 644 examples/rtx4090.yaml "$root/share/doc/rnatune/examples"
echo "$prefix/bin/rnatune${3:+ (below $3)}"
