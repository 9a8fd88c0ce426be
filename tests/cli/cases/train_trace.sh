# the competition's tables have C1' atoms alone: what learns nothing from them is said, and PAE and PDE are 0, not made up
model tiny.safetensors
bash "$here/make_competition.sh" kaggle
run import --kaggle kaggle --out trace
expect_exit 0
run train confidence --checkpoint tiny.safetensors --data trace --no-split --crop 12 --cycles 1 --rollout-steps 2 --epochs 1 --out run
expect_exit 0
expect_stderr "have C1' atoms alone: distogram, PAE and PDE, which need others, learn nothing from them"
grep -q '"pae":0.0,"pde":0.0' run/log.jsonl || note "PAE or PDE has a loss: $(head -1 run/log.jsonl)"
. "$here/make_set.sh"
train_small whole --dry-run
expect_exit 0
if grep -q "C1' atoms alone" "$err"; then note "a set of all atoms is taken for a trace"; fi
