#!/bin/sh
# demo.sh RNATUNE: folds six shipped RNAs with the shipped small checkpoint, scores the folds against the experimental
# structures, and says where the results are.
set -eu
rnatune=$1
here=$(dirname "$0")/demo
out=${DEMO_OUT:-demo_out}
"$rnatune" predict --checkpoint "$here/demo_noise.safetensors" --sequences "$here/sequences.csv" --out "$out"
"$rnatune" score --pred "$out" --native "$here/structures" --out "$out/scores" >/dev/null
best=$(ls "$out"/2QWY_A/2QWY_A_sample_0.cif)
cat <<END

The folds are in $out/:
  $out/submission.csv                 the competition's table, five models a target
  $best   one mmCIF a sample, best first (any viewer opens it)
  $out/2QWY_A/summary.json            every score of every sample, and what the target was given
  $out/scores/scores.tsv              TM-score, lDDT, RMSD, INF of every sample against the experimental structure
  $out/run.json                       the command, its options and inputs, time and memory

These folds are NOISE: the shipped checkpoint has random weights (no trained small base exists yet), so the demo shows
the program, not its accuracy. With NVIDIA's checkpoint the same command folds RNA:
  $rnatune predict --checkpoint rnapro_base.pt --ribonanza ribonanzanet2_checkpoint --sequences test_sequences.csv \\
      --msa-dir MSA --templates template_features.pt --out folds
END
