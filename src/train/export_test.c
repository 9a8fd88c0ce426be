/* export_test.c - a trained network as .pt and safetensors, read back whole and continued from */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/torch_archive.h"
#include "io/torch_writer.h"
#include "train/export.h"
#include "train/torch_state.h"
#include "train/train_test.h"

static const char TINY[] = "tests/data/golden/tiny/tiny.pt",
                  LINEAR[] = "pairformer_stack.blocks.0.attention_pair_bias.attention.linear_q";

/* The confidence head trained for a few steps; with an adapter on one linear layer if asked. */
static rt_params *train_head(const rt_weights *base, rt_adam **adam, rt_adam_kind kind, bool adapter)
{
    rt_params *params;
    rt_pool *pool;
    rt_err err;
    test_ok(rt_params_create(&params, &err), &err);
    for (int64_t i = 0; i < rt_weights_count(base); i++) {
        const rt_weight *w = rt_weights_at(base, i);
        if (strncmp(w->name, "confidence_head.", 16) == 0 && !strstr(w->name, "er_bins"))
            rt_params_add(params, w->name, RT_PARAM_WEIGHT, RT_F32, w->tensor, false, &err);
    }
    if (adapter) {
        rt_adapter a;
        test_ok(rt_params_adapt(params, LINEAR, 2, 4, 1, &err), &err);
        test_ok(rt_params_add_adapter(params, &a, LINEAR, RT_F32, 32, 32, false, &err), &err);
        for (int i = 0; i < 64; i++) ((float *)a.b.data)[i] = (float)(i % 7) / 10;
    }
    rt_adam_options options = rt_adam_default;
    options.kind = kind;
    test_ok(rt_adam_create(adam, params, &options, &err), &err);
    test_ok(rt_pool_create(&pool, 1, &err), &err);
    for (int step = 0; step < 3; step++) {
        for (int64_t i = 0; i < rt_params_count(params); i++) {
            rt_tensor g = rt_params_at(params, i)->grad;
            for (int64_t k = 0; k < rt_count(g); k++) ((float *)g.data)[k] = (float)((k + step + i) % 5) - 2;
        }
        rt_adam_step(*adam, pool, 1e-2, 1, rt_adam_norm(*adam, pool, 1, NULL));
    }
    rt_pool_free(pool);
    return params;
}

static void check_tensors(const rt_weights *file, const rt_weights *base, rt_params *params)
{
    int64_t n_changed = 0;
    assert_int_equal(rt_weights_count(file), rt_weights_count(base));
    for (int64_t i = 0; i < rt_weights_count(base); i++) {
        const rt_weight *w = rt_weights_at(base, i), *now = rt_weights_at(file, i);   /* the same order */
        rt_param *p = rt_params_find(params, w->name);
        char a[64], b[64];
        assert_string_equal(now->name, w->name);
        rt_shape_print(w->tensor, a, sizeof a);
        rt_shape_print(now->tensor, b, sizeof b);
        assert_string_equal(a, b);
        if (strncmp(w->name, LINEAR, strlen(LINEAR)) == 0) continue;
        assert_memory_equal(now->tensor.data, p ? p->value.data : w->tensor.data, (size_t)rt_bytes(w->tensor));
        n_changed += p != NULL;
    }
    assert_int_equal(n_changed, 132);
}

static const char *first_name(const char *path)
{
    static char name[300];
    rt_torch *torch;
    rt_err err;
    test_ok(rt_torch_open(&torch, path, &err), &err);
    const rt_value *key = rt_value_get(rt_torch_root(torch), "model")->item[0];
    snprintf(name, sizeof name, "%.*s", (int)key->count, key->text);
    rt_torch_close(torch);
    return name;
}

static void a_pt_can_be_continued_from(void **state)
{
    rt_weights *base, *file;
    rt_err err;
    (void)state;
    test_ok(rt_weights_open(&base, TINY, &err), &err);
    for (int kind = RT_ADAM_L2; kind <= RT_ADAM_DECOUPLED; kind++) {
        rt_adam *adam, *again;
        rt_torch_state read;
        rt_params *params = train_head(base, &adam, (rt_adam_kind)kind, false);
        rt_schedule schedule = {.kind = RT_SCHEDULE_COSINE, .rate = 1e-2, .warmup = 1, .steps = 10, .least_ratio = 0.1};
        rt_export_options options = {
            .module_prefix = kind == 0, .opt_adam = adam, .opt_schedule = &schedule, .steps_done = 3};
        char path[400];
        int64_t step;
        strcpy(path, test_path("trained.pt"));
        test_ok(rt_export_torch(path, base, params, &options, &err), &err);
        assert_string_equal(first_name(path), kind == 0 ? "module.layer_weights" : "layer_weights");
        test_ok(rt_weights_open(&file, path, &err), &err);
        assert_true(rt_weights_step(file, &step) && step == 2);
        check_tensors(file, base, params);
        test_ok(rt_adam_create(&again, params, rt_adam_options_of(adam), &err), &err);
        test_ok(rt_torch_state_load(&read, again, params, path, &err), &err);
        assert_true(read.next_step == 3 && read.n_state == 132 && read.decoupled == (kind == 1));
        assert_true(read.rate == rt_schedule_rate(&schedule, 3) && read.beta2 == 0.95);
        for (int64_t i = 0; i < 132; i++) {
            assert_int_equal(*rt_adam_updates(again, i), 3);
            for (int k = 0; k < 2; k++)
                assert_memory_equal(rt_adam_moment(again, i, k).data, rt_adam_moment(adam, i, k).data,
                                    (size_t)rt_bytes(rt_adam_moment(adam, i, k)));
        }
        rt_adam_free(adam);
        rt_adam_free(again);
        rt_params_free(params);
        rt_weights_close(file);
    }
    rt_weights_close(base);
}

