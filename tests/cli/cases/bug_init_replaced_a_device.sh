# `init --out /dev/full` put a regular file where the device was; a copy of the device stands in for it here
mknod full c 1 7 2>/dev/null && { : <full; } 2>/dev/null || skip "mknod needs root"
run init --config "$DATA/tiny_config.json" --out full
expect_exit 1
expect_stderr "full: cannot write: No space left on device"
[ -c full ] || note "the device is gone"
# a pipe gets the bytes that a file gets, and so does a redirected stdout
model a.safetensors
mkfifo pipe
sha256sum <pipe >pipe.sum &
run init --config "$DATA/tiny_config.json" --out pipe
expect_exit 0
wait $!
expect_same "$(cat pipe.sum)" "$(sha256sum <a.safetensors)"
[ -p pipe ] || note "the pipe is gone"
run init --config "$DATA/tiny_config.json" --out /dev/stdout
expect_exit 0
expect_same "$(sha256sum <"$out")" "$(sha256sum <a.safetensors)"
expect_same "$("$BINARY" init --config "$DATA/tiny_config.json" --out /dev/stdout --quiet | sha256sum)" "$(sha256sum <a.safetensors)"
[ ! -e /dev/stdout.run.json ] && [ ! -e full.run.json ] && [ ! -e pipe.run.json ] || note "a run record where no file is"
# a link stays a link
ln -s a.safetensors link
run init --config "$DATA/tiny_config.json" --out link --seed 7
expect_exit 0
[ -L link ] || note "the link is gone"
expect_same "$(sha256sum <link)" "$(sha256sum <a.safetensors)"
# what is read must be a file
run convert pipe --out b.safetensors
expect_exit 1
expect_stderr "IN is a pipe or a device, a file was expected"
