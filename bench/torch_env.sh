# torch_env.sh: sourced by scripts that measure the reference in PyTorch beside rnatune; `here` is this folder, `out` theirs.
#   RNAPRO_REF: a checkout of the reference; PYTHON: an interpreter with torch and requirements.txt
#   FEATURES: a folder that `torch_measure.py features` made elsewhere; else they are made, with a CCD cache in RNAPRO_GOLDEN
#   (build/reference), which is made too; THREADS
python=${PYTHON:-python3} features=${FEATURES:-$out/features}
: "${RNAPRO_GOLDEN:=$here/../build/reference}" "${THREADS:=$(nproc)}"
export RNAPRO_GOLDEN
mkdir -p "$out"
torch() { OMP_NUM_THREADS=$THREADS "$python" "$here/torch_measure.py" "$@" --msa "${MSA:-64}"; }
# features_of TOKENS: makes them where there are none; else the reason is the last line of out/features.log
features_of() {
    [ -s "$features/$1/features.safetensors" ] || torch features "$features" --tokens "$1" >"$out/features.log" 2>&1
}
# torch_into FILE ARGUMENT...: what `measure` prints; its messages are in out/torch.log, the last of them are shown where it fails
torch_into() {
    local file=$1
    shift
    torch measure "$features" "$@" --reps "${REPS:-3}" --threads "$THREADS" 2>"$out/torch.log" | grep '^{' >"$file" ||
        { tail -5 "$out/torch.log" >&2; return 1; }
}
