# docs/adding.md, followed on a copy of the tree: its edits still fit, what they touch compiles, what it names is there
tree=$(realpath "$here/../..")
[ -e "$tree/docs/adding.md" ] || skip "no source tree"
command -v perl >/dev/null || skip "no perl"
"$tree/tests/adding.sh" "$tree" >"$out" 2>"$err"
code=$? ran="tests/adding.sh"
expect_exit 0
expect_stdout 'docs/adding.md holds'
