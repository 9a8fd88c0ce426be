# make_rna.sh: sourced by cases.  rna COUNT [FIRST] [CHAIN] [SHIFT] [LETTERS]: a PDB file of COUNT residues with P and C1'
# on a helix, numbered from FIRST, moved by SHIFT along x.
rna() {
    awk -v n="$1" -v first="${2:-1}" -v chain="${3:-A}" -v shift="${4:-0}" -v letters="${5:-GGACUUCGGUCCAAGCUAGCUUACGGAUCG}" 'BEGIN {
        for (i = 0; i < n; i++) {
            letter = substr(letters, i % length(letters) + 1, 1)
            printf "ATOM  %5d  P     %s %s%4d    %8.3f%8.3f%8.3f  1.00  0.00           P\n", 2 * i + 1, letter, chain,
                   first + i, 10 * cos(0.57 * i) + shift, 10 * sin(0.57 * i), 2.8 * i
            printf "ATOM  %5d  C1'"'"'   %s %s%4d    %8.3f%8.3f%8.3f  1.00  0.00           C\n", 2 * i + 2, letter, chain,
                   first + i, 7 * cos(0.57 * i + 0.3) + shift, 7 * sin(0.57 * i + 0.3), 2.8 * i + 1
        }
        print "TER"
    }'
}
# column NAME: of the first row on stdout
column() { awk -F'\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR == 2 { print $c }' "$out"; }
