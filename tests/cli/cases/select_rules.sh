# what is chosen, from two checkpoints and from outside: against planted answers
model a.safetensors
"$BINARY" init --config "$DATA/tiny_config.json" --seed 2 --out b.safetensors --quiet >/dev/null
printf 'target_id,sequence\nT1,CAGGGUCGGCAAGGC\nT2,GCGUACGAAGGAGAGGAGAGG\n' >s.csv
for m in a b; do
    run predict --checkpoint $m.safetensors --sequences s.csv --out f_$m --cycles 1 --steps 5 --samples 7 --keep 6 --quiet
    expect_exit 0
done
column() { awk -F'\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' "$2"; }

# by a score: what summary.json has, best first
run select --pred f_a --pred f_b --rule plddt --out by_plddt
expect_exit 0
expect_stderr 'f_a: 12 candidates'
expect_stderr "f_a: 2 samples were drawn but not kept, so they are no candidates; 'predict --keep N' keeps more"
expect_same "$(cat "$out")" "$(cat by_plddt/selection.tsv)"
for t in T1 T2; do
    grep -h -A30 '"rank": [0-5],' f_a/$t/summary.json f_b/$t/summary.json | sed -n 's/.*"plddt": \([0-9.]*\).*/\1/p' >all
    expect_same "$(grep ^$t by_plddt/selection.tsv >rows; awk -F'\t' '{ printf "%.6f ", $9 }' rows)" \
        "$(sort -gr all | head -5 | awk '{ printf "%.6f ", $1 }')"
done
expect_same "$(sed -n 1p by_plddt/submission.csv)" ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2,x_3,y_3,z_3,x_4,y_4,z_4,x_5,y_5,z_5
expect_same "$(cut -d, -f1-3 by_plddt/submission.csv)" "$(cut -d, -f1-3 f_a/submission.csv)"
# one thread or three, the order of a rerun: the same bytes
run select --pred f_a --pred f_b --threads 1 --out one
run select --pred f_a --pred f_b --threads 3 --out three
cmp -s one/submission.csv three/submission.csv || note "threads change the submission"
cmp -s one/selection.tsv three/selection.tsv || note "threads change the selection"

# consensus: three planted models that are nearly the same, among others that are not; their middle one comes first
awk -F, -v OFS=, 'NR == 1 { print "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2,x_3,y_3,z_3"; next }
    { n = NR % 5; print $1, $2, $3, $4, $5, $6, $4 + n * 0.1, $5, $6, $4 - n * 0.1, $5, $6 }' f_b/submission.csv >planted.csv
run select --pred f_a --pool planted.csv --rule consensus --out planted
expect_exit 0
expect_stderr 'planted.csv: 6 candidates, without confidences of ours'
expect_same "$(awk -F'\t' '$2 == 1 { print $1, $3, $5 }' planted/selection.tsv)" "$(printf 'T1 planted.csv 1\nT2 planted.csv 1')"
# mixed takes outside predictions, too, and says why
run select --pred f_a --pool planted.csv --out mixed
expect_exit 0
expect_stdout 'most like'
expect_stdout 'no confidence'
# a structure file or a folder of them is a pool; the empty columns of a submission repeat the best and count once
mkdir -p boltz/T1
cp f_b/T1/T1_sample_2.cif boltz/T1/model_0.cif
cp f_b/T2/T2_sample_1.cif boltz/T2.cif
run select --pred f_a --pool boltz --pool f_b/T1/T1_sample_2.cif --rule consensus --keep 2 --out folders
expect_exit 0
expect_stderr 'boltz: 2 candidates'
expect_stderr 'f_b/T1/T1_sample_2.cif: 1 models are the same as earlier ones and count once'
expect_same "$(cut -d, -f7-9 folders/submission.csv | sed 1d)" "$(awk -F, -v OFS=, 'NR > 1 { print $7, $8, $9 }' folders/submission.csv)"
expect_same "$(wc -l <folders/selection.tsv)" 5
expect_same "$(cut -d, -f4-6 folders/submission.csv | sed 1d)" "$(cut -d, -f10-12 folders/submission.csv | sed 1d)"
# a model that lacks a residue, has another sequence, a coordinate that is no number, or none at all
awk -F, -v OFS=, 'NR > 1 { if ($1 == "T1_3") $4 = ""; if ($1 == "T1_4") $9 = "nan"
    if ($1 ~ /^T1/) $10 = $11 = $12 = 0; if ($1 == "T2_5") $2 = "U" } { print }' f_b/submission.csv >bad.csv
run select --pred f_a --pool bad.csv --rule consensus --out bad
expect_exit 0
expect_stderr 'bad.csv: 2 candidates'
expect_stderr 'bad.csv: 8 models cannot be submitted and are left out; T1, model 1: residue 3 has no C1'"'"' coordinates'
grep -v T1_7, f_b/submission.csv >short.csv
run select --pred f_a --pool short.csv --rule consensus --out short
expect_stderr 'short.csv: 5 models cannot be submitted and are left out; T1, model 1: has 14 residues, the target 15'
expect_stdout "$(printf 'T2\t1\t')"
# --json
run select --pred f_a --pred f_b --rule ptm --out j --json
expect_exit 0
expect_stdout '"why": "ptm in place 1 of 12"'
grep -q '"sources"' j/run.json || note "run.json does not say what was read"
