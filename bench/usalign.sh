#!/bin/bash
# usalign.sh RNATUNE USALIGN PUZZLES [RUNS]: sequence-independent TM-scores of every model of every puzzle, user + system
# seconds of both programs in turn on one thread; prints each run's ratio and the median.
set -eu
rnatune=$1 usalign=$2 puzzles=$3 runs=${4:-9}
seconds() {
    local TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }'
}
all_by_usalign() {
    for model in "$puzzles"/*/*.pdb; do
        native=$(dirname "$model")/native.pdb
        [ "$model" = "$native" ] || "$usalign" "$model" "$native" -outfmt 2
    done
}
all_by_rnatune() { "$rnatune" score --metric kaggle1 --threads 1 --pred "$puzzles" --native "$puzzles"; }
printf 'run\trnatune_s\tusalign_s\tratio\n'
for run in $(seq "$runs"); do
    ours=$(seconds all_by_rnatune) theirs=$(seconds all_by_usalign)
    awk -v run="$run" -v a="$ours" -v b="$theirs" 'BEGIN { printf "%d\t%.3f\t%.3f\t%.3f\n", run, a, b, a / b }'
done | tee /dev/stderr | cut -f4 | sort -n | awk '{ ratio[NR] = $1 } END { print "median\t\t\t" ratio[int((NR + 1) / 2)] }'
