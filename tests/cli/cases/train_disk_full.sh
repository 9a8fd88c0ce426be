# a disk that is full, or a folder that cannot be written: the last checkpoint stays whole and goes on elsewhere
. "$here/make_set.sh"
train_small whole
mkdir full
mount -t tmpfs -o size=6m tmpfs full 2>/dev/null || skip "mount needs root"
train_small full/run
cp -r full/run part
umount full
expect_exit 1
expect_stderr 'No space left on device'
find part -name '*.tmp.*' | grep -q . && note "a half-written file is left"
mkdir read_only
mount -t tmpfs -o size=20m tmpfs read_only
cp -r part read_only/run
mount -o remount,ro read_only
train_small read_only/run --resume
expect_exit 1
expect_stderr 'Read-only file system'
diff -r part read_only/run || note "something was written where nothing can be"
umount read_only
train_small part --resume
expect_exit 0
expect_stderr 'goes on after step'
same_run whole part
