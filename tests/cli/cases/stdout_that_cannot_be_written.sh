[ -e /dev/full ] || skip "no /dev/full"
"$BINARY" version >/dev/full 2>"$err"
code=$? ran="rnatune version >/dev/full"
expect_exit 1
expect_stderr 'rnatune: cannot write to stdout'
