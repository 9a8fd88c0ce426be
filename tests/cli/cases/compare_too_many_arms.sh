arms=
for i in $(seq 65); do arms="$arms a$i=x.tsv"; done
run compare $arms
expect_exit 2
expect_stderr '65 arms, at most 64 are compared'
