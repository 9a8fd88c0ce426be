header='{"evil\u001b[2J\tname":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
{ printf "\\x$(printf %x ${#header})\\0\\0\\0\\0\\0\\0\\0"; printf '%s' "$header"; printf '\0\0\0\0'; } >e.safetensors
run inspect e.safetensors --all
expect_exit 0
expect_stdout "$(printf 'tensor\tevil?[2J?name\t1\tF32\t1')"
expect_same "$(grep -c "$(printf '\033')" "$out" "$err" | cut -d: -f2 | tr '\n' ' ')" "0 0 "
