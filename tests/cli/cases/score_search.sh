needs "$here/../../../shared/data/puzzles/rp14_free"
data=$here/../../../shared/data/puzzles/rp14_free
run score --pred "$data" --native "$data/native.pdb" --search usalign
expect_exit 0
cp "$out" usalign
expect_same "$(wc -l <usalign)" 7
run score --pred "$data" --native "$data/native.pdb" --search thorough
expect_exit 0
expect_same "$(paste usalign "$out" | awk -F'\t' 'NR > 1 && $35 < $3 - 1e-5' | wc -l)" 0
