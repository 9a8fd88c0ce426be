run --help
for verb in $(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$out"); do
    run $verb --man
    expect_exit 0
    expect_stdout ".SH SYNOPSIS"
    expect_stdout ".SH EXIT STATUS"
    if command -v groff >/dev/null; then
        groff -man -Tascii -ww "$out" >page 2>warnings
        [ ! -s warnings ] || note "groff on $verb: $(head -3 warnings)"
        grep -qi "rnatune-$verb" page || note "man page of $verb is empty"
    fi
done
