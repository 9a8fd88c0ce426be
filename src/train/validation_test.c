/* validation_test.c - a validation without a usable loss has no number, and says which target took it away */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "prep/dataset_write.h"
#include "train/step_bench.h"
#include "train/validation.h"

enum { TARGETS = 3, LENGTH = 8 };
static const int64_t NUMBER[TARGETS] = {0, 1, 2};

/* Three chains: V0 and V2 sharp, V1 too blurred for confidence. */
static rt_dataset *make_set(const char *folder)
{
    static float xyz[LENGTH][RT_SLOT_COUNT][3];
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_err err;
    test_ok(rt_dataset_writer_open(&writer, folder, "plan", &err), &err);
    for (int k = 0; k < TARGETS; k++) {
        rt_target t = rt_target_empty();
        char id[8];
        snprintf(id, sizeof id, "V%d", k);
        for (int64_t i = 0; i < LENGTH * RT_SLOT_COUNT * 3; i++) (&xyz[0][0][0])[i] = 9 * sinf((float)(i * (k + 2)) * 0.11f);
        t.number = k, t.id = id, t.sequence = "GGCUUCGC", t.origin = RT_ORIGIN_TRAIN;
        t.n_conformation = 1, t.n_slot = RT_SLOT_COUNT, t.slots = RT_SLOTS_ALL, t.resolution = k == 1 ? 30 : 2;
        test_ok(rt_dataset_writer_add(writer, &t, xyz[0][0], &err), &err);
    }
    test_ok(rt_dataset_writer_commit(writer, &err), &err);
    test_ok(rt_dataset_open(&set, folder, &err), &err);
    return set;
}

/* The loss of a validation of `n` targets from number `first` on, and all that it printed on stderr. */
static double validate(bench *b, const rt_dataset *set, int64_t first, int64_t n, char said[1000])
{
    rt_err err;
    rt_arena *arena;
    rt_validation v;
    bool done;
    rt_sample_options sample = {.template_missing = RT_TEMPLATE_MISSING_ORIGIN, .conformers = rt_conformers_default()};
    FILE *heard = tmpfile();
    assert_non_null(heard);
    test_ok(rt_arena_create(&arena, "sample", (int64_t)1 << 28, &err), &err);
    rt_validation_options o = {.set = set, .target = NUMBER + first, .n = n, .sample = &sample, .plan = &b->plan, .seed = 5,
                               .arena = arena};
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(fileno(heard), STDERR_FILENO) >= 0);
    rt_status status = rt_validation_run(b->ctx, b->model, &v, &done, &o, &err);
    dup2(kept, STDERR_FILENO);
    close(kept);
    test_ok(status, &err);
    assert_true(done);
    rewind(heard);
    said[fread(said, 1, 999, heard)] = 0;
    fclose(heard);
    rt_arena_free(arena);
    return rt_step_total(&v.term, &b->plan.options.weight);
}

static void open_all(bench *b, rt_dataset **ret_set, const char *name)
{
    rt_log_set_level(RT_LOG_WARN);
    *ret_set = make_set(test_path(name));
    open_bench(b, RT_BACKEND_CPU, 2, "confidence_head", (rt_step_terms){.confidence = {1, 1, 1, 1}});
}

static void close_all(bench *b, rt_dataset *set)
{
    rt_log_set_level(RT_LOG_INFO);
    rt_dataset_close(set);
    close_bench(b);
}

/* A 0 would be better than every later epoch. */
static void without_a_target_that_counts_there_is_no_loss(void **state)
{
    (void)state;
    bench b;
    rt_dataset *set;
    char said[1000];
    open_all(&b, &set, "none");
    double one = validate(&b, set, 0, 1, said);
    assert_string_equal(said, "");
    assert_true(isfinite(one) && one > 0);
    test_near("a target that does not count changes nothing", validate(&b, set, 0, 2, said), one, 1e-12);
    assert_true(isnan(validate(&b, set, 1, 1, said)));
    assert_non_null(strstr(said, "none of the 1 held-out targets has a loss that counts"));
    close_all(&b, set);
}

/* The first of two is named, and the one that counts nothing is not. */
static void a_loss_that_is_no_number_is_named_once(void **state)
{
    (void)state;
    bench b;
    rt_dataset *set;
    char said[1000];
    open_all(&b, &set, "diverged");
    rt_param *p = rt_params_find(b.params, "confidence_head.pae_ln.weight");
    assert_non_null(p);
    rt_set(p->value, 0, NAN);
    rt_params_refresh(b.params);
    assert_false(isfinite(validate(&b, set, 0, TARGETS, said)));
    assert_non_null(strstr(said, "V0: its held-out loss is no finite number"));
    assert_null(strstr(said, "V1: "));
    assert_null(strstr(said, "V2: "));
    close_all(&b, set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_a_target_that_counts_there_is_no_loss),
                                       cmocka_unit_test(a_loss_that_is_no_number_is_named_once)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
