# adapters go both ways between rnatune and PyTorch's PEFT on the reference's modules (tools/peft_check.py)
python=${PYTHON:-python3}
[ -n "${RNAPRO_REF:-}" ] || skip "no RNAPRO_REF: a checkout of the reference"
"$python" -c 'import peft, torch, safetensors, ml_collections' 2>/dev/null || skip "$python has no torch with peft"
golden=$(realpath -m "$here/../../../shared/golden")
needs "$golden/make/tiny.py"
. "$here/make_set.sh"
cp "$golden/tiny/tiny.pt" .
# shellcheck disable=SC2086
run train lora ${SMALL/tiny.safetensors/tiny.pt} --copies 2 --also confidence_head --out run
expect_exit 0
"$python" "$here/../../tools/peft_check.py" "$BINARY" "$golden" "$PWD/scratch" "$PWD/run/best" >check.out 2>check.err ||
    { note "peft_check failed"; { grep MISS check.out; tail -3 check.err; } >>"$bad"; }
expect_same "$(grep -c '^ok' check.out)" 12
