# make_competition.sh FOLDER: a small competition's download of eight invented targets (C1' labels), for cases.
# T1 and T2 are one sequence with three changes; the others have nothing in common.  V1 is the validation target.
folder=$1
mkdir -p "$folder"
awk -v folder="$folder" '
function draw() { state = (state * 16807) % 2147483647; return state / 2147483647 }
function letters(n,   s) { s = ""; while (n-- > 0) s = s substr("ACGU", 1 + int(4 * draw()), 1); return s }
function put(file, id, date, seq) { printf "%s,%s,%s,invented,\"x\"\n", id, seq, date > (folder "/" file "_sequences.csv") }
function walk(file, id, seq,   i) {
    x = y = z = 0
    for (i = 1; i <= length(seq); i++) {
        x = 0.95 * x + 8 * draw() - 4; y = 0.95 * y + 8 * draw() - 4; z = 0.95 * z + 8 * draw() - 4
        printf "%s_%d,%s,%d,%.3f,%.3f,%.3f\n", id, i, substr(seq, i, 1), i, x, y, z > (folder "/" file "_labels.csv")
    }
}
BEGIN {
    state = 7
    for (f = 1; f <= 2; f++) {
        file = f == 1 ? "train" : "validation"
        print "target_id,sequence,temporal_cutoff,description,all_sequences" > (folder "/" file "_sequences.csv")
        print "ID,resname,resid,x_1,y_1,z_1" > (folder "/" file "_labels.csv")
    }
    for (t = 1; t <= 7; t++) {
        if (t == 2) seq = "A" substr(seq, 2, 20) "A" substr(seq, 23, 20) "A" substr(seq, 44)
        else seq = letters(60 + t)
        put("train", t "AAA_A", (2000 + t) "-01-01", seq)
        walk("train", t "AAA_A", seq)
    }
    seq = letters(70)
    put("validation", "V1", "2022-05-28", seq)
    walk("validation", "V1", seq)
}'
