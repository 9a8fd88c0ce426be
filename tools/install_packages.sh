#!/bin/sh
# install_packages.sh "HEADERS" "PACKAGES": installs the Debian packages unless every header is already there.
set -eu
missing=""
for header in $1; do
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\n' "$header" \
        | "${CC:-cc}" -E -x c - >/dev/null 2>&1 || missing="$missing $header"
done
[ -n "$missing" ] || exit 0
echo "installing packages, because these headers are missing:$missing"
as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "run as root, or install by hand: apt-get install $2" >&2; exit 1; }
    as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $2
