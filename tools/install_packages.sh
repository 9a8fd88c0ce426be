#!/bin/sh
# install_packages.sh "HEADERS" "PACKAGES" [COMMAND...]: installs the Debian packages unless every header and command is
# already there.
set -eu
missing=""
for header in $1; do
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\n' "$header" \
        | ${CC:-cc} -E -x c - >/dev/null 2>&1 || missing="$missing $header"
done
packages=$2
shift 2
for command in "$@"; do command -v "$command" >/dev/null || missing="$missing $command"; done
[ -n "$missing" ] || exit 0
echo "installing packages, because these are missing:$missing"
as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "run as root, or install by hand: apt-get install $packages" >&2; exit 1; }
    as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $packages
