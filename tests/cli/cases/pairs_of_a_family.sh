command -v cmscan >/dev/null || skip 'no Infernal'
shared=$here/../../../shared/data
needs "$shared/rfam/tRNA5.c.cm"
printf '>trna\nGCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA\n>none\nACACAACACAACACACACACCAAC\n' >rna.fa
run pairs --fasta rna.fa --method cm --cm "$shared/rfam/tRNA5.c.cm"
expect_exit 0
expect_stderr "warning: 1 of 2 sequences belong to no family of"
expect_stdout "$(printf 'trna\t1\t72\t0.975')"
expect_same "$(wc -l <"$out")" 22
gzip -c "$shared/rfam/tRNA5.c.cm" >trna.cm.gz
run pairs --fasta rna.fa --method cm --cm trna.cm.gz --format dot --cache kept
expect_exit 0
expect_stdout '(((((((..((((........)))).(((((.......))))).....(((((.......)))))))))))).... '
run pairs --fasta rna.fa --method cm --cm trna.cm.gz --format dot --cache kept
expect_stdout '(((((((..((((........)))).(((((.......))))).....(((((.......)))))))))))).... '
printf '>none\nACACAACACAACACACACACCAAC\n' >none.fa
run pairs --fasta none.fa --method cm --cm trna.cm.gz
expect_exit 1
expect_stderr 'trna.cm.gz: no sequence belongs to a family of these models'
expect_no_stdout
printf 'no model\n' >bad.cm
run pairs --fasta rna.fa --method cm --cm bad.cm
expect_exit 1
expect_stderr 'bad.cm: holds no covariance model'
run pairs --fasta rna.fa --method cm
expect_exit 2
expect_stderr "pairs of a family's consensus need its covariance model"
expect_stderr 'hint: --cm FILE'
run pairs --fasta rna.fa --method cm --cm bad.cm --best mfe
expect_exit 2
expect_stderr '--best mfe is not of --method cm'
[ -e /usr/lib/infernal/cmscan ] || {
    PATH=/nowhere run pairs --fasta rna.fa --method cm --cm trna.cm.gz
    expect_exit 1
    expect_stderr 'cmfetch, a program of Infernal, is not installed'
    expect_stderr 'hint: apt-get install infernal'
}
expect_same "$(ls -d "${TMPDIR:-/tmp}"/rnatune-cm-* 2>/dev/null)" ''   # nothing is left behind
