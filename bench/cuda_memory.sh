# cuda_memory.sh: sourced by cuda.sh: runs under nvidia-smi's eye, and what they take beside what their plan said.
#   Of cuda.sh: binary, device, limit, out, work, and ours, which runs rnatune.

# The GPU that --device cuda takes, as nvidia-smi names it: its numbers may have another order.
uuid=$([ "$device" != cuda ] || "$binary" devices --json 2>/dev/null | sed -n 's/.*"uuid": "\(.*\)".*/\1/p' | head -1)
# MiB in use on that GPU by all processes; nothing where nvidia-smi does not say
gpu_used() { [ -z "$uuid" ] || nvidia-smi --id="$uuid" --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null | grep -x '[0-9]*' || true; }

# watched FILE COMMAND...: runs it; FILE is then the most MiB that it took, or empty: what was in use before is taken off
watched() {
    local file=$1 most=0 used before
    shift
    before=$(gpu_used)
    "$@" >/dev/null &
    while kill -0 $! 2>/dev/null; do
        used=$(gpu_used)
        [ "${used:-0}" -le "$most" ] || most=$used
        sleep 0.2
    done
    if [ "$most" -gt 0 ]; then echo $((most - ${before:-0})); fi >"$file"
    wait $!
}

# run_predict FILE OPTION...: the run's record as FILE.json, and FILE.mib of watched
run_predict() {
    local file=$1
    shift
    watched "$file.mib" ours predict "$@" --out "$file.folder" || { echo "predict failed" >&2; return 1; }
    mv "$file.folder/run.json" "$file.json"
    rm -r "$file.folder"
}

# random_rna N [ID...]: a sequences file with the same N random nucleotides for each
random_rna() {
    local n=$1
    shift
    LC_ALL=C awk -v n="$n" -v ids="${*:-r$n}" 'BEGIN {
        srand(1)
        for (i = 0; i < n; i++) rna = rna substr("ACGU", int(4 * rand()) + 1, 1)
        print "target_id,sequence"
        for (i = 1; i <= split(ids, id, " "); i++) print id[i] "," rna }'
}

# make_chains FOLDER: three chains of 476 nt, a riboswitch's (4KQY) four times over, 70 A between them
make_chains() {
    local chain
    mkdir -p "$1"
    for chain in 1 2 3; do
        gzip -dc "$here/../examples/demo/structures/4kqy.pdb.gz" | LC_ALL=C awk '
            /^ATOM/ {
                if (substr($0, 23, 5) != last) residues++
                last = substr($0, 23, 5)
                line[++n] = $0
                number[n] = residues
            }
            END {
                for (copy = 0; copy < 4; copy++)
                    for (i = 1; i <= n; i++)
                        printf "ATOM  %5d%sA%4d    %8.3f%s\n", copy * n + i, substr(line[i], 12, 10), copy * residues + number[i],
                            substr(line[i], 31, 8) + 70 * copy, substr(line[i], 39)
                print "END"
            }' >"$1/made$chain.pdb"
    done
}

# memory_row RUN PRECISION TOKENS SECONDS SECONDS_A_STEP PLAN FILE: of them and of what FILE says, in MiB: ok, or what is wrong
memory_row() {
    awk -v row="$1	$2	$3	$4	$5" -v plan="$6" -v limit="$limit_mib" -v most="$(cat "$7")" 'BEGIN {
        printf "%s\t%.0f\t%.0f\t", row, limit, plan
        if (most == "") { print "-\t-\tnot measured"; exit }
        off = most / plan
        bad = most > limit ? "above the limit" : off < 0.95 || off > 1.05 ? "the plan is off by more than 5%" : ""
        printf "%d\t%.3f\t%s\n", most, off, bad ? bad : "ok" }'
}

# Training as it is: trunk cycles, rollout or noised copies, loader, losses, backward, clipping, Adam; three steps of one sample.
train_row() {
    local phase=$1 precision=$2 crop=$3 file=$out/train.$1.$2.$3 plan seconds step
    set -- train "$phase" --data "$out/set" --no-split --crop "$crop" --epochs 1 --accumulation 1 --precision "$precision"
    [ -z "${TRAIN_CYCLES:-}" ] || set -- "$@" --cycles "$TRAIN_CYCLES"
    [ "$phase" != lora ] || set -- "$@" --copies "${COPIES:-48}"
    rm -rf "$file.folder"
    { ours "$@" --dry-run >"$file.plan" && watched "$file.mib" ours "$@" --out "$file.folder"; } 2>"$file.log" ||
        { tail -3 "$file.log" >&2; return 1; }
    plan=$(awk -F'\t' '$1 == "in all, on the device" { print $2 }' "$file.plan")
    seconds=$(sed -n 's/^ "seconds": \([0-9.]*\),*$/\1/p' "$file.folder/run.json")
    step=$(sed -n 's/.*"event":"train".*"seconds":\([0-9.e-]*\).*/\1/p' "$file.folder/log.jsonl" |
        awk 'NR > 1 { sum += $1 } END { print (NR > 1 ? sum / (NR - 1) : "-") }')   # the first one loads kernels
    mv "$file.folder/log.jsonl" "$file.jsonl"
    rm -r "$file.folder"
    memory_row "train $phase" "$precision" "$crop" "$(printf %.1f "$seconds")" "$step" "$plan" "$file.mib"
}

predict_row() {
    local precision=$1 n=$2 file=$out/long.$1.$2 plan seconds
    random_rna "$n" >"$out/$n.csv"
    run_predict "$file" --precision "$precision" --sequences "$out/$n.csv" "${work[@]}" || return 1
    plan=$(sed -n 's/^ *"total": \([0-9]*\),*$/\1/p' "$file.json" | awk '{ print $1 / 1048576 }')
    [ -n "$plan" ] || return 1   # the target was refused, and the run's messages say why
    seconds=$(sed -n 's/^ "seconds": \([0-9.]*\),*$/\1/p' "$file.json")
    memory_row predict "$precision" "$n" "$(printf %.1f "$seconds")" - "$plan" "$file.mib"
}

# The table of every precision.  Fails with 3 when a row shows the limit broken or the plan wrong, with 1 when a run failed.
memory_table() {
    local precision n rows=$out/memory.tsv
    limit_mib=$(numfmt --from=iec "$limit" | awk '{ print $1 / 1048576 }')
    make_chains "$out/chains"
    "$binary" import --structures "$out/chains" --out "$out/set" --force --quiet >/dev/null || return 1
    printf 'run\tprecision\ttokens\tseconds\tseconds_a_step\tlimit_mib\tplan_mib\tnvidia_smi_mib\tratio\tresult\n' | tee "$rows"
    for precision in $precisions; do
        [ -z "$PHASE1" ] || train_row confidence "$precision" "$PHASE1" || echo "train confidence	$precision	$PHASE1	failed"
        [ -z "$PHASE2" ] || train_row lora "$precision" "$PHASE2" || echo "train lora	$precision	$PHASE2	failed"
        for n in ${PREDICT-512 1024 2000}; do predict_row "$precision" "$n" || echo "predict	$precision	$n	failed"; done
    done | tee -a "$rows"
    ! grep -q "	not measured$" "$rows" || echo "skip memory: nvidia-smi shows no ${uuid:-GPU that rnatune takes}"
    awk -F'\t' '$NF == "failed" { failed = 1 } $NF ~ /limit$|off by/ { wrong = 1 } END { exit failed ? 1 : wrong ? 3 : 0 }' "$rows"
}
