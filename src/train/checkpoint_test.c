/* checkpoint_test.c - a run can be taken up again whatever happened to it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "train/checkpoint.h"
#include "train/train_test.h"

enum { ROWS = 200, COLUMNS = 300 };

typedef struct {
    rt_params *params;
    rt_adam *adam;
    rt_average *average[1];
    rt_train_state state;
    rt_train_parts parts;
} trained;

static rt_run_identity identity(void)
{
    rt_run_identity id = {.code = "0.1.0 abc"};
    memset(id.plan, 'a', 64), memset(id.data, 'b', 64), memset(id.base, 'c', 64);
    return id;
}

/* Every number of the run is a function of `step`: what a checkpoint of that step must hold. */
static void set_step(trained *t, int64_t step)
{
    for (int64_t i = 0; i < rt_params_count(t->params); i++) {
        float *part[4] = {rt_params_at(t->params, i)->value.data, rt_adam_moment(t->adam, i, 0).data,
                          rt_adam_moment(t->adam, i, 1).data, rt_average_tensor(t->average[0], i).data};
        for (int k = 0; k < 4; k++)
            for (int64_t e = 0; e < rt_count(rt_params_at(t->params, i)->value); e++)
                part[k][e] = (float)step + (float)k / 7 + (float)(e % 97) * 1e-3f;
        *rt_adam_updates(t->adam, i) = step + i;
    }
    *rt_average_updates(t->average[0]) = step * 2;
    t->state = (rt_train_state){.step = step,
                                .sample = 4 * step,
                                .epoch = step / 10,
                                .position = step % 10,
                                .seed = 0xFFFFFFFFFFFFFFF1ull,
                                .schedule = {.kind = RT_SCHEDULE_COSINE, .rate = 3e-4, .warmup = 7, .steps = 9000,
                                             .least_ratio = 0.1, .decay_every = 1, .decay_factor = 0.95},
                                .guard = {.limit = 5, .n_skipped = step / 3, .n_in_row = 1},
                                .best_value = 1.0 / 3 + (double)step,
                                .best_step = step - 1,
                                .epochs_without_better = 2,
                                .seconds = 0.1 * (double)step};
}

static void open_run(trained *t, int64_t rows, double decay)
{
    rt_err err;
    static float zeros[ROWS * COLUMNS];
    *t = (trained){.state = {.guard = {.limit = 5}}};
    test_ok(rt_params_create(&t->params, &err), &err);
    rt_params_add(t->params, "confidence_head.first.weight", RT_PARAM_WEIGHT, RT_F32,
                  RT_WRAP(zeros, RT_F32, rows, COLUMNS), true, &err);
    rt_params_add(t->params, "confidence_head.first.bias", RT_PARAM_WEIGHT, RT_F32, RT_WRAP(zeros, RT_F32, rows), false,
                  &err);
    test_ok(rt_adam_create(&t->adam, t->params, &rt_adam_default, &err), &err);
    test_ok(rt_average_create(&t->average[0], t->params, decay, &err), &err);
    t->parts = (rt_train_parts){t->params, t->adam, t->average, 1};
}

static void close_run(trained *t)
{
    rt_average_free(t->average[0]);
    rt_adam_free(t->adam);
    rt_params_free(t->params);
}

