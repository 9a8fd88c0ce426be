#!/bin/sh
# demo.sh RNATUNE: folds six shipped RNAs with the shipped small base, which saw none of their families in training, scores
# the folds against the experimental structures, and says where the results are.
set -eu
rnatune=$1
here=$(dirname "$0")/base
out=${DEMO_OUT:-demo_out}
"$rnatune" predict --checkpoint "$here/base.safetensors" --sequences "$here/held_out.csv" --out "$out"
"$rnatune" score --pred "$out" --native "$here/structures" --out "$out/scores" >/dev/null 2>&1 ||
    { "$rnatune" score --pred "$out" --native "$here/structures" --out "$out/scores" >/dev/null; exit 1; }
awk -F '\t' '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; print "\ntarget   residues  TM-score  lDDT (C1'"'"')  RMSD" ; next }
    $at["rank"] == 1 { printf "%-8s %8d  %8.3f  %10.3f  %4.1f A\n", $1, $at["length"], $at["tm_resid"], $at["lddt_c1"], $at["rmsd"]
                       n++; tm += $at["tm_resid"]; lddt += $at["lddt_c1"] }
    END { printf "%-8s %8s  %8.3f  %10.3f\n", "mean", "", tm / n, lddt / n }' "$out/scores/scores.tsv"
cat <<END

The folds are in $out/:
  $out/submission.csv        the competition's table, five models a target
  $out/4BW0_A/4BW0_A_sample_0.cif   one mmCIF a sample, best first (any viewer opens it)
  $out/4BW0_A/summary.json   every score of every sample, and what the target was given
  $out/scores/scores.tsv     TM-score, lDDT, RMSD, INF of every sample against the experimental structure
  $out/run.json              the command, its options and inputs, time and memory

The shipped base is SMALL: 2.8 million parameters, an hour of training on two cores and 234 chains (examples/base/train.sh),
no MSA, no template, RibonanzaNet2 with random weights. It has learnt how nucleotides follow each other, not how an RNA
folds. With NVIDIA's checkpoint the same command folds RNA:
  $rnatune predict --checkpoint rnapro_base.pt --ribonanza ribonanzanet2_checkpoint --sequences test_sequences.csv \\
      --msa-dir MSA --templates template_features.pt --out folds
END
