/* trunk_cache_test.c - several rollouts of one trunk pass; a cache changes no number beyond the rounding that it names,
 * knows what its entries depend on, and survives damage, limits and other processes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "train/step_bench.h"
#include "train/trunk_cache.h"

enum { K = 3 };
static const rt_step_terms confidence = {.confidence = {1, 1, 1, 1}};

static void open_rollouts(bench *b, int64_t rollouts)
{
    open_bench(b, RT_BACKEND_CPU, 2, "confidence_head", confidence);
    b->plan.options.rollouts = rollouts;
}

static rt_trunk_cache *open_cache(const char *folder, const char *plan, int64_t limit)
{
    rt_trunk_cache *cache;
    rt_err err;
    json_t *json = json_pack("{s:s}", "checkpoint", plan);
    rt_trunk_cache_options options = {.folder = folder, .limit = limit, .plan = json};
    test_ok(rt_trunk_cache_open(&cache, &options, &err), &err);
    json_decref(json);
    return cache;
}

static rt_step_loss take(bench *b, rt_trunk_cache *cache, uint64_t view, const rt_step_given *given)
{
    rt_err err;
    rt_step_loss loss;
    rt_draw_key key = b->key;
    key.number = view;
    rt_params_zero_grad(b->params, NULL);
    test_ok(rt_trunk_cache_step(cache, b->ctx, b->model, &loss, &b->plan, &b->features, &b->label, &key, given, true,
                                true, &err), &err);
    return loss;
}

static double *gradients(const bench *b)
{
    double *all = calloc((size_t)rt_params_elements(b->params), sizeof *all), *at = all;
    for (int64_t i = 0; i < rt_params_count(b->params); i++)
        for (int64_t e = 0; e < rt_count(rt_params_at(b->params, i)->grad); e++)
            *at++ = rt_get(rt_params_at(b->params, i)->grad, e);
    return all;
}

/* L2 of the difference against L2 of b. */
static double apart(const double *a, const double *b, int64_t n)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < n; i++) difference += (a[i] - b[i]) * (a[i] - b[i]), size += b[i] * b[i];
    return sqrt(difference / size);
}

/* The only entry's path. */
static const char *entry_of(const rt_trunk_cache *cache, const char *folder)
{
    static char path[900];
    char own[500];
    snprintf(own, sizeof own, "%s/%.16s", folder, rt_trunk_cache_state_of(cache)->key);
    DIR *dir = opendir(own);
    path[0] = 0;
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        if (strstr(e->d_name, ".safetensors")) snprintf(path, sizeof path, "%s/%s", own, e->d_name);
    closedir(dir);
    return path;
}

/* ---- rollouts ---- */

typedef struct {
    rt_tensor x; /* (K,A,3) */
    double lddt[K];
} seen;

static rt_status watch(void *user, rt_ctx *ctx, const rt_step_judged *j, rt_err *err)
{
    seen *s = user;
    (void)ctx;
    (void)err;
    rt_tensor to = rt_at(s->x, j->rollout);
    assert_int_equal(rt_count(to), rt_count(j->x));
    rt_convert(to.data, to.dtype, j->x.data, j->x.dtype, rt_count(to));
    s->lddt[j->rollout] = rt_get(j->truth->lddt, 1);
    return RT_OK;
}

