# ranks.sh: sourced by run.sh: several ranks, each with a device of its own and gradients from device to device, or one that
# they share, through the host's memory.  With RT_GPU the ranks take what devices there are, and where there are enough NCCL must
# carry, or is not installed.
mpi() {
    local n=$1 option=()
    shift
    command -v ssh >/dev/null || option=(--mca plm isolated)
    timeout 300 mpirun --allow-run-as-root --oversubscribe --bind-to none "${option[@]}" -n "$n" "$@"
}
small() {   # ranks: mpi N in front, or nothing
    "$@" "$BINARY" train lora --checkpoint tiny.safetensors --data set --split split.tsv --epochs 1 --crop 8 --cycles 1 \
        --rollout-steps 1 --lr 3e-3 --copies 1 --also confidence_head --ema 0.5 --validation-targets 1 \
        --threads 1 --device cuda "${train[@]}"
}
same_adapters() { cmp one_rank/final/adapter_model.safetensors "$1/final/adapter_model.safetensors"; }
said() { check "$1" 0 "$2" cat before; }
rows() { mpi "$ranks" "$@" ./cuda_ranks_test; }
ranks_everywhere() {   # what the run without NCCL says, and how it comes to that
    local why=$1
    shift
    train=(--accumulation $((ranks * each)) --out one_rank)
    check "one rank" 0 last_loss small
    train=(--accumulation "$each" --out without)
    check "$ranks ranks without NCCL" 0 "through the host's memory, not by NCCL ($why)" small mpi "$ranks" "$@"
    check "the bytes of one rank, through the host" 0 "" same_adapters without
    check "sums of $ranks ranks without NCCL" 0 "OK ] cuda_rows_of_ranks" rows "$@"
    check "sums of $ranks ranks" 0 "OK ] cuda_rows_of_ranks" rows
    train=(--accumulation "$each" --out ranks)
    check "$ranks ranks" 0 "gradients and weights go between ranks" small mpi "$ranks"
    cp out before
    check "the bytes of one rank" 0 "" same_adapters ranks
}
ranks_by_nccl() {   # on GPUs: what the run before it says
    if [ "$devices" -lt "$ranks" ]; then skip "NCCL: one GPU alone"
    elif grep -qF "libnccl.so.2 was not found" before; then skip "NCCL: libnccl.so.2 was not found"
    else said "NCCL carries what ranks exchange" "go between ranks from GPU to GPU by NCCL"
    fi
}
ranks_emulated() {
    said "three ranks on three devices" "go between ranks from GPU to GPU by NCCL 2.27.5"
    said "how to do without it is said before" "joining 3 GPUs by NCCL: a few seconds, at most 60; with RT_NCCL=0 in the environment it is not tried"
    said "each names its device" "rank 1, $(hostname): GPU 1, emulated device, PCI 0000:02:00.0"
    # NCCL that fails, hangs or carries wrong numbers is left, and the host carries the right ones
    without_nccl() {
        check "$1" 0 "not by NCCL ($2)" rows env RT_EMULATED_NCCL_SECONDS=1 "$3"
        cp out before
        said "$1: the sums are right" "OK ] cuda_rows_of_ranks"
    }
    without_nccl "no NCCL" "rank 0: libnccl.so.2 was not found" RT_EMULATED_NO_NCCL=1
    without_nccl "NCCL that joins all but one" "rank 1: NCCL: joining the ranks: unhandled system error" RT_EMULATED_NCCL_FAIL="join 1"
    without_nccl "NCCL that does not join" "rank 0: NCCL: joining the ranks did not end within 1 s" RT_EMULATED_NCCL_FAIL="join -1"
    without_nccl "wrong numbers to rank 0" "rank 0: NCCL: the first exchange, to rank 0, brought wrong numbers of rank 2" RT_EMULATED_NCCL_FAIL="wrong 2"
    without_nccl "wrong numbers from rank 0" "rank 1: NCCL: the first exchange, from rank 0, brought wrong numbers of rank 0" RT_EMULATED_NCCL_FAIL="lost 1"
    without_nccl "an exchange that hangs" "rank 2: NCCL: the first exchange, from rank 0, did not end within 1 s" RT_EMULATED_NCCL_FAIL="hang 2"
    one_without() { mpi 3 bash -c '[ "$OMPI_COMM_WORLD_RANK" != 1 ] || export RT_NCCL=0; exec ./cuda_ranks_test'; }
    check "RT_NCCL=0 on one machine" 0 "not by NCCL (RT_NCCL=0)" one_without
    check "ranks on one device" 0 "3 ranks share 1 GPU: those on one divide its memory and take turns" rows env RT_EMULATED_DEVICES=1
    # a scheduler shows each rank another device, which is number 0 to it
    own_device() { mpi 3 bash -c 'RT_EMULATED_DEVICES=1 RT_EMULATED_FIRST=$OMPI_COMM_WORLD_RANK exec ./cuda_ranks_test'; }
    check "a device that each rank sees alone" 0 "by NCCL 2.27.5" own_device
    unset RT_EMULATED_STAGE
    train=(--accumulation 2 --dry-run)
    check "what NCCL takes is planned for" 0 "CUDA and its libraries	960.1" small mpi 2
    mixed() { small mpi 2 bash -c '[ "$OMPI_COMM_WORLD_RANK" = 0 ] && device= || device="--device cpu"; exec "$@" $device' ranks; }
    check "ranks on a device and on the processor" 2 "rank 1 computes on the processor, rank 0 on a GPU" mixed
    train=(--accumulation 2 --out refused)
    check "NCCL that refuses later" 1 "rank 1: NCCL: gradients to rank 0: unhandled system error" small mpi 2 env RT_EMULATED_NCCL_FAIL="send 1"
    cp out before
    check "is one line, of every rank's" 0 "1" grep -c "train: " before
    train=(--accumulation 2 --out failed)
    check "a device that fails while others wait for it" 1 "rank 1: CUDA: waiting for the other ranks' devices" small mpi 2 env \
        RT_EMULATED_NCCL_FAIL="run 1"
    printf 'target_id,sequence\na,%s\nb,%s\n' "$(printf 'ACGU%.0s' {1..8})" "$(printf 'ACGU%.0s' {1..8})" >both.csv
    both() {
        mpi 2 env RT_EMULATED_DEVICES="$1" "$BINARY" predict --checkpoint tiny.safetensors --sequences both.csv --samples 1 --steps 1 \
            --cycles 1 --threads 1 --device cuda --memory-limit "$3" --out "$2"
    }
    check "predict on two devices, each with its memory" 0 "b	32	" both 2 each "$total"
    cp out before
    check "each named once" 0 "2" grep -c "^rank " before
    check "predict on one, half of it for each" 1 "and no more may be used" both 1 half "$total"
    check "predict on one, twice as much" 0 "b	32	" both 1 twice "$((2 * total + 131072))"
}
if ! command -v mpirun >/dev/null || [ ! -e "$build/librnatune_mpi.so" ]; then
    skip "several ranks: no mpirun, or a build without MPI"
else
    cp "$build/test/op/cuda_ranks_test" "$build/librnatune_mpi.so" .
    unset RT_NCCL
    if [ -n "$gpu" ]; then
        ranks=2 each=2 devices=$("$BINARY" devices 2>/dev/null | grep -c "^cuda")
        ranks_everywhere "$([ "$devices" -lt 2 ] && echo "ranks share a GPU" || echo RT_NCCL=0)" env RT_NCCL=0
        ranks_by_nccl
    else
        ranks=3 each=1
        export RT_EMULATED_DEVICES=3 RT_EMULATED_STAGE=4096   # many pieces of small tensors
        ranks_everywhere "ranks share a GPU" env RT_EMULATED_DEVICES=1
        ranks_emulated
    fi
    unset RT_EMULATED_DEVICES
fi
