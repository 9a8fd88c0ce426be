model m.safetensors
run convert m.safetensors --out t.safetensors
expect_exit 0
expect_stdout "$(printf 'file\ttensors\tparameters\tbytes\tsha256')"
expect_stdout "$(sha256sum t.safetensors | cut -d' ' -f1)"
expect_stderr 'convert: '
[ -s t.safetensors.run.json ] || note "no t.safetensors.run.json"
grep -q "$(sha256sum m.safetensors | cut -d' ' -f1)" t.safetensors.run.json || note "run.json lacks the source's SHA-256"
grep -q '"from": "default"' t.safetensors.run.json || note "run.json lacks where options came from"
run convert t.safetensors --out again.safetensors --quiet
expect_exit 0
expect_same "$(cat "$err")" ""
