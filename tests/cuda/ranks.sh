# ranks.sh: sourced by run.sh: several ranks, each with a device of its own and gradients from device to device, or one that
# they share, through the host's memory.  With RT_GPU the ranks take what devices there are.
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
ranks_everywhere() {
    train=(--accumulation 4 --out one_rank)
    check "one rank" 0 last_loss small
    train=(--accumulation 2 --out two_ranks)
    check "two ranks" 0 "gradients and weights go between ranks" small mpi 2
    cp out before
    check "the bytes of one rank" 0 "" same_adapters two_ranks
}
ranks_emulated() {
    said "two ranks on two devices" "go between ranks from GPU to GPU by NCCL 2.27.5"
    said "each names its device" "rank 1, $(hostname): GPU 1, emulated device, PCI 0000:02:00.0"
    train=(--accumulation 2 --out one_device)
    check "two ranks on one device" 0 "through the host's memory, not by NCCL (ranks share a GPU)" small mpi 2 env RT_EMULATED_DEVICES=1
    cp out before
    said "that is said" "2 ranks share 1 GPU: those on one divide its memory and take turns"
    check "the bytes of one rank, through the host" 0 "" same_adapters one_device
    train=(--accumulation 2 --dry-run)
    check "what NCCL takes is planned for" 0 "CUDA and its libraries	960.1" small mpi 2
    check "no NCCL" 0 "not by NCCL (rank 0: libnccl.so.2 was not found)" small mpi 2 env RT_EMULATED_NO_NCCL=1
    check "NCCL that does not join" 0 "(rank 1: NCCL: joining the ranks: unhandled system error)" small mpi 2 env RT_EMULATED_NCCL_FAIL="init 1"
    # a scheduler shows each rank another device, which is number 0 to it
    own_device() { small mpi 2 bash -c 'RT_EMULATED_DEVICES=1 RT_EMULATED_FIRST=$OMPI_COMM_WORLD_RANK exec "$@"' ranks; }
    check "a device that each rank sees alone" 0 "by NCCL 2.27.5" own_device
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
    check "predict on one, half of it for each" 1 "and no more may be used" both 1 half "$total"
    check "predict on one, twice as much" 0 "b	32	" both 1 twice "$((2 * total + 131072))"
}
if ! command -v mpirun >/dev/null || [ ! -e "$build/librnatune_mpi.so" ]; then
    skip "several ranks: no mpirun, or a build without MPI"
else
    [ -n "$gpu" ] || export RT_EMULATED_DEVICES=2
    ranks_everywhere
    [ -n "$gpu" ] || ranks_emulated
    unset RT_EMULATED_DEVICES
fi
