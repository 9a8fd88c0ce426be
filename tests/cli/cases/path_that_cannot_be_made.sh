touch in
run convert in --out no/such/folder/x.safetensors
expect_exit 1
expect_stderr "rnatune convert: no/such/folder/x.safetensors: --out cannot be made: there is no folder 'no/such/folder'"
expect_stderr "  hint: make it first: mkdir -p 'no/such/folder'"
mkdir there
run convert in --out there
expect_exit 1
expect_stderr 'rnatune convert: there: --out is a folder, a file was expected'
expect_stderr "  hint: give a file's name inside it"
