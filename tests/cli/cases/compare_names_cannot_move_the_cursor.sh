for arm in a b; do
    printf 'target\tmodel\ttm_align\ttm_resid\trmsd\nT\033[2J\tm\t.5\t.%s\t2\n' "$([ $arm = a ] && echo 5 || echo 4)" >$arm.tsv
done
printf 'target\tfamily\nT\033[2J\tF\033[H\n' >f.tsv
run compare a.tsv b.tsv --families f.tsv
expect_exit 0
expect_stdout 'T?[2J (F?[H) -0.10000'
expect_same "$(tr -cd '\033' <"$out" | wc -c)" 0
printf 'T\033[2J\n' >list.txt
run compare a.tsv b.tsv --selected-on list.txt
expect_same "$(tr -cd '\033' <"$err" | wc -c)" 0
run results r.sqlite --add a.tsv --checkpoint "$(printf 'x\ty\033')"
expect_exit 0
expect_stdout 'x?y?'
