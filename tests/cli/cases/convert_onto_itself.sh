model t.safetensors
ln t.safetensors link.safetensors
before=$(sha256sum <t.safetensors)
for name in t.safetensors ./t.safetensors link.safetensors; do
    run convert t.safetensors --out $name
    expect_exit 2
    expect_stderr "rnatune convert: $name: is the input itself"
    expect_stderr '  hint: give another name with --out'
done
expect_same "$(sha256sum <t.safetensors)" "$before"
