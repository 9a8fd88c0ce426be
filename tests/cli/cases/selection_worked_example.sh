# 8 targets of 8 samples; every value was computed independently (NumPy, scipy.stats.spearmanr, all choices of 5 of 8)
row() { printf '%s\t%s\t%s\t%s' "$1" "$2" "$3" "$4"; }
set -- "$DATA/selection/scores.tsv" --pred "$DATA/selection/folds" --families "$DATA/selection/families.tsv"
run selection "$@" --pairwise "$DATA/selection/pairwise.tsv" --choose 5
expect_exit 0
expect_stdout "$(printf 'part\tname\tquantity\tvalue\tci95_low\tci95_high\tn')"
expect_stdout "$(row selector ranking_score top1 0.61632)"
expect_stdout "$(row selector ranking_score top1_loss 0.02204)"
expect_stdout "$(row selector ranking_score best5_gain 0.03248)"
expect_stdout "$(row selector plddt top1_loss 0.01539)"
expect_stdout "$(row selector ptm top1 0.61632)"
expect_stdout "$(row selector gpde top1 0.59451)"
expect_stdout "$(row selector gpde top1_loss 0.04385)"
expect_stdout "$(row selector consensus top1 0.45416)"
expect_stdout "$(row selector consensus best5 0.61002)"
expect_stdout "$(row selector consensus best5_gain 0.00415)"
expect_stdout "$(row selector random top1 0.46025)"
expect_stdout "$(row selector random best5 0.60588)"
expect_stdout "$(row selector oracle top1 0.63836)"
expect_stdout "$(row correlation 'plddt~lddt_all30' spearman 0.84821)"
expect_stdout "$(row correlation 'ptm~tm_resid' spearman 0.71726)"
expect_stdout "$(row correlation 'gpde~tm_resid' spearman -0.60119)"
expect_stdout "$(row calibration 'plddt~lddt_all30' expected_error 0.08352)"
expect_stdout "$(row calibration 'plddt~lddt_all30' mean_absolute_error 0.08928)"
expect_stdout "$(row calibration 'plddt~lddt_all30' overconfidence 0.08352)"
expect_stdout "$(printf 'reliability\t0.5-0.6\tobserved\t0.44808\tNA\tNA\t18')"
run selection "$@" --json
expect_exit 0
expect_stdout '"part": "reliability"'
