# what cannot be one run of several processes is refused in one line, and nothing is written
model tiny.safetensors
# as mpirun says it: a program without MPI does not begin
mkdir alone
cp "$BINARY" alone/rnatune
printf 'target_id,sequence\na,GGCCAAGG\n' >s.csv
for name in OMPI_COMM_WORLD_SIZE PMI_SIZE; do
    env $name=2 ./alone/rnatune predict --checkpoint tiny.safetensors --sequences s.csv --out o >o.out 2>o.err
    expect_same $? 1
    grep -q 'mpirun started 2 processes, but this rnatune knows no MPI' o.err || note "stderr: $(cat o.err)"
    grep -q "hint: build it with 'make MPI=1'" o.err || note "there is no hint"
done
env OMPI_COMM_WORLD_SIZE=1 ./alone/rnatune predict --checkpoint tiny.safetensors --sequences s.csv --steps 1 --out o >o.out 2>o.err
expect_same $? 0
rm -r o
env OMPI_COMM_WORLD_SIZE=2 "$BINARY" score --pred a --native b --out o >o.out 2>o.err
expect_same $? 2
grep -q 'this verb is one process, and mpirun started 2' o.err || note "stderr: $(cat o.err)"
needs_mpi
ranks 2 predict --checkpoint tiny.safetensors --sequencs s.csv --out o
expect_exit 2
expect_same "$(grep -c "unknown option '--sequencs'" "$err")" 1
ranks 2 predict --checkpoint none.safetensors --sequences s.csv --out o
expect_same "$(grep -c 'rnatune predict: .*none.safetensors' "$err")" 1
ranks 2 predict --help
expect_exit 0
expect_same "$(grep -c '^usage:' "$out")" 1
. "$here/make_set.sh"
ranks 8 train confidence $SMALL --out o
expect_exit 2
expect_stderr '7 training targets are too few for 8 ranks'
expect_stderr "'mpirun -n 7' at most"
expect_same "$(grep -c 'too few' "$err")" 1
[ ! -e o/checkpoints.json ] || note "something was written"
# a run goes on with another number of ranks only where a step takes as many samples
ranks 2 train confidence $SMALL --out o --epochs 1
expect_exit 0
ranks 2 train confidence $SMALL --out o
expect_exit 2
expect_same "$(grep -c 'holds a training run already' "$err")" 1
run train confidence $SMALL --out o --epochs 1 --resume
expect_exit 1
expect_stderr 'with other settings'
run train confidence $SMALL --accumulation 4 --epochs 1 --out o --resume
expect_exit 0
# ranks that were told different things, or have different files
differ() { # WHAT COMMON -- OF-RANK-0 -- OF-RANK-1
    mpirun_of 1 $2 $3
    "${mpirun[@]}" : -n 1 "$BINARY" $2 $4 >"$out" 2>"$err" </dev/null
    code=$? ran="mpirun $2 $3 : $4"
    expect_exit 1
    expect_same "$(grep -c "rnatune .*: $1" "$err")" 1
}
differ 'rank 1 has other settings than rank 0' "train confidence $SMALL --out p" "--seed 1" "--seed 2"
"$BINARY" init --config "$DATA/tiny_config.json" --seed 3 --out other.safetensors --quiet >/dev/null
differ 'rank 1 has another base checkpoint than rank 0' "train confidence $SMALL --out p" "" "--checkpoint other.safetensors"
printf 'target_id,sequence\na,GGCCAAGC\n' >s2.csv
differ 'rank 1 has other inputs or options than rank 0' "predict --checkpoint tiny.safetensors --out p --steps 2" "--sequences s.csv" \
    "--sequences s2.csv"
[ ! -e p/checkpoints.json ] || note "something was written"
# what one rank alone meets ends all of them, in its words
differ 'no.csv: rank 1: ' "predict --checkpoint tiny.safetensors --out p --steps 2" "--sequences s.csv" "--sequences no.csv"