static void expect_step(trained *t, int64_t step)
{
    trained want;
    open_run(&want, ROWS, 0.5);
    set_step(&want, step);
    for (int64_t i = 0; i < 2; i++) {
        rt_tensor a[4] = {rt_params_at(t->params, i)->value, rt_adam_moment(t->adam, i, 0),
                          rt_adam_moment(t->adam, i, 1), rt_average_tensor(t->average[0], i)};
        rt_tensor b[4] = {rt_params_at(want.params, i)->value, rt_adam_moment(want.adam, i, 0),
                          rt_adam_moment(want.adam, i, 1), rt_average_tensor(want.average[0], i)};
        for (int k = 0; k < 4; k++) assert_memory_equal(a[k].data, b[k].data, (size_t)rt_bytes(b[k]));
        assert_int_equal(*rt_adam_updates(t->adam, i), step + i);
    }
    assert_int_equal(*rt_average_updates(t->average[0]), 2 * step);
    const rt_train_state *s = &t->state, *w = &want.state;
    assert_true(s->step == w->step && s->sample == w->sample && s->epoch == w->epoch && s->position == w->position);
    assert_true(s->seed == w->seed && s->best_value == w->best_value && s->best_step == w->best_step);
    assert_true(s->guard.limit == 5 && s->guard.n_skipped == w->guard.n_skipped && s->guard.n_in_row == 1);
    const rt_schedule *a = &s->schedule, *b = &w->schedule;
    assert_true(a->kind == b->kind && a->rate == b->rate && a->warmup == 7 && a->steps == 9000);
    assert_true(a->least_ratio == b->least_ratio && a->decay_every == 1 && a->decay_factor == b->decay_factor);
    assert_true(s->epochs_without_better == 2 && s->seconds == w->seconds);
    close_run(&want);
}

static const char *run_folder(const char *name) { return test_path(name); }

static rt_checkpoint_store *open_store(const char *folder, rt_retention rule)
{
    rt_checkpoint_store *store;
    rt_err err;
    test_ok(rt_checkpoint_open(&store, folder, &rule, &err), &err);
    return store;
}

static rt_status save(rt_checkpoint_store *store, trained *t, int64_t step, bool epoch_end, bool best, rt_err *err)
{
    rt_run_identity id = identity();
    set_step(t, step);
    return rt_checkpoint_save(store, &id, &t->state, &t->parts, epoch_end, best ? 0.5 : NAN, best, err);
}

static rt_status resume(const char *folder, trained *t, bool *found, rt_err *err)
{
    rt_run_identity id = identity();
    rt_checkpoint_store *store = open_store(folder, rt_retention_default);
    rt_status status = rt_checkpoint_resume(store, found, &t->state, &id, &t->parts, err);
    rt_checkpoint_close(store);
    return status;
}

/* The folder's files in order of the alphabet, joined by blanks. */
static const char *files_of(const char *folder)
{
    static char text[2000];
    struct dirent **item;
    int n = scandir(folder, &item, NULL, alphasort);
    text[0] = 0;
    for (int i = 0; i < n; i++) {
        if (item[i]->d_name[0] != '.') strcat(strcat(text, item[i]->d_name), " ");
        free(item[i]);
    }
    free(item);
    return text;
}

static void what_was_saved_comes_back(void **state)
{
    trained t, back;
    rt_err err;
    bool found;
    (void)state;
    char folder[400];
    strcpy(folder, run_folder("whole"));
    open_run(&t, ROWS, 0.5);
    open_run(&back, ROWS, 0.5);
    test_ok(resume(folder, &back, &found, &err), &err);
    assert_false(found);
    rt_checkpoint_store *store = open_store(folder, rt_retention_default);
    rt_checkpoint_store *second;
    assert_int_equal(rt_checkpoint_open(&second, folder, &rt_retention_default, &err), RT_ERR_IO);
    assert_non_null(strstr(err.what, "another run is writing"));
    test_ok(save(store, &t, 3, false, false, &err), &err);
    test_ok(save(store, &t, 7, false, false, &err), &err);
    test_ok(save(store, &t, 7, false, false, &err), &err);   /* the same step once more: neither overwrites the other */
    rt_checkpoint_close(store);
    test_ok(resume(folder, &back, &found, &err), &err);
    assert_true(found);
    expect_step(&back, 7);
    const uint16_t *low = rt_params_at(back.params, 0)->value16.data;
    assert_int_equal(low[5], rt_f32_to_bf16(((float *)rt_params_at(back.params, 0)->value.data)[5]));
    close_run(&t);
    close_run(&back);
}

