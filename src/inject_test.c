/* inject_test.c - every allocation and every write of a whole `predict` fails once: no crash, no leak, no half-written file
 *
 * Linked with --wrap (see the Makefile): calls that our own code makes come here first.  What libraries allocate by
 * themselves is theirs.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "pipeline.h"

/* ---- what is wrapped ---- */

typedef enum { NOTHING, ALLOCATIONS, WRITES } failing;

static struct {
    failing what;
    int64_t count, fail_at;   /* the fail_at-th call fails, counted from 1; 0: none */
    int64_t alive;            /* blocks that our code holds */
    void *block[1 << 16];     /* open addressing: which blocks those are, because libraries' may be freed by us too */
} injected;

static bool fails(failing what) { return injected.what == what && ++injected.count == injected.fail_at; }

static size_t slot_of(const void *p) { return ((uintptr_t)p >> 4) * 0x9E3779B97F4A7C15ull >> 48; }

static void *note(void *p)
{
    size_t i = slot_of(p);
    if (!p) return NULL;
    while (injected.block[i] && injected.block[i] != (void *)1) i = (i + 1) & 0xffff;
    injected.block[i] = p;
    injected.alive++;
    return p;
}

static void forget(const void *p)
{
    if (!p) return;
    for (size_t i = slot_of(p), steps = 0; injected.block[i] && steps < 1 << 16; i = (i + 1) & 0xffff, steps++)
        if (injected.block[i] == p) {
            injected.block[i] = (void *)1;   /* was here: search goes on */
            injected.alive--;
            return;
        }
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__real_fdopen(int fd, const char *mode);
size_t __real_fwrite(const void *p, size_t size, size_t n, FILE *f);
int __real_fflush(FILE *f);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_mkdir(const char *path, mode_t mode);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
size_t __wrap_fwrite(const void *p, size_t size, size_t n, FILE *f);
int __wrap_fflush(FILE *f);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_mkdir(const char *path, mode_t mode);

void *__wrap_malloc(size_t n) { return fails(ALLOCATIONS) ? NULL : note(__real_malloc(n)); }
void *__wrap_calloc(size_t n, size_t size) { return fails(ALLOCATIONS) ? NULL : note(__real_calloc(n, size)); }
void *__wrap_realloc(void *p, size_t n)
{
    if (fails(ALLOCATIONS)) return NULL;
    forget(p);
    return note(__real_realloc(p, n));
}
void __wrap_free(void *p)
{
    forget(p);
    __real_free(p);
}

static bool disk_full(void)
{
    if (!fails(WRITES)) return false;
    errno = ENOSPC;
    return true;
}
/* Reading is not writing. */
FILE *__wrap_fopen(const char *path, const char *mode)
{
    return mode[0] != 'r' && disk_full() ? NULL : __real_fopen(path, mode);
}
FILE *__wrap_fdopen(int fd, const char *mode) { return mode[0] != 'r' && disk_full() ? NULL : __real_fdopen(fd, mode); }
size_t __wrap_fwrite(const void *p, size_t size, size_t n, FILE *f)
{
    if (f == stderr || !disk_full()) return __real_fwrite(p, size, n, f);
    f->_flags |= 0x20;   /* glibc's mark of a stream that failed: what ferror() looks at */
    return 0;
}
int __wrap_fflush(FILE *f) { return f != stderr && disk_full() ? EOF : __real_fflush(f); }
/* A folder's sync comes when the file is there already; file systems that cannot do it say EINVAL, so nobody asks. */
int __wrap_fsync(int fd)
{
    struct stat info;
    bool is_folder = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
    return !is_folder && disk_full() ? -1 : __real_fsync(fd);
}
int __wrap_rename(const char *from, const char *to) { return disk_full() ? -1 : __real_rename(from, to); }
int __wrap_mkdir(const char *path, mode_t mode) { return disk_full() ? -1 : __real_mkdir(path, mode); }

/* ---- a whole run ---- */

static char folder[64], sequences[96], out[96];

static void remove_tree(const char *path)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static rt_status predict(rt_predict_report *report, rt_err *err)
{
    static const char *const CHECKPOINT[] = {"tests/data/golden/tiny/tiny.pt"};
    static const int64_t set[] = {0};
    static const uint64_t seed[] = {42};
    rt_predict_options options = {.checkpoint = CHECKPOINT, .n_checkpoint = 1, .sequences = sequences, .out = out,
                                  .rank_by = RT_RANK_BY_PLDDT, .keep = 2, .template_idx = set, .n_template_set = 1, .seed = seed,
                                  .n_seed = 1, .n_trunk = 1, .n_sample = 2, .n_cycle = 1, .n_step = 1, .write_confidence = true,
                                  .write_plots = true, .version = "test", .threads = 1, .memory_limit = (int64_t)1 << 28};
    return rt_predict(&options, report, err);
}

/* No temporary file, and every file that is there ends as a whole one does. */
static void check_files(const char *path, int64_t call)
{
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char file[512], last[8] = "";
        struct stat info;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.') continue;
        if (strstr(entry->d_name, ".tmp.")) fail_msg("call %lld: %s is left", (long long)call, file);
        assert_int_equal(stat(file, &info), 0);
        if (S_ISDIR(info.st_mode)) {
            check_files(file, call);
            continue;
        }
        FILE *f = fopen(file, "r");
        assert_non_null(f);
        fseek(f, -7, SEEK_END);
        assert_int_equal(fread(last, 1, 7, f), 7);
        fclose(f);
        bool whole = strstr(file, ".safetensors") || (strstr(file, ".json") && strcmp(last + 5, "}\n") == 0) ||
                     (strstr(file, ".svg") && strcmp(last, "</svg>\n") == 0) ||
                     (strstr(file, ".cif") && strcmp(last + 5, "#\n") == 0) ||
                     (strstr(file, ".csv") && last[6] == '\n');
        if (!whole) fail_msg("call %lld: %s ends with '%s'", (long long)call, file, last);
    }
    if (entries) closedir(entries);
}

