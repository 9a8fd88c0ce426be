#!/bin/sh
# portable_libstdcxx.sh FILE: links the compiler's own libstdc++ objects once more, into a libstdc++.so.6 for older systems.
#
# Debian 12's libstdc++.so.6 wants arc4random of glibc 2.36 (for std::random_device, which nothing here uses), so the program
# would not start on Ubuntu 22.04, the base of Kaggle's image.  libstdc++_pic.a holds the same objects for exactly this; here
# arc4random is a few lines over getrandom, and what remains wants glibc 2.34.  Where the system's own library is old enough
# nothing is made, and the program and `rnatune package` take that one.
set -eu
out=$1
cc=${CC:-gcc}
whole=$($cc -print-file-name=libstdc++.a)
archive=$($cc -print-file-name=libstdc++_pic.a)
map=$($cc -print-file-name=libstdc++_pic.map)
own=$($cc -print-file-name=libstdc++.so.6)
give_up() {
    echo "$1: the program runs with the system's libstdc++, which 'rnatune package' may refuse" >&2
    exit 0
}
[ -f "$own" ] && ! grep -aqE 'GLIBC_2\.(3[6-9]|[4-9][0-9])' "$own" && exit 0
package=libstdc++-$($cc -dumpversion | cut -d. -f1)-pic
if [ ! -f "$archive" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $package"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package"; } >/dev/null 2>&1 || true
    archive=$($cc -print-file-name=libstdc++_pic.a)
    map=$($cc -print-file-name=libstdc++_pic.map)
fi
if [ ! -f "$archive" ] || [ ! -f "$map" ] || [ ! -f "$whole" ]; then give_up "no libstdc++_pic.a (apt-get install $package)"; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/arc4random.c" <<'END'
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
uint32_t arc4random(void);
uint32_t arc4random(void)
{
    uint32_t value;
    if (getrandom(&value, sizeof value, 0) != sizeof value) abort();
    return value;
}
END
$cc -O2 -fPIC -c -o "$scratch/arc4random.o" "$scratch/arc4random.c"
(cd "$scratch" && ar x "$whole" compatibility.o)   # istream::ignore(long), which the other archive lacks and oneDNN wants
$cc -shared -o "$scratch/libstdc++.so.6" -Wl,-soname,libstdc++.so.6 -Wl,-z,relro -Wl,--version-script="$map" \
    "$scratch/arc4random.o" "$scratch/compatibility.o" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive -lm -lgcc_s
# everything that oneDNN wants of it is there
printf '#include <dnnl.h>\nint main(void) { return dnnl_version() == 0; }\n' >"$scratch/try.c"
$cc -o "$scratch/try" "$scratch/try.c" -ldnnl
LD_LIBRARY_PATH=$scratch LD_BIND_NOW=1 "$scratch/try" 2>"$scratch/why" || give_up "$(tail -1 "$scratch/why")"
mv "$scratch/libstdc++.so.6" "$out"