static void retention_keeps_what_it_says(void **state)
{
    trained t;
    rt_err err;
    char folder[400];
    (void)state;
    strcpy(folder, run_folder("retention"));
    open_run(&t, 2, 0.5);
    rt_checkpoint_store *store =
        open_store(folder, (rt_retention){.keep_last = 1, .keep_epochs = 2, .keep_best = true});
    for (int64_t step = 1; step <= 12; step++)
        test_ok(save(store, &t, step, step % 3 == 0, step == 2 || step == 4, &err), &err);
    assert_string_equal(files_of(folder), "checkpoints.json state-00000012.safetensors weights-00000004.safetensors "
                                          "weights-00000009.safetensors weights-00000012.safetensors ");
    assert_int_equal(rt_checkpoint_count(store), 3);
    assert_true(rt_checkpoint_at(store, 0)->best && rt_checkpoint_at(store, 0)->value == 0.5);
    rt_checkpoint_close(store);
    /* what an interrupted run leaves goes at the next start; other people's files stay */
    FILE *f;
    const char *const left[4] = {"weights-00000013.safetensors", "state-00000013.safetensors.tmp.77.0",
                                 "checkpoints.json.tmp.77.12", "weights-notes.txt"};
    for (int i = 0; i < 4; i++) {
        char path[500];
        rt_path_join(path, sizeof path, folder, left[i]);
        f = fopen(path, "w");
        fclose(f);
    }
    store = open_store(folder, rt_retention_default);
    assert_string_equal(files_of(folder),
                        "checkpoints.json state-00000012.safetensors weights-00000004.safetensors "
                        "weights-00000009.safetensors weights-00000012.safetensors weights-notes.txt ");
    rt_checkpoint_close(store);
    close_run(&t);
}

static void other_runs_are_refused(void **state)
{
    trained t, other;
    rt_err err;
    bool found;
    char folder[400];
    (void)state;
    rt_log_set_level(RT_LOG_QUIET);
    strcpy(folder, run_folder("other"));
    open_run(&t, ROWS, 0.5);
    rt_checkpoint_store *store = open_store(folder, rt_retention_default);
    test_ok(save(store, &t, 5, false, false, &err), &err);
    set_step(&t, 1);
    const char *const what[3] = {"started with other settings (aaaaaaaaaaaa..., now xaaaaaaaaaaa...)",
                                 "started on another training set", "started from another base checkpoint"};
    for (int i = 0; i < 3; i++) {
        rt_run_identity id = identity();
        (i == 0 ? id.plan : i == 1 ? id.data : id.base)[0] = 'x';
        assert_int_equal(rt_checkpoint_resume(store, &found, &t.state, &id, &t.parts, &err), RT_ERR_MISMATCH);
        if (!strstr(err.what, what[i])) fail_msg("%s", err.what);
        assert_true(err.hint[0] != 0);
    }
    expect_step(&t, 1);   /* nothing changed */
    rt_run_identity id = identity();
    strcpy(id.code, "9.9.9");   /* another program is warned about */
    test_ok(rt_checkpoint_resume(store, &found, &t.state, &id, &t.parts, &err), &err);
    expect_step(&t, 5);
    open_run(&other, ROWS - 1, 0.5);
    assert_int_equal(rt_checkpoint_resume(store, &found, &other.state, &id, &other.parts, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "'confidence_head.first.weight' is F32 (200, 300), F32 (199, 300) was expected"));
    close_run(&other);
    open_run(&other, ROWS, 0.75);
    assert_int_equal(rt_checkpoint_resume(store, &found, &other.state, &id, &other.parts, &err), RT_ERR_MISMATCH);
    close_run(&other);
    rt_checkpoint_close(store);
    close_run(&t);
}