static void adapters_are_merged(void **state)
{
    rt_weights *base, *file;
    rt_adam *adam;
    rt_err err;
    char path[400], weight[300];
    (void)state;
    test_ok(rt_weights_open(&base, TINY, &err), &err);
    rt_params *params = train_head(base, &adam, RT_ADAM_L2, true);
    rt_export_options options = {.steps_done = 3};
    snprintf(weight, sizeof weight, "%s.weight", LINEAR);
    for (int i = 0; i < 2; i++) {
        strcpy(path, test_path(i ? "merged.safetensors" : "merged.pt"));
        test_ok(i ? rt_export_safetensors(path, base, params, &options, &err)
                  : rt_export_torch(path, base, params, &options, &err),
                &err);
        test_ok(rt_weights_open(&file, path, &err), &err);
        check_tensors(file, base, params);
        rt_tensor w = rt_weights_find(base, weight)->tensor, now = rt_weights_find(file, weight)->tensor;
        rt_tensor a = rt_params_at(params, 132)->value, b = rt_params_at(params, 133)->value;
        double moved = 0;
        for (int o = 0; o < 32; o++)
            for (int k = 0; k < 32; k++) {
                double want = rt_get(w, 32 * o + k);
                for (int r = 0; r < 2; r++) want += 2 * rt_get(b, 2 * o + r) * rt_get(a, 32 * r + k);
                assert_true(fabs(rt_get(now, 32 * o + k) - want) < 1e-6);
                moved = fmax(moved, fabs(rt_get(w, 32 * o + k) - want));
            }
        assert_true(moved > 0.01);
        rt_weights_close(file);
    }
    rt_adam_free(adam);
    rt_params_free(params);
    rt_weights_close(base);
}

/* A small training checkpoint with one thing wrong at a time. */
enum {
    FINE,
    BAD_NUMBER,
    TEXT_NUMBER,
    NO_MOMENT,
    BAD_SHAPE,
    NO_STEP,
    MORE_GROUPS,
    BAD_COUNT,
    NO_LAST_STEP,
    STATE_IS_LIST,
    WRONGS
};

static void write_small(const char *path, int wrong)
{
    rt_torch_writer *w;
    rt_err err;
    float a[4] = {1, 2, 3, 4}, two = 2;
    test_ok(rt_torch_writer_open(&w, path, &err), &err);
    rt_torch_writer_dict(w);
    rt_torch_writer_text(w, "model");
    rt_torch_writer_dict(w);
    rt_torch_writer_text(w, "module.a");
    rt_torch_writer_tensor(w, RT_WRAP(a, RT_F32, 2, 2));
    rt_torch_writer_text(w, "module.b");
    rt_torch_writer_tensor(w, RT_WRAP(a, RT_F32, 3));
    rt_torch_writer_end(w);
    rt_torch_writer_text(w, "optimizer");
    rt_torch_writer_dict(w);
    rt_torch_writer_text(w, "state");
    wrong == STATE_IS_LIST ? rt_torch_writer_list(w) : rt_torch_writer_dict(w);
    if (wrong != STATE_IS_LIST) {
        if (wrong == TEXT_NUMBER) rt_torch_writer_text(w, "one");
        else rt_torch_writer_int(w, wrong == BAD_NUMBER ? -1 : 1);
        rt_torch_writer_dict(w);
        if (wrong != NO_STEP)
            rt_torch_writer_text(w, "step"), rt_torch_writer_tensor(w, rt_wrap(&two, RT_F32, 0, NULL));
        rt_torch_writer_text(w, "exp_avg");
        if (wrong == NO_MOMENT) rt_torch_writer_none(w);
        else rt_torch_writer_tensor(w, RT_WRAP(a, RT_F32, wrong == BAD_SHAPE ? 2 : 3));
        rt_torch_writer_text(w, "exp_avg_sq");
        rt_torch_writer_tensor(w, RT_WRAP(a, RT_F32, 3));
        rt_torch_writer_end(w);
    }
    rt_torch_writer_end(w);
    rt_torch_writer_text(w, "param_groups");
    rt_torch_writer_list(w);
    for (int g = 0; g < (wrong == MORE_GROUPS ? 2 : 1); g++) {
        rt_torch_writer_dict(w);
        rt_torch_writer_text(w, "params");
        rt_torch_writer_list(w);
        for (int i = 0; i < (wrong == BAD_COUNT ? 3 : 2); i++) rt_torch_writer_int(w, i);
        rt_torch_writer_end(w);
        rt_torch_writer_end(w);
    }
    rt_torch_writer_end(w);
    rt_torch_writer_end(w);
    if (wrong != NO_LAST_STEP) rt_torch_writer_text(w, "step"), rt_torch_writer_int(w, 41);
    rt_torch_writer_end(w);
    test_ok(rt_torch_writer_commit(w, &err), &err);
}

