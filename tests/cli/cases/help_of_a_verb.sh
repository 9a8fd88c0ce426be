run help inspect
expect_exit 0
expect_stdout 'usage: rnatune inspect FILE [--config NAME|FILE] [--all] [--json]'
cp "$out" first
run inspect -h
expect_exit 0
expect_same "$(cat "$out")" "$(cat first)"
run help nothing-like-it
expect_exit 2
expect_stderr "unknown verb 'nothing-like-it'"
