#!/bin/sh
# mpi.sh auto|0|1 OUT SOURCE FLAG...: the library that rnatune loads under mpirun.  auto: not made where there is no mpicc.
set -eu
mode=$1 out=$2 source=$3
shift 3
rm -f "$out"
[ "$mode" != 0 ] || exit 0
if ! command -v mpicc >/dev/null; then
    [ "$mode" != 1 ] || { echo "MPI=1, but mpicc was not found: apt-get install libopenmpi-dev openmpi-bin" >&2; exit 1; }
    exit 0
fi
echo "mpicc $source"
OMPI_CC=${CC:-cc} MPICH_CC=${CC:-cc} mpicc "$@" -fPIC -shared -o "$out" "$source"
