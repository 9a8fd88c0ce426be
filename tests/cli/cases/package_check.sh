# every mistake that --check finds, made by hand in a good package
needs_portable
model base.safetensors
run package --checkpoint base.safetensors --title "RNA test" --owner anna --competition rna-folding --dataset anna/templates \
    --templates templates/t.pt --msa rna-folding/MSA --out good --quiet
expect_exit 0
expect_stdout "$(printf 'rnatune\tprogram\t')"
check() {   # a piece of stdout that the changed package must get
    run package --check bad --quiet
    expect_exit 3
    expect_stdout "$1"
    rm -rf bad && cp -r good bad
}
edit() { sed -i "$1" "$2"; }
cp -r good bad
run package --check bad
expect_exit 0
run package --check bad --json
expect_stdout '"check": "RibonanzaNet2"'
meta=bad/dataset/dataset-metadata.json kernel=bad/notebook/kernel-metadata.json cells=bad/notebook/rna-test-notebook.ipynb
edit 's/"RNA test"/"RNA tests"/' $meta
check "the title 'RNA tests' gives the slug 'rna-tests', the id has 'rna-test'"
edit 's/"name": "other"/"name": "free"/' $meta
check "'free' is no licence that Kaggle knows"
edit 's/"subtitle": "[^"]*"/"subtitle": "short"/' $meta
check '"subtitle" has 5 characters: Kaggle takes 20 to 80'
edit 's/rna-test-notebook"/rna-notebook"/' $kernel
check "the title 'RNA test notebook' gives the slug 'rna-test-notebook', the id has 'rna-notebook'"
edit 's/"enable_internet": false/"enable_internet": "true"/' $kernel
check '"enable_internet" must be false'
edit 's/^  "rna-folding"//' $kernel
check '"competition_sources" is empty'
edit 's|"anna/templates"|"anna/other"|' $kernel
check 'TEMPLATES is templates/t.pt, and no source of the notebook is called templates'
edit 's|"anna/rna-test",|"anna/rna-old",|' $kernel
check 'anna/rna-test is not among the notebook'"'"'s dataset_sources'
edit 's/MSA = [^"]*"rna-folding/MSA = \\"msas/; s/"MSA = ..rna-folding/"MSA = \\"msas/' $cells
check 'MSA is msas/MSA, and no source of the notebook is called msas'
edit 's/"TIME_BUDGET = /"BUDGET = /' $cells
check "the notebook's setting TIME_BUDGET is missing or cannot be read"
edit 's/"STARTED = /"!pip install torch; STARTED = /' $cells
check 'the notebook wants the internet: !pip install torch'
rm $cells
check 'rna-test-notebook.ipynb is missing'
printf x >>bad/dataset/checkpoint__1__base.safetensors
check 'checkpoint__1__base.safetensors is not what was packed: SHA-256 '
rm bad/dataset/lib__libdnnl.so.2
check 'lib__libdnnl.so.2 is missing'
echo >bad/dataset/notes.txt
check 'notes.txt is not in MANIFEST.json and would be uploaded'
# a library that the manifest does not have either
edit '/"lib__libyaml/,/"sha256"/ s/lib\/libyaml-0.so.2/lib\/other.so/' bad/dataset/MANIFEST.json
check 'rnatune needs libyaml-0.so.2, which is not in the package'
edit 's/"bytes"/"bites"/' bad/dataset/MANIFEST.json
check 'MANIFEST.json has an entry without file, bytes or sha256'
echo '{' >bad/dataset/MANIFEST.json
check 'MANIFEST.json:'
check_glibc() { run package --check good --glibc "$1"; expect_exit "$2"; }
check_glibc 2.36 0
check_glibc 2.35 0
check_glibc 2.30 3
expect_stdout 'lib/libdnnl.so.2 wants GLIBC_2.34, newer than GLIBC_2.30'
# a notebook for another version of the data set
run package --checkpoint base.safetensors --title "RNA test" --owner anna --competition rna-folding --predict samples=3 --out other --quiet
cp other/dataset/MANIFEST.json bad/dataset
edit 's/"title": "RNA test"/"title": "RNA tes"/' bad/dataset/MANIFEST.json
check 'the notebook was made for another MANIFEST.json: its hash differs'
# RibonanzaNet2
run package --checkpoint base.safetensors --no-ribonanza --title "RNA test" --owner anna --competition rna-folding --out none
expect_exit 0
expect_stderr 'warning: --no-ribonanza: RNAPro without RibonanzaNet2 is no better than its templates'
run package --check none
expect_exit 3
expect_stdout "$(printf 'RibonanzaNet2\tmistake\tthe package has no RibonanzaNet2')"
LC_ALL=C sed 's/ribonanza_net.encoder.weight/ribonanza_net.encoder.weighs/' base.safetensors >without.safetensors
run package --checkpoint without.safetensors --ribonanza "$GOLDEN/tiny/ribonanzanet2" --title "RNA test" --owner anna \
    --competition rna-folding --out folder --quiet
expect_exit 0
expect_stdout "$(printf 'ribonanza__pairwise.yaml\tribonanza\t')"
run package --check folder
expect_exit 0
edit '/"ribonanza__pairwise.yaml"/,/"sha256"/ s/"role": "ribonanza"/"role": "config"/' folder/dataset/MANIFEST.json
run package --check folder
expect_stdout "RibonanzaNet2's folder has 1 of its 2 files"
# two checkpoints and an adapter: names that do not meet, and what the notebook gives to predict
mkdir -p second adapter
"$BINARY" init --config "$DATA/tiny_config.json" --seed 2 --out second/base.safetensors --quiet >/dev/null
echo '{}' | tee adapter/adapter_config.json >adapter/adapter_model.safetensors
run package --checkpoint base.safetensors --checkpoint second/base.safetensors --adapter adapter --title "RNA test" --owner anna \
    --competition rna-folding --select none --gpu --machine NvidiaTeslaT4 --out two
expect_exit 0
for f in checkpoint__1__base.safetensors checkpoint__2__base.safetensors adapter__1__adapter_config.json; do expect_stdout "$f"; done
expect_same "$(grep -A20 '"arguments"' two/dataset/MANIFEST.json | tr -d ' \n' | grep -o '\[\[.*\]\]')" \
    '[["--checkpoint","checkpoint/1/base.safetensors"],["--checkpoint","checkpoint/2/base.safetensors"],["--adapter","adapter/1"]]'
grep -q '"machine_shape": "NvidiaTeslaT4"' two/notebook/kernel-metadata.json || note "the machine is not named"
grep -q '"enable_gpu": true' two/notebook/kernel-metadata.json || note "no GPU is asked for"
grep -q 'SELECT = None' two/notebook/*.ipynb || note "the notebook selects"
# an earlier package of ours is replaced; what is no package is refused
run package --checkpoint base.safetensors --title "RNA test 2" --owner anna --competition rna-folding --out good --quiet
expect_exit 0
run package --check good
expect_exit 0
mkdir empty
run package --check empty
expect_exit 1
expect_stderr 'empty: holds no package: the folders dataset and notebook were expected'
run package --check good --out x
expect_exit 2
expect_stderr '--check looks at a package that is there: --out makes one'