static void flip_a_byte(const char *folder, const char *name)
{
    char path[500];
    rt_path_join(path, sizeof path, folder, name);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, -100, SEEK_END);
    int byte = fgetc(f);
    fseek(f, -100, SEEK_END);
    fputc(byte ^ 1, f);
    fclose(f);
}

static void damage_is_noticed_and_passed_over(void **state)
{
    trained t;
    rt_err err;
    bool found;
    char folder[400];
    (void)state;
    rt_log_set_level(RT_LOG_QUIET);
    strcpy(folder, run_folder("damage"));
    open_run(&t, ROWS, 0.5);
    rt_checkpoint_store *store = open_store(folder, rt_retention_default);
    test_ok(save(store, &t, 5, false, false, &err), &err);
    test_ok(save(store, &t, 6, false, false, &err), &err);
    rt_checkpoint_close(store);
    flip_a_byte(folder, "state-00000006.safetensors");
    test_ok(resume(folder, &t, &found, &err), &err);
    expect_step(&t, 5);
    flip_a_byte(folder, "weights-00000005.safetensors");
    assert_int_equal(resume(folder, &t, &found, &err), RT_ERR_FORMAT);
    assert_true(strstr(err.what, "is damaged") && strstr(err.file, "weights-00000005") && err.hint[0]);
    /* a list that names files outside the run's own */
    char path[500], text[600];
    rt_path_join(path, sizeof path, folder, "checkpoints.json");
    snprintf(text, sizeof text,
             "{\"format\":1,\"checkpoints\":[{\"step\":1,\"epoch\":0,\"epoch_end\":false,\"best\":false,"
             "\"value\":null,\"weights\":{\"file\":\"../../etc/passwd\",\"sha256\":\"\",\"bytes\":1},"
             "\"state\":null}]}");
    test_ok(rt_write_text(path, text, (int64_t)strlen(text), &err), &err);
    assert_int_equal(rt_checkpoint_open(&store, folder, &rt_retention_default, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "which is no checkpoint of a run"));
    close_run(&t);
}

/* A list with any byte changed is read or refused; nothing outside the folder is touched. */
static void any_list_is_read_or_refused(void **state)
{
    trained t;
    rt_err err;
    rt_map map;
    char folder[400], path[500], text[4000];
    int n_refused = 0;
    (void)state;
    rt_log_set_level(RT_LOG_QUIET);
    strcpy(folder, run_folder("bytes"));
    open_run(&t, 2, 0.5);
    rt_checkpoint_store *store = open_store(folder, rt_retention_default);
    for (int64_t step = 1; step <= 2; step++) test_ok(save(store, &t, step, true, step == 2, &err), &err);
    rt_checkpoint_close(store);
    rt_path_join(path, sizeof path, folder, "checkpoints.json");
    test_ok(rt_map_open(&map, path, &err), &err);
    int64_t size = map.size;
    assert_true(size < (int64_t)sizeof text);
    memcpy(text, map.data, (size_t)size);
    rt_map_close(&map);
    for (int64_t i = 0; i < size; i++) {
        char keep = text[i];
        text[i] = "9\"{]/.-a\xff"[i % 9];
        FILE *f = fopen(path, "w");
        fwrite(text, 1, (size_t)size, f);
        fclose(f);
        text[i] = keep;
        rt_status status = rt_checkpoint_open(&store, folder, &rt_retention_default, &err);
        n_refused += status != RT_OK;
        assert_true(status == RT_OK || err.what[0]);
        if (status == RT_OK) rt_checkpoint_close(store);
    }
    assert_true(n_refused > size / 4);
    close_run(&t);
}