static void run_with(failing what, int64_t fail_at, int64_t *out_calls)
{
    rt_predict_report report = {0};
    rt_err err = {0};
    remove_tree(out);
    injected.what = what;
    injected.fail_at = fail_at;
    injected.count = 0;
    int64_t before = injected.alive;
    rt_status status = predict(&report, &err);
    injected.what = NOTHING;
    if (out_calls) *out_calls = injected.count;
    bool failed = status != RT_OK || report.n_failed > 0;
    bool reached = fail_at > 0 && injected.count >= fail_at;
    if (fail_at == 0) assert_false(failed);
    if (what == WRITES && reached && !failed) fail_msg("write %lld failed and nobody noticed", (long long)fail_at);
    if (status != RT_OK && !err.what[0]) fail_msg("call %lld: no word about it", (long long)fail_at);
    json_decref(report.targets);
    json_decref(report.inputs);
    if (injected.alive != before)
        fail_msg("call %lld: %lld blocks are left", (long long)fail_at, (long long)(injected.alive - before));
    check_files(out, fail_at);
}

/* All calls with RT_STRESS, else the first ones and then an ever different sample of the rest. */
static void inject(failing what)
{
    int64_t calls, tried = 0;
    bool all = getenv("RT_STRESS") != NULL;
    run_with(what, 0, NULL);   /* what is made once per process is made now */
    run_with(what, 0, &calls);
    assert_true(calls > 20);
    for (int64_t at = 1; at <= calls; at += all || at < 40 ? 1 : 1 + calls / 60) {
        run_with(what, at, NULL);
        tried++;
    }
    printf("%lld of %lld calls failed one by one\n", (long long)tried, (long long)calls);
}

static void allocations_fail_one_by_one(void **state) { (void)state; inject(ALLOCATIONS); }
static void writes_fail_one_by_one(void **state) { (void)state; inject(WRITES); }

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/rt_inject_%ld", (long)getpid());
    snprintf(sequences, sizeof sequences, "%s/s.csv", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    mkdir(folder, 0777);
    FILE *f = fopen(sequences, "w");
    if (!f) return 1;
    fputs("target_id,sequence,all_sequences\na,GGCC,\">1|Chains A, B\nGG\n>2|Chain C\nCC\"\nb,GGA,\n", f);
    fclose(f);
    rt_log_set_level(RT_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_fail_one_by_one),
        cmocka_unit_test(writes_fail_one_by_one),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_tree(folder);
    return failed;
}