/* K rollouts' loss and gradients are the means of those of each structure alone, with its own label names. */
static void k_rollouts_are_the_mean_of_each_alone(void **state)
{
    (void)state;
    bench b;
    open_rollouts(&b, K);
    b.plan.options.permute = true;
    int64_t n = rt_params_elements(b.params), atoms = b.features.n_atom;
    seen s = {.x = RT_NEW(b.ctx, K, atoms, 3)};
    rt_step_given watching = {.opt_watcher = watch, .user = &s};
    double all = take(&b, NULL, 5, &watching).total, sum = 0, *together = gradients(&b), *mean = calloc((size_t)n, 8);
    b.plan.options.rollouts = 1;
    for (int64_t k = 0; k < K; k++) {
        rt_step_given one = {.x_mini = rt_at(s.x, k)};
        sum += take(&b, NULL, 5, &one).total / K;
        double *g = gradients(&b);
        for (int64_t i = 0; i < n; i++) mean[i] += g[i] / K;
        free(g);
        for (int64_t other = 0; other < k; other++)
            assert_memory_not_equal(rt_at(s.x, k).data, rt_at(s.x, other).data, (size_t)rt_bytes(rt_at(s.x, k)));
    }
    print_message("note: loss %.6f, mean of each alone %.6f; gradients apart by %.1e\n", all, sum, apart(together, mean, n));
    assert_true(fabs(all / sum - 1) < 1e-6 && apart(together, mean, n) < 1e-5);
    free(together);
    free(mean);
    close_bench(&b);
}

/* The first of K rollouts is the one of a step that has one: more rollouts change no draw. */
static void the_first_rollout_is_the_only_one_of_a_single_step(void **state)
{
    (void)state;
    bench b;
    open_rollouts(&b, K);
    seen many = {.x = RT_NEW(b.ctx, K, b.features.n_atom, 3)}, one = {.x = RT_NEW(b.ctx, K, b.features.n_atom, 3)};
    take(&b, NULL, 5, &(rt_step_given){.opt_watcher = watch, .user = &many});
    b.plan.options.rollouts = 0;
    take(&b, NULL, 5, &(rt_step_given){.opt_watcher = watch, .user = &one});
    assert_memory_equal(many.x.data, one.x.data, (size_t)rt_bytes(rt_at(one.x, 0)));
    close_bench(&b);
}

static void rollouts_have_different_numbers_of_steps(void **state)
{
    (void)state;
    rt_step_options o = {.rollout_steps = 20, .rollouts = 5}, few = {.rollout_steps = 1};
    const int64_t want[5] = {20, 10, 5, 40, 20};
    for (int64_t k = 0; k < 5; k++) assert_int_equal(rt_step_rollout_steps(&o, k), want[k]);
    assert_int_equal(rt_step_rollout_steps(&few, 2), 1);
    o.equal_steps = true;
    assert_int_equal(rt_step_rollout_steps(&o, 2), 20);
    assert_int_equal(rt_step_rollouts(&few), 1);
}

/* ---- the cache ---- */

static void a_cache_rounds_and_changes_nothing_else(void **state)
{
    (void)state;
    bench b;
    rt_trunk_cache *cache = open_cache(test_path("same"), "a", 1 << 30);
    open_rollouts(&b, K);
    int64_t n = rt_params_elements(b.params);
    rt_step_loss without = take(&b, NULL, 5, NULL);
    double *g0 = gradients(&b);
    rt_step_loss made = take(&b, cache, 5, NULL);
    double *g1 = gradients(&b);
    rt_step_loss read = take(&b, cache, 5, NULL);
    double *g2 = gradients(&b);
    rt_trunk_cache_counts counts = rt_trunk_cache_counted(cache);
    assert_true(counts.n_made == 1 && counts.n_kept == 1 && counts.n_read == 1 && counts.n_damaged == 0);
    assert_memory_equal(&made, &read, sizeof made);
    assert_memory_equal(g1, g2, (size_t)n * sizeof *g1);
    print_message("note: rounding to bf16 moves the loss by %.1e and the gradients by %.1e, relative\n",
                  fabs(made.total / without.total - 1), apart(g1, g0, n));
    assert_true(made.total != without.total && fabs(made.total / without.total - 1) < 1e-3 && apart(g1, g0, n) < 1e-2);
    assert_int_equal(made.n_cycle, without.n_cycle);
    free(g0);
    free(g1);
    free(g2);
    rt_trunk_cache_close(cache);
    close_bench(&b);
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(file);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    fputc(c ^ 4, file);
    fclose(file);
}