static void a_full_disk_keeps_the_last_one(void **state)
{
    trained t;
    rt_err err;
    bool found;
    char folder[400], moved[420];
    (void)state;
    rt_log_set_level(RT_LOG_QUIET);
    strcpy(folder, run_folder("full"));
    open_run(&t, ROWS, 0.5);
    rt_checkpoint_store *store = open_store(folder, rt_retention_default);
    test_ok(save(store, &t, 5, false, false, &err), &err);
    char before[2000];
    strcpy(before, files_of(folder));
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    /* too small for the weights; enough for these but not for the state */
    for (rlim_t size = 100000; size <= 300000; size += 200000) {
        small = old;
        small.rlim_cur = size;
        setrlimit(RLIMIT_FSIZE, &small);
        rt_status status = save(store, &t, 6, true, true, &err);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, RT_ERR_IO);
        assert_non_null(strstr(err.hint, "the checkpoint of step 5 is whole"));
        assert_string_equal(files_of(folder), before);
    }
    signal(SIGXFSZ, handler);
    /* a folder that cannot be written to */
    snprintf(moved, sizeof moved, "%s_moved", folder);
    assert_int_equal(rename(folder, moved), 0);
    assert_int_equal(save(store, &t, 7, false, false, &err), RT_ERR_IO);
    assert_int_equal(rename(moved, folder), 0);
    test_ok(save(store, &t, 8, false, false, &err), &err);
    rt_checkpoint_close(store);
    test_ok(resume(folder, &t, &found, &err), &err);
    expect_step(&t, 8);
    close_run(&t);
}

static double time_of_a_save(void)
{
    struct timespec begin, end;
    trained t;
    rt_err err;
    open_run(&t, ROWS, 0.5);
    rt_checkpoint_store *store = open_store(run_folder("timed"), rt_retention_default);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int64_t step = 0; step < 3; step++) test_ok(save(store, &t, step, false, false, &err), &err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    rt_checkpoint_close(store);
    close_run(&t);
    return ((double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec)) / 3;
}

/* A child saves step after step and is killed somewhere in it, again and again. */
static void kills_at_any_moment(void **state)
{
    char folder[400];
    int n_kill = getenv("RT_STRESS") ? 200 : 10;
    int64_t last = -1;
    (void)state;
    strcpy(folder, run_folder("kills"));
    rt_rng rng = rt_rng_make(5, 0, 0, RT_DRAW_WEIGHTS);
    double one_save = time_of_a_save();
    for (int i = 0; i < n_kill; i++) {
        int ready[2];
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            trained t;
            rt_err err;
            bool found;
            open_run(&t, ROWS, 0.5);
            if (resume(folder, &t, &found, &err) != RT_OK) _exit(2);
            rt_checkpoint_store *store = open_store(folder, rt_retention_default);
            if (write(ready[1], "", 1) != 1) _exit(4);
            for (int64_t step = found ? t.state.step + 1 : 0;; step++)
                if (save(store, &t, step, step % 4 == 0, false, &err) != RT_OK) _exit(3);
        }
        char byte;
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);   /* the clock runs from its first save on */
        close(ready[0]);
        double seconds = 8 * one_save * rt_rng_uniform(&rng, (uint64_t)i);
        struct timespec wait = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * fmod(seconds, 1))};
        int code;
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        waitpid(child, &code, 0);
        assert_true(WIFSIGNALED(code));
        trained t;
        rt_err err;
        bool found;
        open_run(&t, ROWS, 0.5);
        test_ok(resume(folder, &t, &found, &err), &err);
        assert_true(found || last < 0);
        if (found) {
            assert_true(t.state.step >= last);
            last = t.state.step;
            expect_step(&t, last);
        }
        close_run(&t);
    }
    print_message("note: %d kills, the run came to step %lld; every checkpoint was whole\n", n_kill, (long long)last);
    assert_true(last > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_comes_back), cmocka_unit_test(retention_keeps_what_it_says),
        cmocka_unit_test(other_runs_are_refused), cmocka_unit_test(damage_is_noticed_and_passed_over),
        cmocka_unit_test(any_list_is_read_or_refused),
        cmocka_unit_test(a_full_disk_keeps_the_last_one), cmocka_unit_test(kills_at_any_moment)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
