run --version
expect_exit 0
expect_same "$(cat "$out")" "rnatune $(cat "$here/../../VERSION")"
run -V
expect_exit 0
