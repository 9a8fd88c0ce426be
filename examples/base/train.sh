#!/bin/sh
# train.sh RNATUNE OUT [EPOCHS]: how the shipped small base was made: 2.8 million parameters, from scratch, on 223 shipped structures.
# An hour on two quiet cores.  Stopped at any point and started again, it goes on and ends with the same bytes.
#   families.tsv  rnatune families --cm (tRNA, 5S, group II introns) --table (Rfam's table of PDB chains, 2023-06-27)
#   copies.tsv    what three rounds of `rnatune audit` found to be 3D copies across the split, given to --join
set -eu
rnatune=$(realpath "$1") out=$2 epochs=${3:-20}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
cd "$out"
[ -d set ] || "$rnatune" import --structures "$here/structures" --out set
"$rnatune" split --data set --families "$here/families.tsv" --sizes 75/15/10 --join "$here/copies.tsv" --out split.tsv
"$rnatune" audit --data set --split split.tsv --families "$here/families.tsv" >leaks.tsv
[ -f start.safetensors ] || "$rnatune" init --config "$here/base.json" --values start --out start.safetensors

resume() { [ ! -f "$1/checkpoints.json" ] || echo --resume; }
# shellcheck disable=SC2046
"$rnatune" train full --params '*' --checkpoint start.safetensors --data set --split split.tsv --out structure \
    --weight plddt=0 --weight pae=0 --weight pde=0 --weight resolved=0 --weight distogram=0.3 \
    --crop 48 --copies 12 --cycles 2 --accumulation 2 --epochs "$epochs" --lr 1.5e-3 --warmup 100 --schedule cosine --ema 0.995 \
    --template-dropout 1 --validation-targets 24 --keep-epochs 1 $(resume structure)
# shellcheck disable=SC2046
"$rnatune" train confidence --checkpoint structure/best.safetensors --data set --split split.tsv --out confidence \
    --crop 64 --accumulation 2 --epochs 8 --lr 2e-3 --schedule cosine --warmup 30 --rollouts 4 --rollout-steps 10 \
    --cache cache --views 2 --validation-targets 24 --keep-epochs 1 $(resume confidence)
"$rnatune" convert confidence/best.safetensors --dtype bf16 --out base.safetensors
