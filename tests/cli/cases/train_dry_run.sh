# what --dry-run says of memory is what the run then holds within 1% (a crop's nucleotides have 20 to 23 atoms); its hours
# add up
. "$here/make_set.sh"
# plan NAME ARGUMENT...: the activations that --dry-run plans (MiB, two digits) against run.json's
plan() {
    local folder=$1 planned held
    shift
    # shellcheck disable=SC2086
    run train "$@" $SMALL --dry-run
    expect_exit 0
    [ ! -e "$folder" ] || note "--dry-run wrote something"
    cp "$out" "$folder.plan"
    cp "$err" "$folder.plan.err"
    planned=$(awk -F'\t' '/^activations/ { print $2 }' "$out")
    # shellcheck disable=SC2086
    run train "$@" $SMALL --out "$folder" --epochs 1
    expect_exit 0
    held=$(sed -n 's/.*"peak_activation_bytes": *\([0-9]*\).*/\1/p' "$folder/run.json")
    awk -v a="$planned" -v b="$held" 'BEGIN { b /= 1048576; exit !(a > 0.99 * b && a < 1.01 * b) }' ||
        note "$planned MiB were planned, $held bytes were held"
    planned_mib=$planned
}
plan head confidence
awk -F'\t' '/^seconds for the longest/ { a = $2 } /^seconds for a shorter/ { b = $2 } END { exit !(a > 0 && b > 0) }' head.plan ||
    note "two lengths were not measured"
awk -F'\t' '/^hours per epoch/ { a = $2 } /^hours in all, 3 epochs/ { b = $2 } END { exit !(b >= 3 * a - 0.0003) }' head.plan ||
    note "the hours do not add up"
# four held-out samples cost something beside seven that train: 11 epochs' worth of them in all, in a run of ten
awk -F'\t' '/^seconds for a shorter/ { s = $2 } /^of that, a training/ { t = $2 } /^of that, a held-out/ { h = $2 }
    /^hours per epoch/ { e = 3600 * $2 } END { least = 0.8 * s * (7 * t + 4 * h) - 0.2; exit !(e >= least && h > 0) }' head.plan ||
    note "the held-out samples are not in the hours"
plan trunk full --params 'pairformer_stack,diffusion_module.*' --copies 2 --keep-every 1
small=$planned_mib
plan kept full --params 'pairformer_stack,diffusion_module.*' --copies 2
grep -q 'all activations are kept' kept.plan.err || note 'a small network is not kept whole'
awk -v a="$small" -v b="$planned_mib" 'BEGIN { exit !(b > 1.01 * a) }' || note "checkpointing saves nothing: $small and $planned_mib MiB"
# the recycled single reaches no pair; what begins with its name does
# shellcheck disable=SC2086
run train full $SMALL --params 'linear_no_bias_s*,layernorm_s,layernorm_z*' --copies 2 --dry-run
expect_exit 0
reaches() { expect_same "$(awk -F'\t' -v m="$1" '$1 == m { print $4 }' "$out")" "$2"; }
s_alone='coordinates, confidence (s alone: not the distogram or contacts)'
reaches linear_no_bias_s "$s_alone"
reaches layernorm_s "$s_alone"
reaches layernorm_z_cycle 'coordinates, distogram, contacts, confidence'
reaches linear_no_bias_sinit 'coordinates, distogram, contacts, confidence'
plan single lora --copies 16 --keep-every 1
small=$planned_mib
plan batch lora --copies 16 --copies-at-once 16 --keep-every 1
awk -v a="$small" -v b="$planned_mib" 'BEGIN { exit !(b > 1.1 * a) }' || note "a batch of copies takes nothing: $small and $planned_mib MiB"
