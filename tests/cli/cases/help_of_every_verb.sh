run --help
verbs=$(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$out")
[ -n "$verbs" ] || note "no verbs in the overview"
for verb in $verbs; do
    run $verb --help
    expect_exit 0
    expect_stdout "usage: rnatune $verb"
    expect_stdout '-h, --help'
    [ "$(wc -L <"$out")" -le 100 ] || note "help of $verb is wider than 100 columns"
done