static void a_damaged_entry_is_found_and_made_again(void **state)
{
    (void)state;
    bench b;
    const char *folder = test_path("damaged");
    rt_trunk_cache *cache = open_cache(folder, "a", 1 << 30);
    open_rollouts(&b, K);
    double want = take(&b, cache, 5, NULL).total;
    char path[900];
    snprintf(path, sizeof path, "%s", entry_of(cache, folder));
    for (int kind = 0; kind < 4; kind++) {
        if (kind == 0) change_byte(path, -5);        /* the last values */
        else if (kind == 1) change_byte(path, 700);  /* the first ones, or their header */
        else if (kind == 2) assert_int_equal(truncate(path, 2000), 0);
        else assert_int_equal(truncate(path, 0), 0);
        assert_true(take(&b, cache, 5, NULL).total == want);
        assert_int_equal(rt_trunk_cache_counted(cache).n_damaged, kind + 1);
        assert_true(take(&b, cache, 5, NULL).total == want);
        assert_int_equal(rt_trunk_cache_counted(cache).n_read, kind + 1);
    }
    rt_trunk_cache_close(cache);
    close_bench(&b);
}

/* An entry under the name of another view is refused, as is one of other shapes. */
static void an_entry_is_what_its_name_says(void **state)
{
    (void)state;
    bench b;
    const char *folder = test_path("named");
    rt_trunk_cache *cache = open_cache(folder, "a", 1 << 30);
    char five[900], six[900], moved[900];
    open_rollouts(&b, K);
    take(&b, cache, 5, NULL);
    snprintf(five, sizeof five, "%s", entry_of(cache, folder));
    snprintf(moved, sizeof moved, "%s.away", folder);
    assert_int_equal(rename(five, moved), 0);
    double want = take(&b, cache, 6, NULL).total;
    snprintf(six, sizeof six, "%s", entry_of(cache, folder));
    assert_string_not_equal(five, six);
    assert_int_equal(rename(moved, six), 0);
    assert_true(take(&b, cache, 6, NULL).total == want);
    assert_int_equal(rt_trunk_cache_counted(cache).n_damaged, 1);
    b.plan.options.rollouts = 2;   /* the same key, which a caller's plan does not let happen */
    take(&b, cache, 6, NULL);
    assert_int_equal(rt_trunk_cache_counted(cache).n_damaged, 2);
    rt_trunk_cache_close(cache);
    close_bench(&b);
}

/* Views, seeds, targets, what the network reads, and the plan: each has entries of its own. */
static void another_plan_reads_other_entries(void **state)
{
    (void)state;
    bench b;
    const char *folder = test_path("plans");
    rt_trunk_cache *cache = open_cache(folder, "a", 1 << 30), *other = open_cache(folder, "b", 1 << 30);
    open_rollouts(&b, 1);
    assert_string_not_equal(rt_trunk_cache_state_of(cache)->key, rt_trunk_cache_state_of(other)->key);
    take(&b, cache, 5, NULL);
    take(&b, other, 5, NULL);
    assert_int_equal(rt_trunk_cache_counted(other).n_read, 0);
    take(&b, cache, 6, NULL);
    b.key.seed++;
    take(&b, cache, 5, NULL);
    b.key.seed--, b.key.stream++;
    take(&b, cache, 5, NULL);
    b.key.stream--;
    float *profile = b.features.profile.data, kept = profile[0];
    profile[0] += 0.25f;   /* another alignment */
    take(&b, cache, 5, NULL);
    profile[0] = kept;
    assert_int_equal(rt_trunk_cache_counted(cache).n_read, 0);
    assert_int_equal(rt_trunk_cache_counted(cache).n_kept, 5);
    take(&b, cache, 5, NULL);
    assert_int_equal(rt_trunk_cache_counted(cache).n_read, 1);
    rt_trunk_cache *again = open_cache(folder, "a", 1 << 30);
    const rt_trunk_cache_state *now = rt_trunk_cache_state_of(again);
    assert_true(now->limit == 1 << 30 && now->others > 0 && now->used > 5 * now->others && now->used < 7 * now->others);
    rt_trunk_cache_close(again);
    rt_trunk_cache_close(cache);
    rt_trunk_cache_close(other);
    close_bench(&b);
}

