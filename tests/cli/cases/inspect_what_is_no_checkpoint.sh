echo "this is text" >x.pt
run inspect x.pt
expect_exit 1
expect_no_stdout
expect_stderr 'rnatune inspect: x.pt: '
: >empty.pt
run inspect empty.pt
expect_exit 1
