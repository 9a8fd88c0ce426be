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
