/* base_test.c - the small things everything stands on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "base/text.h"
#include "io/test_files.h"

static void draws_depend_on_every_part_of_the_key(void **state)
{
    (void)state;
    /* Two generators with another seed, stream, step or purpose differ; the same key repeats itself. */
    rt_rng a = rt_rng_make(42, 1, 0, RT_DRAW_MSA_ROWS), b = rt_rng_make(42, 1, 0, RT_DRAW_MSA_ROWS);
    assert_true(rt_rng_bits(&a, 7) == rt_rng_bits(&b, 7));
    b = rt_rng_make(42, 2, 0, RT_DRAW_MSA_ROWS);
    assert_true(rt_rng_bits(&a, 7) != rt_rng_bits(&b, 7));
    b = rt_rng_make(42, 1, 1, RT_DRAW_MSA_ROWS);
    assert_true(rt_rng_bits(&a, 7) != rt_rng_bits(&b, 7));
    b = rt_rng_make(42, 1, 0, RT_DRAW_REF_POS);
    assert_true(rt_rng_bits(&a, 7) != rt_rng_bits(&b, 7));
}

static void normal_draws_have_the_right_moments(void **state)
{
    (void)state;
    rt_rng rng = rt_rng_make(1, 2, 3, RT_DRAW_INIT_NOISE);
    double sum = 0, square = 0, fourth = 0;
    const int n = 200000;
    for (int i = 0; i < n; i++) {
        double x = rt_rng_normal(&rng, (uint64_t)i);
        sum += x, square += x * x, fourth += x * x * x * x;
    }
    assert_true(fabs(sum / n) < 0.01);
    assert_true(fabs(square / n - 1) < 0.02);
    assert_true(fabs(fourth / n - 3) < 0.1);
}

static void normals_in_bulk_do_not_depend_on_the_cut(void **state)
{
    (void)state;
    rt_rng rng = rt_rng_make(1, 2, 3, RT_DRAW_WEIGHTS);
    static float whole[100001], part[100001];
    double sum = 0, square = 0, neighbours = 0;
    rt_rng_normals(&rng, 0, 100001, whole);
    for (int64_t from = 0, count = 1; from < 100001; from += count, count = count * 3 % 1000 + 1)
        rt_rng_normals(&rng, (uint64_t)from, from + count > 100001 ? 100001 - from : count, part + from);
    for (int i = 0; i < 100001; i++) {
        assert_true(whole[i] == part[i]);
        sum += whole[i], square += whole[i] * whole[i];
        if (i) neighbours += whole[i] * whole[i - 1];
    }
    assert_true(fabs(sum / 100001) < 0.01 && fabs(square / 100001 - 1) < 0.02 && fabs(neighbours / 100000) < 0.01);
}

static void rotations_are_rotations_and_uniform(void **state)
{
    (void)state;
    rt_rng rng = rt_rng_make(5, 0, 0, RT_DRAW_STEP_ROTATION);
    double mean[9] = {0};
    for (int n = 0; n < 20000; n++) {
        double r[9];
        rt_rng_rotation(&rng, (uint64_t)n, r);
        double det = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
                     r[2] * (r[3] * r[7] - r[4] * r[6]);
        assert_true(fabs(det - 1) < 1e-12);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                double dot = r[3 * i] * r[3 * j] + r[3 * i + 1] * r[3 * j + 1] + r[3 * i + 2] * r[3 * j + 2];
                assert_true(fabs(dot - (i == j)) < 1e-12);
            }
        for (int i = 0; i < 9; i++) mean[i] += r[i] / 20000;
    }
    for (int i = 0; i < 9; i++) assert_true(fabs(mean[i]) < 0.02);   /* E[R] = 0 for the uniform distribution */
}

static void permutation_has_every_index_once(void **state)
{
    (void)state;
    rt_rng rng = rt_rng_make(9, 0, 0, RT_DRAW_MSA_ROWS);
    int64_t index[100], seen[100] = {0};
    rt_rng_permutation(&rng, 100, index);
    for (int i = 0; i < 100; i++) seen[index[i]]++;
    for (int i = 0; i < 100; i++) assert_int_equal(seen[i], 1);
}

