/* event_log_test.c - records are whole, in both formats, and a second start goes on where the first ended */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/json.h"
#include "train/event_log.h"
#include "train/train_test.h"

static void crc_is_castagnoli_s(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    /* RFC 3720 B.4 and the usual check value */
    assert_int_equal(rt_event_log_crc32c(0, bytes, 32), 0x8a9136aau);
    assert_int_equal(rt_event_log_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(rt_event_log_crc32c(rt_event_log_crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}

static int64_t read_all(const char *path, char *out, int64_t size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    int64_t n = (int64_t)fread(out, 1, (size_t)size - 1, f);
    fclose(f);
    out[n] = 0;
    return n;
}

/* The event files of a folder; *out_path the last of them. */
static int count_event_files(const char *folder, char out_path[500])
{
    int n = 0;
    struct dirent **item;
    int all = scandir(folder, &item, NULL, alphasort);
    for (int i = 0; i < all; i++) {
        if (strncmp(item[i]->d_name, "events.out.tfevents.", 20) == 0)
            n++, rt_path_join(out_path, 500, folder, item[i]->d_name);
        free(item[i]);
    }
    free(item);
    return n;
}

static uint32_t masked(const char *bytes, int64_t size)
{
    uint32_t crc = rt_event_log_crc32c(0, bytes, size);
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

/* Walks the records: lengths and both checksums fit, nothing is left over. */
static int count_records(const char *data, int64_t size)
{
    int n = 0;
    for (int64_t at = 0; at < size; n++) {
        uint64_t length;
        uint32_t crc;
        assert_true(at + 12 <= size);
        memcpy(&length, data + at, 8);
        memcpy(&crc, data + at + 8, 4);
        assert_int_equal(crc, masked(data + at, 8));
        assert_true(at + 16 + (int64_t)length <= size);
        memcpy(&crc, data + at + 12 + length, 4);
        assert_int_equal(crc, masked(data + at + 12, (int64_t)length));
        at += 16 + (int64_t)length;
    }
    return n;
}

static bool has(const char *data, int64_t size, const void *what, size_t length)
{
    return memmem(data, (size_t)size, what, length) != NULL;
}

static void records_are_written_and_resumed(void **state)
{
    static char data[100000];
    rt_event_log *log;
    rt_err err;
    char folder[400], path[500];
    (void)state;
    strcpy(folder, test_path("log"));
    test_ok(rt_event_log_open(&log, folder, 0, &err), &err);
    const rt_event_value value[3] = {{"loss", 14.05}, {"plddt", 0.1}, {"rate", NAN}};
    for (int64_t step = 1; step <= 3; step++)
        test_ok(rt_event_log_write(log, "train", step, value, 3, step == 2 ? "1ABC_A,2\"Y" : NULL, &err), &err);
    /* before it is closed: a kill now loses nothing */
    rt_path_join(path, sizeof path, folder, "log.jsonl");
    read_all(path, data, sizeof data);
    char *line = strtok(data, "\n");
    for (int step = 1; step <= 3; step++, line = strtok(NULL, "\n")) {
        json_t *root;
        double loss;
        int64_t at;
        const char *text;
        test_ok(rt_json_parse(&root, line, (int64_t)strlen(line), NULL, &err), &err);
        test_ok(rt_json_read_double(root, &loss, NULL, "loss", NULL, &err), &err);
        test_ok(rt_json_read_int(root, &at, NULL, "step", NULL, &err), &err);
        assert_true(loss == 14.05 && at == step && json_is_null(json_object_get(root, "rate")));
        if (step == 2) {
            test_ok(rt_json_read_text(root, &text, NULL, "targets", NULL, &err), &err);
            assert_string_equal(text, "1ABC_A,2\"Y");
        }
        json_decref(root);
    }
    assert_null(line);
    assert_int_equal(count_event_files(folder, path), 1);
    int64_t events = read_all(path, data, sizeof data);
    assert_int_equal(count_records(data, events), 4);   /* the version, then three */
    float loss = 14.05f;
    assert_true(has(data, events, "brain.Event:2", 13) && has(data, events, "train/plddt", 11) &&
                has(data, events, &loss, 4));
    rt_event_log_close(log);

    /* half a line, as a kill leaves it */
    rt_path_join(path, sizeof path, folder, "log.jsonl");
    FILE *f = fopen(path, "w");
    fputs("{\"step\":1}\n{\"step\":2}\n{\"half\":17", f);
    fclose(f);
    test_ok(rt_event_log_open(&log, folder, 2, &err), &err);
    test_ok(rt_event_log_write(log, "train", 2, value, 1, NULL, &err), &err);
    read_all(path, data, sizeof data);
    assert_true(strncmp(data, "{\"step\":1}\n{\"step\":2}\n{\"time\":", 30) == 0);
    assert_non_null(strstr(data, "\"step\":2,\"event\":\"resumed\"}\n{\"time\":"));
    rt_event_log_close(log);

    /* taken up at step 0, no checkpoint having been written before */
    test_ok(rt_event_log_open(&log, folder, 0, &err), &err);
    read_all(path, data, sizeof data);
    assert_non_null(strstr(data, "\"step\":0,\"event\":\"resumed\"}\n"));
    rt_event_log_close(log);
    strcpy(folder, test_path("newlog"));
    test_ok(rt_event_log_open(&log, folder, 7, &err), &err); /* a new log of a run that begins at step 7 */
    rt_path_join(path, sizeof path, folder, "log.jsonl");
    assert_int_equal(read_all(path, data, sizeof data), 0);
    rt_event_log_close(log);
}

static void a_full_disk_leaves_whole_records(void **state)
{
    static char data[100000];
    rt_event_log *log;
    rt_err err;
    char folder[400], path[500];
    (void)state;
    strcpy(folder, test_path("fulllog"));
    test_ok(rt_event_log_open(&log, folder, 0, &err), &err);
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    small = old;
    small.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &small);
    const rt_event_value value[2] = {{"loss", 1.5}, {"plddt", 0.1}};
    int n_good = 0;
    rt_status status = RT_OK;
    for (int step = 1; step < 100 && status == RT_OK; step++)
        n_good += (status = rt_event_log_write(log, "train", step, value, 2, NULL, &err)) == RT_OK;
    assert_int_equal(status, RT_ERR_IO);
    assert_true(n_good > 3);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    rt_path_join(path, sizeof path, folder, "log.jsonl");
    assert_int_equal(data[read_all(path, data, sizeof data) - 1], '\n'); /* the part that still fitted is gone again */
    assert_int_equal(count_event_files(folder, path), 1);
    count_records(data, read_all(path, data, sizeof data));
    test_ok(rt_event_log_write(log, "train", 100, value, 2, NULL, &err), &err);
    rt_path_join(path, sizeof path, folder, "log.jsonl");
    int64_t size = read_all(path, data, sizeof data);
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *root;
        test_ok(rt_json_parse(&root, line, (int64_t)strlen(line), NULL, &err), &err);
        json_decref(root);
    }
    assert_true(size > 1000);
    assert_int_equal(count_event_files(folder, path), 1);
    size = read_all(path, data, sizeof data);
    assert_true(count_records(data, size) >= n_good + 2);
    rt_event_log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(crc_is_castagnoli_s),
                                       cmocka_unit_test(records_are_written_and_resumed),
                                       cmocka_unit_test(a_full_disk_leaves_whole_records)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
