run version
expect_exit 0
expect_stdout "$(printf 'name\tvalue')"
expect_stdout "$(printf 'version\t%s' "$(cat "$here/../../VERSION")")"
expect_stdout onednn
expect_stdout cuda
expect_stdout mpi