static void bf16_rounds_to_nearest_even(void **state)
{
    (void)state;
    assert_int_equal(rt_f32_to_bf16(1.0f), 0x3f80);
    assert_int_equal(rt_f32_to_bf16(0x1.01p0f), 0x3f80);    /* a tie goes to the even neighbour below */
    assert_int_equal(rt_f32_to_bf16(0x1.03p0f), 0x3f82);    /* and here to the one above */
    assert_true(isnan(rt_bf16_to_f32(rt_f32_to_bf16(NAN))));
    assert_true(rt_bf16_to_f32(rt_f32_to_bf16(-INFINITY)) == -INFINITY);
    assert_true(rt_f16_to_f32(0x3c00) == 1.0f && rt_f16_to_f32(0x0001) == 0x1p-24f &&
                rt_f16_to_f32(0xfbff) == -65504.0f);
}

static void what_is_not_finite_is_found(void **state)
{
    (void)state;
    float f[3] = {1, -1e38f, 0};
    double d[3] = {1, 1e300, 0};
    uint16_t b[3] = {0x3f80, 0x7f7f, 0}, h[3] = {0x3c00, 0x7bff, 0};
    const rt_tensor all[] = {RT_WRAP(f, RT_F32, 3), RT_WRAP(d, RT_F64, 3), RT_WRAP(b, RT_BF16, 3), RT_WRAP(h, RT_F16, 3)};
    for (int i = 0; i < 4; i++) assert_true(rt_is_finite(all[i]));
    f[2] = NAN, d[0] = INFINITY, b[1] = 0xff80, h[2] = 0x7c01;
    for (int i = 0; i < 4; i++) assert_false(rt_is_finite(all[i]));
    f[2] = -INFINITY;
    assert_false(rt_is_finite(all[0]));
    char odd[13];
    memcpy(odd + 1, f, sizeof f);   /* weights in a torch archive need not be aligned */
    assert_false(rt_is_finite(RT_WRAP(odd + 1, RT_F32, 3)));
}

static void arena_obeys_its_capacity(void **state)
{
    (void)state;
    rt_arena *arena;
    rt_err err;
    assert_int_equal(rt_arena_create(&arena, "test", 1 << 20, &err), RT_OK);
    int64_t mark = rt_arena_mark(arena);
    assert_non_null(rt_arena_push(arena, 500000));
    assert_null(rt_arena_push(arena, 600000));
    assert_true(rt_arena_wanted(arena) >= 1100000);
    assert_null(rt_arena_push(arena, INT64_MAX));
    rt_arena_reset(arena, mark);
    assert_non_null(rt_arena_push(arena, 600000));
    rt_arena_free(arena);
}

static void add_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    ((int64_t *)argument)[task] += task;
}

static void pool_runs_every_task_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        rt_pool *pool;
        assert_int_equal(rt_pool_create(&pool, threads, NULL), RT_OK);
        int64_t sum[1000] = {0};
        for (int round = 0; round < 50; round++) rt_pool_run(pool, 1000, add_task, sum);
        for (int i = 0; i < 1000; i++) assert_int_equal(sum[i], 50 * i);
        rt_pool_free(pool);
    }
}

static void numbers_are_parsed_strictly(void **state)
{
    (void)state;
    int64_t i;
    double x;
    assert_true(rt_parse_int("-12", 3, &i) && i == -12);
    assert_false(rt_parse_int("12x", 3, &i));
    assert_false(rt_parse_int(" 12", 3, &i));
    assert_false(rt_parse_int("99999999999999999999", 20, &i));
    assert_true(rt_parse_double("-1.5e3,", 6, &x) && x == -1500);
    assert_false(rt_parse_double("nan", 3, &x));
    assert_false(rt_parse_double("1.5.2", 5, &x));
    assert_false(rt_parse_double("", 0, &x));
}

