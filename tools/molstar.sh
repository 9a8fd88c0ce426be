#!/bin/sh
# molstar.sh FOLDER: fetches the Mol* viewer with pip, as the Python package molstar-cli carries it, and checks it by SHA-256.
# FOLDER gets molstar.js, molstar.css, dark.css, LICENSE and VERSION; `rnatune report` puts them into its page.  Mol* is under the
# MIT licence and is not part of this project.  One line says why when it cannot be had.
set -eu
package=molstar-cli version=0.0.1
sha256=f5594c3932189bd8b58445050b14f2518f358884dc71ad7ca43ec3a1dec781e6
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ ! -f "$folder/molstar.js" ] || exit 0
NAME='Mol*'
. "$(dirname "$(realpath "$0")")/pip_download.sh"
echo "fetching Mol* ($package $version)"
pip_download --only-binary :all: "$package==$version" ||
    give_up "it cannot be fetched: $(tail -1 pip.log)"
wheel=$(echo ./*.whl)
echo "$sha256  $wheel" | sha256sum --check --quiet 2>/dev/null || give_up "$(basename "$wheel") has another SHA-256 than $sha256"
python3 -m zipfile -e "$wheel" . || give_up "$(basename "$wheel") cannot be unpacked"
from=molstar_cli/static/molstar
cp "$from/LICENSE.molstar" "$folder/LICENSE"
cp "$from/VERSION" "$from/molstar.css" "$folder"
cp "$from/theme/dark.css" "$folder/dark.css"
cp "$from/molstar.js" "$folder/molstar.part"
mv "$folder/molstar.part" "$folder/molstar.js"   # last: its presence says that all is there
