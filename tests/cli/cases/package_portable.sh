# what a package carries runs on Ubuntu 22.04 and on any x86-64 processor: as binutils see it, and alone with glibc
for tool in readelf objdump; do command -v $tool >/dev/null || skip "no $tool"; done
needs_portable
model base.safetensors
run package --checkpoint base.safetensors --title "RNA test" --owner anna --competition rna-folding --out made --quiet
expect_exit 0
for f in made/dataset/rnatune made/dataset/lib__*; do
    newest=$(readelf -V --wide "$f" | grep -o 'Name: GLIBC_[0-9A-Za-z_.]*' | sed 's/Name: GLIBC_//' | sort -Vu | tail -1)
    [ "$(printf '%s\n2.35\n' "$newest" | sort -V | tail -1)" = 2.35 ] || note "$f wants GLIBC_$newest"
    for lib in $(readelf -d "$f" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case $lib in libc.so.6 | libm.so.6 | ld-linux-x86-64.so.2) continue ;; esac
        [ -e "made/dataset/lib__$lib" ] || note "$f needs $lib, which is not there"
    done
done
readelf -d made/dataset/rnatune | grep -q 'RPATH.*\$ORIGIN/lib' || note "no DT_RPATH"
# code that is not chosen at run time has no AVX instruction; of the vector kernels some have
for name in main rt_csv_next rt_kmedoids_find rt_choose_weights rt_bootstrap_run; do
    objdump -d --no-show-raw-insn --disassemble=$name made/dataset/rnatune >code.txt
    [ "$(grep -c '^ .*:' code.txt)" -gt 20 ] || note "$name is not in the program"
    grep -qE '[[:space:]]v[a-z0-9]+ .*%[xyz]mm' code.txt && note "$name has AVX instructions"
done
expect_same "$(grep -ao -- '-march=[a-z0-9_-][a-z0-9_-]*' made/dataset/rnatune | sort -u)" -march=x86-64
# alone in a root of its own: glibc's files, the package's, and nothing else
unshare -n -m -p -f true 2>/dev/null || { echo "    (not run in a root of its own: unshare is not permitted)"; exit 0; }
mkdir -p bare/lib64 bare/lib/x86_64-linux-gnu bare/app/lib bare/proc bare/tmp
for f in /lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/libm.so.6 /lib64/ld-linux-x86-64.so.2; do
    [ -e "$f" ] || { echo "    (not run in a root of its own: no $f)"; exit 0; }
    cp -L "$f" "bare$f"
done
cp made/dataset/rnatune base.safetensors bare/app
for f in made/dataset/lib__*; do cp "$f" "bare/app/lib/${f##*/lib__}"; done
chmod +x bare/app/rnatune
printf 'target_id,sequence\nR1,GGGGAAACCC\n' >bare/app/s.csv
cat >alone.sh <<'END'
mount -t proc proc bare/proc &&
    LD_BIND_NOW=1 chroot bare /app/rnatune predict --checkpoint /app/base.safetensors --sequences /app/s.csv --out /tmp/f --cycles 1 \
        --steps 5 --samples 1 --quiet
END
unshare -n -m -p -f sh alone.sh >said 2>&1 || note "alone it fails: $(tail -1 said)"
expect_same "$(wc -l <bare/tmp/f/submission.csv)" 11
