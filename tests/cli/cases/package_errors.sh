# what package refuses before anything is copied
needs_portable
model base.safetensors
P="package --title RNA-test --owner anna --competition rna-folding --out made"
refused() {   # exit status, a piece of stderr, arguments
    local status=$1 text=$2
    shift 2
    run $P --checkpoint base.safetensors "$@"
    expect_exit "$status"
    expect_no_stdout
    expect_stderr "$text"
}
run package
expect_exit 2
expect_stderr '--checkpoint is missing'
run package --checkpoint base.safetensors --title RNA-test --owner anna --competition c
expect_exit 2
expect_stderr '--out is missing'
expect_stderr "hint: 'rnatune package --help' shows an example; --check DIR needs nothing else"
run $P --checkpoint nowhere.safetensors
expect_exit 1
expect_stderr 'nowhere.safetensors'
# titles, names, sources
refused 2 "the data set's title 'RNA' has 3 characters: Kaggle takes 6 to 50" --title RNA
refused 2 "the notebook's title" --title 'A title of forty-two characters, as it is.'
expect_stderr '--title takes 41 characters'
refused 2 "'Apache-2.0' is no licence that Kaggle knows" --licence Apache-2.0
expect_stderr "hint: did you mean 'apache-2.0'?"
refused 2 '--machine NvidiaL4 goes with --gpu' --machine NvidiaL4
refused 2 "'Anna B' is no user name as Kaggle writes it" --owner 'Anna B'
refused 2 "'https://x' is no competition as Kaggle writes it" --competition https://x
refused 2 "the --dataset 'templates' is not owner/slug" --dataset templates
refused 2 "the --model 'a/b' is not owner/model/framework/variation/version" --model a/b
refused 2 'TEMPLATES is templates/t.pt, and no source of the notebook is called templates' --templates templates/t.pt
refused 2 'MSA is else/MSA, and no source of the notebook is called else' --msa else/MSA --dataset anna/other
refused 2 'POOL is boltz/s.csv, and no source' --pool boltz/s.csv
refused 2 '--pool needs --select mixed or consensus' --pool rna-folding/s.csv --select ptm
refused 2 'time' --time-budget soon
# options of predict
refused 2 'there is no such option of predict that a package may set' --predict sample=10
refused 2 'there is no such option of predict that a package may set' --predict out=x
refused 2 'the option takes a value, as in samples=10' --predict samples
refused 2 'the option takes no value' --predict plots=yes
refused 2 '--select' --select best
# weights
run convert base.safetensors --out base.pt
run $P --checkpoint base.pt
expect_exit 1
expect_stderr 'base.pt: is no safetensors file'
expect_stderr "hint: 'rnatune convert base.pt --out FILE.safetensors' makes one; what you validated is what is shipped"
cp base.safetensors same.safetensors
refused 2 'same.safetensors: is the same checkpoint as base.safetensors' --checkpoint same.safetensors
mkdir empty
refused 1 'empty/pairwise.yaml: is not there' --ribonanza empty
refused 2 '--ribonanza and --no-ribonanza contradict each other' --ribonanza empty --no-ribonanza
refused 1 'empty: holds no adapter_config.json' --adapter empty
echo '{}' >ranking.json
refused 1 'ranking.json' --ranking ranking.json
# a network without RibonanzaNet2
LC_ALL=C sed 's/ribonanza_net.encoder.weight/ribonanza_net.encoder.weighs/' base.safetensors >without.safetensors
run $P --checkpoint without.safetensors
expect_exit 1
expect_stderr 'without.safetensors: holds no RibonanzaNet2 weights (ribonanza_net.*)'
expect_stderr 'hint: give its folder with --ribonanza DIR'
# a build for newer systems
refused 1 'this build would not run on Kaggle: ' --glibc 2.17
expect_stderr 'newer than GLIBC_2.17'
[ -e made ] && note "something was written"
# a folder that holds other files, and one that cannot be made
mkdir -p made/dataset
echo private >made/dataset/notes.txt
refused 1 'made/dataset/notes.txt: is of no earlier package and would be uploaded with this one'
[ -e made/dataset/notes.txt ] || note "a file of the user's was removed"
rm -r made
echo >made
run $P --checkpoint base.safetensors
expect_exit 1
expect_no_stdout
