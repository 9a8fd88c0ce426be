# any weights: denoiser, distogram and trunk together; --dry-run says what they reach and changes nothing
. "$here/make_set.sh"
# shellcheck disable=SC2086
full() { run train full $SMALL --params 'diffusion_module.*,distogram_head,pairformer_stack' --copies 2 "$@"; }
full --dry-run
expect_exit 0
expect_stdout 's alone: not the distogram or contacts'
expect_stdout 'hours per epoch'
full --out two --threads 2
expect_exit 0
awk '$1 == "base_loss" { a = $2 } $1 == "best_loss" { b = $2 } END { exit !(b < 0.95 * a) }' "$out" ||
    note "the held-out loss did not fall"
full --out one --threads 1
same_run one two
full --out far --keep-every 0
same_run two far