static void broken_training_checkpoints_are_refused(void **state)
{
    rt_params *params;
    rt_adam *adam;
    rt_torch_state read;
    rt_err err;
    float zeros[3] = {0};
    char path[400];
    const char *const what[WRONGS] = {"",
                                      "a tensor that the model lacks",
                                      "a tensor that the model lacks",
                                      "exp_avg of 'b' is missing",
                                      "exp_avg of 'b' is missing or of another shape",
                                      "says no step for 'b'",
                                      "which is which cannot be told",
                                      "which is which cannot be told",
                                      "says no training step",
                                      "has no optimizer"};
    (void)state;
    test_ok(rt_params_create(&params, &err), &err);
    rt_params_add(params, "b", RT_PARAM_WEIGHT, RT_F64, RT_WRAP(zeros, RT_F32, 3), false, &err);
    test_ok(rt_adam_create(&adam, params, &rt_adam_default, &err), &err);
    strcpy(path, test_path("small.pt"));
    for (int wrong = WRONGS - 1; wrong >= FINE; wrong--) {
        write_small(path, wrong);
        rt_status status = rt_torch_state_load(&read, adam, params, path, &err);
        assert_true((status == RT_OK) == (wrong == FINE));
        if (wrong != FINE && !strstr(err.what, what[wrong])) fail_msg("case %d: %s", wrong, err.what);
        if (wrong != FINE) assert_true(*rt_adam_updates(adam, 0) == 0 && rt_get(rt_adam_moment(adam, 0, 0), 1) == 0);
    }
    /* float32 moments into those of a run in double; what the file does not say is not made up */
    assert_true(*rt_adam_updates(adam, 0) == 2 && rt_get(rt_adam_moment(adam, 0, 0), 1) == 2 && read.next_step == 42);
    assert_true(isnan(read.rate) && isnan(read.beta1));
    rt_adam_free(adam);
    rt_params_free(params);
}

static void what_does_not_fit_is_refused(void **state)
{
    rt_weights *base, *sorted;
    rt_adam *adam;
    rt_torch_state read;
    rt_err err;
    char path[400];
    float one = 1;
    (void)state;
    test_ok(rt_weights_open(&base, TINY, &err), &err);
    rt_params *params = train_head(base, &adam, RT_ADAM_L2, false);
    /* no optimizer in the file */
    strcpy(path, test_path("bare.pt"));
    rt_export_options options = {.steps_done = 3};
    test_ok(rt_export_torch(path, base, params, &options, &err), &err);
    assert_int_equal(rt_torch_state_load(&read, adam, params, path, &err), RT_ERR_FORMAT);
    assert_true(strstr(err.what, "has no optimizer") && err.hint[0]);
    /* a base in another order */
    const char *shared = test_shared("a base sorted by name");
    if (shared) {
        char other[500];
        snprintf(other, sizeof other, "%s/golden/tiny/tiny.safetensors", shared);
        test_ok(rt_weights_open(&sorted, other, &err), &err);
        options.opt_adam = adam;
        assert_int_equal(rt_export_torch(path, sorted, params, &options, &err), RT_ERR_UNSUPPORTED);
        options.opt_adam = NULL;
        test_ok(rt_export_torch(path, sorted, params, &options, &err), &err);
        rt_weights_close(sorted);
    }
    rt_params_add(params, "of.another.network", RT_PARAM_WEIGHT, RT_F32, RT_WRAP(&one, RT_F32, 1), false, &err);
    assert_int_equal(rt_export_torch(path, base, params, &options, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "has a place for 132 of the 133 tensors that trained"));
    rt_adam_free(adam);
    rt_params_free(params);
    rt_weights_close(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_pt_can_be_continued_from),
                                       cmocka_unit_test(adapters_are_merged),
                                       cmocka_unit_test(broken_training_checkpoints_are_refused),
                                       cmocka_unit_test(what_does_not_fit_is_refused)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
