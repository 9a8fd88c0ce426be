#!/bin/sh
# vienna.sh FOLDER: fetches the source of ViennaRNA 2.8.0 with pip and builds FOLDER/libRNA.a and FOLDER/include from it.
# The library is used as its licence allows ("not redistributed for any fee") and is never part of this project.
# One line says why when it cannot be had.
set -eu
version=2.8.0
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ ! -f "$folder/libRNA.a" ] || exit 0
NAME=ViennaRNA
. "$(dirname "$(realpath "$0")")/pip_download.sh"
fetch() { pip_download --no-binary :all: "$@" "viennarna==$version"; }
echo "fetching ViennaRNA $version"
# with the setuptools that are there, else with those that pip fetches for it
fetch --no-build-isolation || fetch || give_up "it cannot be fetched: $(tail -1 pip.log)"
tar xzf viennarna-$version.tar.gz
cd viennarna-$version
mkdir objects
echo "building ViennaRNA $version"
# z-scores need a support vector library; the vector variants of one file are not called
find src/ViennaRNA src/cephes -name '*.c' | grep -v 'zscore\|svm_utils\|/static/\|_sse41\|_avx512' | sort >files
xargs -P "$(nproc)" -n 1 sh -c '${CC:-cc} -O2 -w -I. -Isrc -Isrc/ViennaRNA -DHAVE_CONFIG_H -c "$0" -o "objects/$(echo "$0" | tr / _).o"' <files >cc.log 2>&1 \
    || give_up "its source does not compile: $(tail -1 cc.log)"
ar rcs libRNA.a objects/*.o
mkdir -p "$folder/include"
(cd src && find ViennaRNA -name '*.h' | tar cf - -T -) | tar xf - -C "$folder/include"
cp COPYING "$folder/COPYING"
mv libRNA.a "$folder/libRNA.part"   # across file systems a move is a copy
mv "$folder/libRNA.part" "$folder/libRNA.a"
