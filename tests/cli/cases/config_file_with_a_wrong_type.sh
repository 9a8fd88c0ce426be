printf 'model:\n  pairformer:\n    n_blocks: many\n' >c.yaml
run init --config c.yaml --out x
expect_exit 1
expect_stderr "rnatune init: c.yaml: 'model.pairformer.n_blocks': expected an integer, found the text \"many\""
printf 'c_s: 1\nc_s: 2\n' >c.yaml
run init --config c.yaml --out x
expect_exit 1
expect_stderr "rnatune init: c.yaml:2:1: the key 'c_s' is given twice"
printf '{"c_s": 1,}' >c.json
run init --config c.json --out x
expect_exit 1
expect_stderr 'rnatune init: c.json:1:11: not valid JSON'
run init --config not/there.yaml --out x
expect_exit 1
expect_stderr 'rnatune init: not/there.yaml: cannot open: No such file or directory'
