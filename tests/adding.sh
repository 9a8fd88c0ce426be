#!/bin/bash
# adding.sh TREE [--build]: docs/adding.md, followed.  Its blocks are applied to a copy of TREE; every file and function that it
# names must be there.  What the blocks touch is compiled; with --build the copy is built and the tests of the new op and the new
# augmentation run.
#   ```diff file=PATH     lines ' ' and '-' must stand in PATH together, once; they become the lines ' ' and '+'
#   ```c file=PATH new    the whole of a new file
set -eu
tree=$(realpath "$1") build=${2:-}
page=$tree/docs/adding.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy=$scratch/tree
mkdir "$copy"
bad=0
fail() { echo "adding.sh: $*" >&2; bad=1; }
[ ! -d "$tree/../shared" ] || ln -s "$(realpath "$tree/../shared")" "$scratch/shared"   # data that some tests need
ln -s "$tree/examples" "$tree/tests" "$copy"
cp -r "$tree/src" "$tree/include" "$tree/data" "$tree/tools" "$tree/docs" "$tree/Makefile" "$tree/VERSION" "$tree/LICENSE" "$copy"
mkdir "$copy/blocks"
awk -v folder="$copy/blocks" '
    /^```(diff|c) file=/ { out = sprintf("%s/%03d", folder, ++n) }
    /^```$/ { out = "" }
    out != "" { print > out }' "$page"
[ "$(ls "$copy/blocks" | wc -l)" -gt 10 ] || fail "docs/adding.md has no blocks"
touched=()
for block in "$copy"/blocks/*; do
    read -r _ file kind <"$block"
    file=${file#file=}
    touched+=("$file")
    if [ "${kind:-}" = new ]; then
        [ ! -e "$copy/$file" ] || fail "$file is there already"
        tail -n +2 "$block" >"$copy/$file"
        continue
    fi
    perl -e '
        my ($block, $path) = @ARGV;
        local $/;
        open my $in, "<", $block; my ($old, $new) = ("", "");
        for (split /\n/, <$in>) {
            next if /^```/;
            $old .= substr($_, 1) . "\n" if /^[ -]/;
            $new .= substr($_, 1) . "\n" if /^[ +]/;
        }
        open my $f, "<", $path or die "$path is not there\n"; my $text = <$f>;
        my $n = () = $text =~ /^\Q$old\E/mg;
        die "these lines stand $n times in it, not once:\n$old" if $n != 1;
        $text =~ s/^\Q$old\E/$new/m;
        open my $out, ">", $path; print $out $text;
    ' "$block" "$copy/$file" || fail "$file: docs/adding.md no longer fits"
done
# what the page names: files, and functions or words of these files
grep -o '`[a-z]*/[a-zA-Z0-9_./*]*`' "$page" | tr -d '`' | sort -u | while read -r name; do
    compgen -G "$copy/${name%/}" >/dev/null || [ -e "$tree/$name" ] || echo "$name"
done >"$copy/missing"
grep -o '`rt_[a-z0-9_]*`' "$page" | tr -d '`' | sort -u | while read -r name; do
    grep -rqw -- "$name" "$copy/src" || [ "$name" = rt_op_soft_cap ] || echo "$name"
done >>"$copy/missing"
# the table of the head: what stands in the third column is in the file of the second
grep '^| .* | `src/' "$page" | while IFS='|' read -r _ _ files words _; do
    for word in $(echo "$words" | tr -d '`,'); do
        for file in $(echo "$files" | tr -d '`,'); do grep -q -- "$word" "$copy/$file" && continue 2; done
        echo "$word in $files"
    done
done >>"$copy/missing"
while read -r name; do fail "docs/adding.md names $name, which is not there"; done <"$copy/missing"
[ $bad -eq 0 ] || exit 1
cd "$copy"
FLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Werror -fopenmp-simd -Isrc -Iinclude"   # as the Makefile has them
if [ "$build" != --build ]; then
    for file in $(printf '%s\n' "${touched[@]}" src/op/cpu_table.c | grep '\.c$' | sort -u); do
        real=
        case $file in src/op/cpu_ref*) real=-DRT_REAL=double ;; esac
        # shellcheck disable=SC2086
        ${CC:-gcc} $FLAGS $real -fsyntax-only "$file" || fail "$file does not compile"
    done
    for file in $(printf '%s\n' "${touched[@]}" src/op/cuda_table.cu | grep '\.cu$' | sort -u); do
        ${CXX:-g++} -x c++ -std=gnu++17 -Wall -Wextra -Wshadow -Werror -DRT_CUDA_EMULATED -Isrc -Iinclude -fsyntax-only "$file" ||
            fail "$file does not compile"
    done
    [ $bad -eq 0 ] && echo "docs/adding.md holds: ${#touched[@]} blocks"
    exit $bad
fi
TESTS="op/op_test op/op_gradient_test prep/augment_test prep/augment_set_test prep/augment_claims_test"
make -s CUDA=0 build/rnatune $(printf 'build/test/%s ' $TESTS) >make.log 2>&1 || { tail -20 make.log >&2; exit 1; }
build/rnatune augment --list | grep -q '^tail' || fail "augment --list does not show the new one"
for test in $TESTS; do
    "build/test/$test" >test.log 2>&1 || { grep -E 'ERROR|FAILED|!=' test.log >&2; fail "$test fails with docs/adding.md applied"; }
done
[ $bad -eq 0 ] && echo "docs/adding.md holds: built, and the tests of what it adds pass"
exit $bad
