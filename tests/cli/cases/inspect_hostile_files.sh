# a pickle that calls os.system, a cut zip, a tensor larger than its storage: refused, one clear line each
run inspect $DATA/io/system.pt
expect_exit 1
expect_stderr "asks for 'posix.system', which is not among the names"
run inspect $DATA/io/truncated.pt
expect_exit 1
expect_stderr "truncated.pt: "
expect_stderr "truncated"
run inspect $DATA/io/beyond_storage.pt
expect_exit 1
expect_stderr "storage"
run inspect $DATA/io/legacy.pt
expect_exit 1
expect_stderr "torch.save"
run inspect $DATA/io/expanded_bomb.pt
expect_exit 1
for f in $DATA/io/*.pt; do
    "$BINARY" inspect "$f" >/dev/null 2>one_line
    code=$?
    [ $code -le 1 ] || note "$f: exit $code"
    [ $code = 0 ] || [ "$(grep -c '^rnatune inspect' one_line)" = 1 ] || note "$f: not one line"
done