/* What --dry-run says of a cache: the same as opening it would find, but nothing is made. */
static void a_look_makes_nothing(void **state)
{
    (void)state;
    bench b;
    rt_err err;
    rt_trunk_cache_state now;
    const char *folder = test_path("looked_at");
    json_t *plan = json_pack("{s:s}", "checkpoint", "a");
    rt_trunk_cache_options options = {.folder = folder, .limit = 0, .plan = plan};
    test_ok(rt_trunk_cache_look(&now, &options, &err), &err);
    assert_true(now.used == 0 && now.others == 0 && now.limit > 0);
    assert_false(rt_folder_exists(folder));
    open_rollouts(&b, 1);
    rt_trunk_cache *cache = open_cache(folder, "a", 1 << 30);
    assert_string_equal(rt_trunk_cache_state_of(cache)->key, now.key);
    take(&b, cache, 5, NULL);
    test_ok(rt_trunk_cache_look(&now, &options, &err), &err);
    assert_true(now.used > 0 && now.others == 0);
    json_decref(plan);
    rt_trunk_cache_close(cache);
    close_bench(&b);
}

static void what_does_not_fit_is_worked_out_each_time(void **state)
{
    (void)state;
    bench b;
    open_rollouts(&b, K);
    int64_t one = rt_trunk_cache_entry_bytes(&b.model->config, b.features.n_token, b.features.n_atom, K);
    rt_trunk_cache *wide = open_cache(test_path("wide"), "a", 0), *narrow = open_cache(test_path("narrow"), "a", 2 * one);
    double want[3];
    assert_true(rt_trunk_cache_state_of(wide)->limit > 0);   /* what the disk has */
    for (uint64_t view = 0; view < 3; view++) want[view] = take(&b, wide, view, NULL).total;
    for (int round = 0; round < 2; round++)
        for (uint64_t view = 0; view < 3; view++) assert_true(take(&b, narrow, view, NULL).total == want[view]);
    rt_trunk_cache_counts counts = rt_trunk_cache_counted(narrow);
    assert_true(counts.n_kept >= 1 && counts.n_kept <= 2 && counts.n_read == counts.n_kept);
    assert_true(rt_trunk_cache_state_of(narrow)->used <= rt_trunk_cache_state_of(narrow)->limit);
    print_message("note: %lld of 3 views fit\n", (long long)counts.n_kept);
    rt_trunk_cache_close(wide);
    rt_trunk_cache_close(narrow);
    close_bench(&b);
}

/* Two processes work on the same views at once; both, and a third after them, see the same numbers. */
static void two_processes_share_a_cache(void **state)
{
    (void)state;
    const char *folder = test_path("shared");
    enum { VIEWS = 6 };
    double got[2][VIEWS];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    bench b;
    open_rollouts(&b, K);
    rt_trunk_cache *cache = open_cache(folder, "a", 1 << 30);
    for (uint64_t v = 0; v < VIEWS; v++) got[0][v] = take(&b, cache, v, NULL).total;
    if (child == 0) {
        _exit(write(ends[1], got[0], sizeof got[0]) == sizeof got[0] ? 0 : 1);
    }
    int left = 1;
    assert_int_equal(read(ends[0], got[1], sizeof got[1]), sizeof got[1]);
    assert_int_equal(waitpid(child, &left, 0), child);
    assert_int_equal(left, 0);
    assert_memory_equal(got[0], got[1], sizeof got[0]);
    rt_trunk_cache *third = open_cache(folder, "a", 1 << 30);
    for (uint64_t v = 0; v < VIEWS; v++) assert_true(take(&b, third, v, NULL).total == got[0][v]);
    assert_int_equal(rt_trunk_cache_counted(third).n_read, VIEWS);
    assert_int_equal(rt_trunk_cache_counted(third).n_damaged, 0);
    rt_trunk_cache_close(cache);
    rt_trunk_cache_close(third);
    close_bench(&b);
}