static void text_from_files_is_tamed(void **state)
{
    (void)state;
    static const struct { const char *text, *tame; } CASES[] = {
        {"R1107_A b", "R1107_A b"}, {"a\tb\nc\033[2J", "a?b?c?[2J"}, {"\xc3\xbc\xe2\x82\xac\xf0\x9f\xa7\xac", NULL},
        {"\xff\xfe", "??"}, {"\xc3", "?"}, {"a\xe2\x82", "a??"}, {"\xc0\x80", "??"}, {"\xed\xa0\x80", "???"},
        {"\xc2\x9b", "??"}, {"\xf4\x90\x80\x80", "????"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *tame = CASES[i].tame ? CASES[i].tame : CASES[i].text;
        char text[32];
        snprintf(text, sizeof text, "%s", CASES[i].text);
        assert_int_equal(rt_is_tame(text), strcmp(text, tame) == 0);
        rt_tame_text(text);
        assert_string_equal(text, tame);
    }
}

static void nearest_word_finds_a_typo(void **state)
{
    (void)state;
    const char *words[] = {"samples", "steps", "seed"};
    assert_string_equal(rt_nearest_word("smaples", words, 3), "samples");
    assert_null(rt_nearest_word("precision", words, 3));
}

static void a_file_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    char folder[] = "/tmp/rt_base_testXXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    rt_path_join(path, sizeof path, folder, "out.txt");
    rt_writer *writer;
    rt_err err;
    assert_int_equal(rt_writer_open(&writer, path, &err), RT_OK);
    fputs("half", rt_writer_stream(writer));
    DIR *entries = opendir(folder);
    int unfinished = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        int64_t length;
        long process;
        unfinished += rt_path_is_unfinished(entry->d_name, &length, &process) && length == 7 && process == (long)getpid();
    }
    closedir(entries);
    assert_int_equal(unfinished, 1);
    rt_writer_abandon(writer);
    assert_false(rt_file_exists(path));
    assert_int_equal(rt_write_text(path, "whole", 5, &err), RT_OK);
    rt_map map;
    assert_int_equal(rt_map_open(&map, path, &err), RT_OK);
    assert_int_equal(map.size, 5);
    rt_map_close(&map);
    assert_int_equal(rt_write_text("/no/such/folder/x", "a", 1, &err), RT_ERR_IO);
    remove(path);
    remove(folder);
}

/* ---- what a writer does with what is already there ---- */

static void only_writers_names_are_unfinished(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {"a.cif", "a.cif.tmp", "a.cif.tmp.", "a.cif.tmp.12", "a.cif.tmp.12.", "a.cif.tmp.x.1",
                                         "a.cif.tmp.12.x", "a.cif.tmp.12.3.gz", ".tmp.12.3", "a.cif.tmp.-1.3"};
    int64_t length;
    long process;
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        assert_false(rt_path_is_unfinished(OTHERS[i], &length, &process));
    assert_true(rt_path_is_unfinished("out/a.tmp.1.2.cif.tmp.12.3", &length, &process));
    assert_int_equal(length, strlen("out/a.tmp.1.2.cif"));
    assert_int_equal(process, 12);
}

static void assert_holds(const char *path, const char *text)
{
    rt_map map;
    assert_int_equal(rt_map_open(&map, path, NULL), RT_OK);
    assert_int_equal(map.size, strlen(text));
    assert_memory_equal(map.data, text, strlen(text));
    rt_map_close(&map);
}

