run inspect nowhere.pt
expect_exit 1
expect_no_stdout
expect_stderr 'rnatune inspect: nowhere.pt: FILE: no such file'
mkdir folder
run inspect folder
expect_exit 1
expect_stderr 'rnatune inspect: folder: FILE is a folder, a file was expected'
