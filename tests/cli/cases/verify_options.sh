run verify
expect_exit 2
expect_stderr "--golden"
run verify --golden $GOLDEN --case toy4_bare --json
expect_exit 0
expect_stdout '"misses": 0'
run verify --golden . 
expect_exit 1
expect_stderr "cases.json"