/* A cache that cannot be written to is no reason to end a run. */
static void a_folder_that_cannot_be_written_to_costs_a_warning(void **state)
{
    (void)state;
    bench b;
    const char *folder = test_path("gone");
    rt_trunk_cache *cache = open_cache(folder, "a", 1 << 30);
    char own[500], away[600];
    open_rollouts(&b, 1);
    snprintf(own, sizeof own, "%s/%.16s", folder, rt_trunk_cache_state_of(cache)->key);
    snprintf(away, sizeof away, "%s.away", folder);
    assert_int_equal(rename(own, away), 0);
    double first = take(&b, cache, 5, NULL).total;
    assert_true(take(&b, cache, 5, NULL).total == first);
    assert_int_equal(rt_trunk_cache_counted(cache).n_kept, 0);
    assert_int_equal(rt_trunk_cache_counted(cache).n_made, 2);
    rt_trunk_cache_close(cache);
    close_bench(&b);
}

/* rnapro_base: 384 x 384 x 128 values of two bytes are nearly all of it. */
static void a_view_of_384_tokens_takes_38_megabytes(void **state)
{
    (void)state;
    rt_config config;
    rt_err err;
    test_ok(rt_config_load(&config, "rnapro_base", &err), &err);
    double bytes = (double)rt_trunk_cache_entry_bytes(&config, 384, 384 * 22, 1);
    print_message("note: %.1f MB\n", 1e-6 * bytes);
    assert_true(bytes > 37e6 && bytes < 39e6);
}

/* 2930 tokens with --crop 0: more than 2 GiB.  Small views before and after it; only what is touched takes memory. */
static void a_long_target_has_room(void **state)
{
    (void)state;
    rt_config config;
    rt_err err;
    rt_arena *arena = NULL;
    static const int64_t TOKENS[] = {30, 2930, 30};
    test_ok(rt_config_load(&config, "rnapro_base", &err), &err);
    for (int i = 0; i < 3; i++) {
        rt_step_frozen f = rt_step_frozen_shapes(&config, TOKENS[i], 22 * TOKENS[i], K);
        test_ok(rt_step_frozen_place(&f, &arena, &err), &err);
        const rt_tensor part[] = {f.s_inputs, f.s, f.z, f.x};
        for (int p = 0; p < 4; p++) ((char *)part[p].data)[0] = ((char *)part[p].data)[rt_bytes(part[p]) - 1] = 1;
        assert_true(rt_arena_used(arena) >= rt_bytes(f.z) && !f.known);
        if (i == 1) assert_true(rt_bytes(f.z) > (int64_t)2 << 30);
    }
    rt_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k_rollouts_are_the_mean_of_each_alone),
        cmocka_unit_test(the_first_rollout_is_the_only_one_of_a_single_step),
        cmocka_unit_test(rollouts_have_different_numbers_of_steps),
        cmocka_unit_test(a_cache_rounds_and_changes_nothing_else),
        cmocka_unit_test(a_damaged_entry_is_found_and_made_again),
        cmocka_unit_test(an_entry_is_what_its_name_says),
        cmocka_unit_test(another_plan_reads_other_entries),
        cmocka_unit_test(a_look_makes_nothing),
        cmocka_unit_test(what_does_not_fit_is_worked_out_each_time),
        cmocka_unit_test(two_processes_share_a_cache),
        cmocka_unit_test(a_folder_that_cannot_be_written_to_costs_a_warning),
        cmocka_unit_test(a_view_of_384_tokens_takes_38_megabytes),
        cmocka_unit_test(a_long_target_has_room),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
