#!/bin/sh
# demo.sh RNATUNE: the whole plan in minutes, on shipped structures and the shipped small base: import, families, split, audit,
# baseline, Phase 1, Phase 2, choices on validation, and base against Phase 1 against Phase 2 on held-out components.
# Stopped at any time, the same command goes on.
set -eu
rnatune=$1
here=$(dirname "$0")
out=${DEMO_OUT:-demo_out}
mkdir -p "$out"
"$rnatune" tune "$here/demo/plan.yaml" --out "$out" >"$out/summary.tsv"
awk -F '\t' 'NR > 1 { printf "%-34s %8s%s   %s\n", $1, $2, $3 == "NA" ? "" : "   " $3 " to " $4, $5 }' "$out/summary.tsv"
cat <<END

What really happened, up or down, is the table above. Everything is in $out/:
END
if [ -e "$out/report.html" ]; then echo "  $out/report.html           the report: open it in a browser"; fi
cat <<END
  $out/summary.json          the table: base, Phase 1 and Phase 2 on held-out components, with intervals
  $out/steps.json, logs/     every step, its inputs and its command lines, which can be run by hand
  $out/protocol.json         what was fixed before training

The shipped base is SMALL: 2.8 million parameters, an hour of training on two cores and 234 chains (examples/base/train.sh),
no MSA, no template, RibonanzaNet2 with random weights. It has learnt how nucleotides follow each other, not how an RNA
folds. With NVIDIA's checkpoints and an RTX 4090 the plan is examples/rtx4090.yaml:
  $rnatune tune rtx4090.yaml --dry-run
END
