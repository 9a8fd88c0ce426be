# what bash offers for half a command line, from the script that the program prints
run completion bash
expect_exit 0
mkdir folder 'two words'
: >weights.pt
: >words.csv
cp "$out" script
# offers WORD...: the last one is what is being typed
cat >ask.sh <<'END'
. ./script
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_rnatune
printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd, -
END
offers() {
    local expected=$1
    shift
    expect_same "$*: $(bash ask.sh "$@" 2>&1)" "$*: $expected"
}
offers 'package,pairs,predict' rnatune p
offers 'tune' rnatune tu
offers '--version' rnatune --v
offers 'inspect' rnatune help insp
offers 'thorough,usalign' rnatune score --search ''
offers 'cpu,cuda' rnatune predict --device c
offers 'fp32' rnatune predict --precision = f
offers 'bf16,fp32,reference' rnatune predict --precision =
offers '--sample,--select,--sequences' rnatune package --s
offers 'weights.pt' rnatune predict --checkpoint we
offers 'folder' rnatune predict --out fo
offers 'folder,two words' rnatune train lora --data ''
offers 'confidence,full,lora' rnatune train ''
offers 'lora' rnatune train --seed 3 l
offers 'average' rnatune lora a
offers 'folder' rnatune lora average folder fo
offers 'words.csv' rnatune compare weights.pt wo
offers 'phase1,phase2' rnatune tune --from ph
offers 'words.csv' rnatune convert weights.pt --dtype bf16 wo
offers 'bash' rnatune completion ''
offers '' rnatune package --title ''
offers '' rnatune predict --samples ''
offers '' rnatune nothing --o
# every option of every verb, as its help has them
run --help
for verb in $(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$out"); do
    "$BINARY" "$verb" --help | sed -n 's/^  \(-[a-z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' | sort >options
    expect_same "$verb: $(paste -sd, options)" "$verb: $(bash ask.sh rnatune "$verb" -- 2>&1)"
done
# as a shell that completes would do it
expect_same "$(bash -c '. ./script; complete -p rnatune')" 'complete -F _rnatune rnatune'
