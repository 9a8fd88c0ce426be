# SIGKILL of one rank at random moments (RT_KILLS of them, 4): mpirun ends, the last checkpoint is whole, and what goes on, with
# as many ranks or another number, ends with the bytes of a run that was left alone
. "$here/make_set.sh"
needs_mpi
kills=${RT_KILLS:-4} done_kills=0 went_on=0
ranks 2 train confidence $SMALL --accumulation 1 --out whole --threads 1
expect_exit 0
while [ "$done_kills" -lt "$kills" ]; do
    case $((done_kills % 3)) in 0 | 1) how="2 --accumulation 1" ;; 2) how="1 --accumulation 2" ;; esac
    # shellcheck disable=SC2086
    mpirun_of ${how%% *} train confidence $SMALL ${how#* } --out part --resume --save-minutes 0.00001 --threads 1
    "${mpirun[@]}" >part.out 2>part.err </dev/null &
    pid=$!
    sleep 1.$((RANDOM % 9))$((RANDOM % 10))
    victim=$(rank_processes $pid | sed -n "$((1 + RANDOM % ${how%% *}))p")
    if [ -n "$victim" ] && kill -KILL "$victim" 2>/dev/null; then
        done_kills=$((done_kills + 1))
        wait $pid && [ ! -e part/final.safetensors ] && note "mpirun says that all is well without a rank"
    fi
    wait $pid 2>/dev/null
    grep -q 'goes on after step' part.err && went_on=$((went_on + 1))
    if [ -e part/final.safetensors ]; then # it was through: compare, and begin another
        # shellcheck disable=SC2086
        ranks 2 train confidence $SMALL --accumulation 1 --out part --resume --threads 1
        same_run whole part
        rm -rf part
    fi
done
ranks 2 train confidence $SMALL --accumulation 1 --out part --resume --threads 1
expect_exit 0
same_run whole part
[ "$went_on" -gt 0 ] || note "no run was taken up again"
# SIGTERM of one rank, SIGUSR1 of mpirun: all finish the same step, save and exit 0; one process goes on from there
for signal in TERM USR1; do
    mpirun_of 2 train confidence $SMALL --accumulation 1 --out $signal --threads 1
    "${mpirun[@]}" >part.out 2>part.err </dev/null &
    pid=$!
    for i in $(seq 400); do [ -s $signal/log.jsonl ] && break; sleep 0.02; done
    if [ $signal = TERM ]; then kill -TERM "$(rank_processes $pid | tail -1)"; else kill -USR1 $pid; fi
    wait $pid
    expect_same $? 0
    expect_same "$(grep -c 'stopped; the same command with --resume goes on' part.err)" 1
    grep -q '"stopped": true' $signal/run.json || note "run.json does not say that it was stopped"
    [ ! -e $signal/final.safetensors ] || note "it was not stopped"
    train_small $signal --resume
    expect_exit 0
    expect_stderr 'goes on after step'
    same_run whole $signal
done
