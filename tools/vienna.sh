#!/bin/sh
# vienna.sh FOLDER: fetches the source of ViennaRNA 2.8.0 with pip and builds FOLDER/libRNA.a and FOLDER/include from it.
# The library is used as its licence allows ("not redistributed for any fee") and is never part of this project.
set -eu
version=2.8.0
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ ! -f "$folder/libRNA.a" ] || exit 0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
pip=$(command -v pip3 || command -v pip) || { echo "vienna.sh: pip is needed to fetch ViennaRNA: apt-get install python3-pip" >&2; exit 1; }
echo "fetching ViennaRNA $version"
"$pip" download --quiet --no-deps --no-build-isolation --no-binary :all: "viennarna==$version" >pip.log 2>&1 \
    || "$pip" download --quiet --no-deps --no-binary :all: "viennarna==$version" >pip.log 2>&1 \
    || { echo "vienna.sh: cannot fetch ViennaRNA: $(tail -1 pip.log)" >&2; exit 1; }
tar xzf viennarna-$version.tar.gz
cd viennarna-$version
mkdir objects
echo "building ViennaRNA $version"
# z-scores need a support vector library; the vector variants of one file are not called
find src/ViennaRNA src/cephes -name '*.c' | grep -v 'zscore\|svm_utils\|/static/\|_sse41\|_avx512' | sort >files
xargs -P "$(nproc)" -n 1 sh -c '"${CC:-cc}" -O2 -w -I. -Isrc -Isrc/ViennaRNA -DHAVE_CONFIG_H -c "$0" -o "objects/$(echo "$0" | tr / _).o"' <files
ar rcs libRNA.a objects/*.o
mkdir -p "$folder/include"
(cd src && find ViennaRNA -name '*.h' | tar cf - -T -) | tar xf - -C "$folder/include"
cp COPYING "$folder/COPYING"
mv libRNA.a "$folder/libRNA.a"