static void a_link_is_followed_and_stays_a_link(void **state)
{
    (void)state;
    struct stat info;
    rt_err err;
    assert_int_equal(rt_write_text(test_path("file"), "old", 3, &err), RT_OK);
    assert_int_equal(symlink("file", test_path("link")), 0);
    assert_int_equal(symlink(test_path("link"), test_path("link2")), 0);    /* absolute, to a relative one */
    assert_int_equal(rt_write_text(test_path("link2"), "new", 3, &err), RT_OK);
    assert_int_equal(lstat(test_path("link2"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_holds(test_path("file"), "new");
    assert_int_equal(symlink("not_yet", test_path("dangling")), 0);
    assert_int_equal(rt_write_text(test_path("dangling"), "made", 4, &err), RT_OK);
    assert_holds(test_path("not_yet"), "made");
    assert_int_equal(symlink("loop", test_path("loop")), 0);
    assert_int_equal(rt_write_text(test_path("loop"), "x", 1, &err), RT_ERR_IO);
    assert_non_null(strstr(err.what, "symbolic links"));
}

static void the_mode_of_a_file_is_kept(void **state)
{
    (void)state;
    struct stat info;
    assert_int_equal(rt_write_text(test_path("file"), "old", 3, NULL), RT_OK);
    assert_int_equal(chmod(test_path("file"), 0640), 0);
    assert_int_equal(rt_write_text(test_path("file"), "new", 3, NULL), RT_OK);
    assert_int_equal(stat(test_path("file"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_holds(test_path("file"), "new");
}

static void a_folder_and_a_socket_are_refused(void **state)
{
    (void)state;
    rt_err err;
    struct stat info;
    assert_int_equal(mkdir(test_path("folder"), 0777), 0);
    assert_int_equal(rt_write_text(test_path("folder"), "x", 1, &err), RT_ERR_IO);
    assert_non_null(strstr(err.what, "is a folder"));
    assert_true(rt_folder_exists(test_path("folder")));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", test_path("socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(rt_write_text(test_path("socket"), "x", 1, &err), RT_ERR_IO);
    assert_int_equal(lstat(test_path("socket"), &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
    close(fd);
}

static void a_pipe_is_written_to(void **state)
{
    (void)state;
    char text[8] = "";
    struct stat info;
    assert_int_equal(mkfifo(test_path("pipe"), 0600), 0);
    int fd = open(test_path("pipe"), O_RDWR);   /* both ends, so that nobody waits */
    assert_true(fd >= 0);
    assert_true(rt_path_is_stream(test_path("pipe")));
    assert_int_equal(rt_write_text(test_path("pipe"), "through", 7, NULL), RT_OK);
    assert_int_equal(read(fd, text, sizeof text), 7);
    assert_string_equal(text, "through");
    close(fd);
    assert_int_equal(lstat(test_path("pipe"), &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
}

/* `init --out /dev/full` replaced the device by a file; here it is a copy of the device. */
static void a_device_is_written_to_and_stays(void **state)
{
    (void)state;
    rt_err err;
    struct stat info;
    if (mknod(test_path("full"), S_IFCHR | 0600, makedev(1, 7)) != 0) {
        puts("skip: mknod needs root");
        skip();
    }
    int fd = open(test_path("full"), O_WRONLY);
    if (fd < 0) {
        puts("skip: devices do not work in /tmp");
        skip();
    }
    close(fd);
    static char much[100000];
    for (int round = 0; round < 2; round++) {   /* less and more than a buffer */
        assert_int_equal(rt_write_text(test_path("full"), much, round ? sizeof much : 1, &err), RT_ERR_IO);
        assert_non_null(strstr(err.what, "No space left on device"));
        assert_int_equal(lstat(test_path("full"), &info), 0);
        assert_true(S_ISCHR(info.st_mode));
    }
    rt_writer *writer;
    assert_int_equal(rt_writer_open(&writer, test_path("full"), &err), RT_OK);
    rt_writer_abandon(writer);
    assert_int_equal(mknod(test_path("null"), S_IFCHR | 0600, makedev(1, 3)), 0);
    assert_int_equal(rt_write_text(test_path("null"), "x", 1, &err), RT_OK);
    assert_int_equal(lstat(test_path("null"), &info), 0);
    assert_true(S_ISCHR(info.st_mode));
}

/* What a shell has opened for us keeps its place in the folder, and what was there before stays before it. */
static void a_redirected_stdout_is_written_to(void **state)
{
    (void)state;
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), fd = open(test_path("out"), O_WRONLY | O_CREAT, 0600);
    dup2(fd, STDOUT_FILENO);
    close(fd);
    bool stream = rt_path_is_stream(test_path("out"));
    ssize_t before = write(STDOUT_FILENO, "1 ", 2);
    rt_status status = rt_write_text(test_path("out"), "2 ", 2, NULL);
    ssize_t after = write(STDOUT_FILENO, "3", 1);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_true(stream && before == 2 && after == 1);
    assert_int_equal(status, RT_OK);
    assert_holds(test_path("out"), "1 2 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_depend_on_every_part_of_the_key),
        cmocka_unit_test(normal_draws_have_the_right_moments),
        cmocka_unit_test(normals_in_bulk_do_not_depend_on_the_cut),
        cmocka_unit_test(rotations_are_rotations_and_uniform),
        cmocka_unit_test(permutation_has_every_index_once),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(what_is_not_finite_is_found),
        cmocka_unit_test(arena_obeys_its_capacity),
        cmocka_unit_test(pool_runs_every_task_once),
        cmocka_unit_test(numbers_are_parsed_strictly),
        cmocka_unit_test(text_from_files_is_tamed),
        cmocka_unit_test(nearest_word_finds_a_typo),
        cmocka_unit_test(only_writers_names_are_unfinished),
        cmocka_unit_test(a_file_is_written_whole_or_not_at_all),
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)
        IN_FOLDER(a_link_is_followed_and_stays_a_link),
        IN_FOLDER(the_mode_of_a_file_is_kept),
        IN_FOLDER(a_folder_and_a_socket_are_refused),
        IN_FOLDER(a_pipe_is_written_to),
        IN_FOLDER(a_device_is_written_to_and_stays),
        IN_FOLDER(a_redirected_stdout_is_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
