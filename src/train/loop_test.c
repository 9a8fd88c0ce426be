/* loop_test.c - what a run does with its samples: gradients averaged, averages validated without dropout, patience */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "prep/dataset_write.h"
#include "train/loop.h"
#include "train/train_test.h"

enum { TARGETS = 4, LENGTH = 8, FAR = 2, KNOWN = 3 }; /* FAR: long steps; KNOWN: alone has a resolution */
static const char TINY[] = "tests/data/golden/tiny/tiny.pt", CONFIG[] = "tests/data/golden/tiny/tiny_config.json";
static const int64_t NUMBER[TARGETS] = {0, 1, 2, 3};

/* Four chains of different steps and sequences; all name the alignment. */
static rt_dataset *make_set(const char *folder, const char *msa)
{
    static float xyz[LENGTH][RT_SLOT_COUNT][3];
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_err err;
    test_ok(rt_dataset_writer_open(&writer, folder, "plan", &err), &err);
    for (int64_t k = 0; k < TARGETS; k++) {
        rt_target t = rt_target_empty();
        char id[8], sequence[LENGTH + 1] = {0};
        snprintf(id, sizeof id, "L%d", (int)k);
        for (int64_t i = 0; i < LENGTH; i++) sequence[i] = "ACGU"[(i * i + k * i + k) % 4];
        for (int64_t i = 0; i < LENGTH; i++)
            for (int s = 0; s < RT_SLOT_COUNT; s++)
                for (int d = 0; d < 3; d++)
                    xyz[i][s][d] = d ? (float)((i + s + d) % 7) : (float)((3 + k) * i) * (k == FAR ? 1e5f : 1);
        t.number = k, t.id = id, t.sequence = sequence, t.origin = RT_ORIGIN_TRAIN;
        t.n_conformation = 1, t.n_slot = RT_SLOT_COUNT, t.slots = RT_SLOTS_ALL, t.msa = msa;
        if (k == KNOWN) t.resolution = 2;
        test_ok(rt_dataset_writer_add(writer, &t, xyz[0][0], &err), &err);
    }
    test_ok(rt_dataset_writer_commit(writer, &err), &err);
    test_ok(rt_dataset_open(&set, folder, &err), &err);
    return set;
}

/* A model of which something trains, and a run of it: the first two targets train, the others are held out. */
typedef struct {
    rt_dataset *set;
    rt_ctx *ctx;
    rt_params *params;
    rt_model *model;
    rt_loop_options loop;
    char out[420];
} bench;

static void open_bench_with(bench *b, const char *checkpoint, const char *trains, const char *name, const char *msa)
{
    rt_err err;
    char folder[400];
    snprintf(folder, sizeof folder, "%s", test_path(name));
    snprintf(b->out, sizeof b->out, "%s.run", folder);
    b->set = make_set(folder, msa);
    b->ctx = test_context(RT_BACKEND_CPU, 2);
    test_ok(rt_params_create(&b->params, &err), &err);
    test_ok(rt_params_train(b->params, trains, &err), &err);
    rt_model_options how = {.checkpoint = checkpoint, .opt_config = CONFIG, .params = b->params};
    test_ok(rt_model_open(&b->model, &how, &err), &err);
    b->loop = (rt_loop_options){
        .out = b->out,
        .set = b->set,
        .train = NUMBER,
        .n_train = 2,
        .validation = NUMBER + 2,
        .n_validation = 2,
        .step = {.weight = {.distogram = 1}, .most_cycles = 1, .resolution = rt_resolution_default},
        .sample = {.template_missing = RT_TEMPLATE_MISSING_ORIGIN, .conformers = rt_conformers_default()},
        .epochs = 1,
        .accumulation = 2,
        .schedule = {.kind = RT_SCHEDULE_CONSTANT, .rate = 1e-2},
        .adam = rt_adam_default,
        .seed = 5,
        .guard_limit = 3,
        .retention = rt_retention_default,
        .whole_network = true,
        .identity = {.plan = "p", .data = "d", .base = "b", .code = "test"}};
}

static void open_bench(bench *b, const char *checkpoint, const char *trains, const char *name)
{
    open_bench_with(b, checkpoint, trains, name, "");
}

static void close_bench(bench *b)
{
    rt_model_close(b->model);
    rt_params_free(b->params);
    rt_ctx_free(b->ctx);
    rt_dataset_close(b->set);
}

static rt_loop_report run(bench *b)
{
    rt_loop_report report;
    rt_err err;
    test_ok(rt_loop_run(b->ctx, b->model, &b->loop, &report, &err), &err);
    assert_true(report.finished);
    return report;
}

/* A number of the first line of the run's log that says `event`. */
static double logged(const bench *b, const char *event, const char *key)
{
    char path[500], line[4000], mark[64];
    double value = NAN;
    snprintf(path, sizeof path, "%s/log.jsonl", b->out);
    snprintf(mark, sizeof mark, "\"%s\"", event);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (isnan(value) && fgets(line, sizeof line, file))
        if (strstr(line, mark)) {
            json_t *json = json_loads(line, 0, NULL);
            value = json_number_value(json_object_get(json, key));
            json_decref(json);
        }
    fclose(file);
    return value;
}

static void a_step_takes_the_mean_of_its_samples(void **state)
{
    bench b;
    rt_loader *loader;
    rt_loader_item item;
    rt_step_plan plan;
    rt_step_loss loss;
    rt_adam *adam;
    rt_err err;
    (void)state;
    open_bench(&b, TINY, "distogram_head", "mean");
    rt_step_plan_make(&plan, b.model, &b.loop.step);
    rt_loader_options how = {.set = b.set, .target = NUMBER, .n_target = 2, .sample = b.loop.sample, .seed = b.loop.seed,
                             .depth = 1, .sample_memory = (int64_t)1 << 20};
    test_ok(rt_loader_open(&loader, &how, 0, &err), &err);
    rt_params_zero_grad(b.params, NULL);
    double total = 0;
    for (int i = 0; i < 2; i++) {
        test_ok(rt_loader_next(loader, &item, &err), &err);
        test_ok(rt_step_run(b.ctx, b.model, &loss, &plan, &item.sample->features, &item.sample->label, &item.sample->key, NULL,
                            true, true, &err), &err);
        total += loss.total / 2;
    }
    rt_loader_close(loader);
    test_ok(rt_adam_create(&adam, b.params, &b.loop.adam, &err), &err);
    double norm = rt_adam_norm(adam, b.ctx->pool, 0.5, NULL);
    rt_adam_free(adam);
    run(&b);
    test_near("norm of a step's gradient", logged(&b, "train", "gradient_norm"), norm, 1e-6);
    test_near("loss of a step", logged(&b, "train", "loss"), total, 1e-6);
    close_bench(&b);
}

/* The network that a run exports, taken up as a base of which nothing of the trunk trains, and which so has no dropout, has
 * the very loss that the run found for it. */
static void what_is_exported_is_what_was_validated(void **state)
{
    bench first, second;
    char checkpoint[500];
    (void)state;
    for (int averaged = 0; averaged < 2; averaged++) {
        open_bench(&first, TINY, averaged ? "distogram_head" : "pairformer_stack", averaged ? "averaged" : "plain");
        first.loop.ema = averaged ? 0.5 : 0;
        rt_loop_report report = run(&first);
        snprintf(checkpoint, sizeof checkpoint, "%s/best.safetensors", first.out);
        open_bench(&second, checkpoint, "distogram_head", averaged ? "averaged again" : "plain again");
        rt_loop_report again = run(&second);
        test_near("held-out loss of what was exported", again.base_value, report.best_value, 1e-6);
        assert_true(report.best_value < report.base_value);
        close_bench(&first);
        close_bench(&second);
        if (!averaged) continue;
        open_bench(&second, TINY, "distogram_head", "not averaged"); /* the average lags behind */
        assert_true(run(&second).best_value < 0.99 * report.best_value);
        close_bench(&second);
    }
}

static void patience_ends_a_run(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, TINY, "distogram_head", "patience");
    b.loop.epochs = 9, b.loop.patience = 2;
    b.loop.schedule.rate = 1e-30; /* nothing moves: the first epoch is the best, and two come after it */
    rt_loop_report report = run(&b);
    assert_true(report.early && report.n_epoch == 3 && report.best_step == 1 && report.n_step == 3);
    close_bench(&b);
}

static void break_weights(bench *b)
{
    rt_tensor t = rt_params_at(b->params, 0)->value;
    for (int64_t i = 0; i < rt_count(t); i++) rt_set(t, i, NAN);
    rt_params_refresh(b->params);
}

/* A base whose validation is not finite: the run ends with an error that a resume meets again, not with the file's. */
static void nothing_but_bad_steps_is_an_error(void **state)
{
    bench b;
    rt_err err;
    rt_loop_report report;
    (void)state;
    open_bench(&b, TINY, "distogram_head", "bad steps");
    break_weights(&b);
    b.loop.guard_limit = 1000;
    for (int again = 0; again < 2; again++) {
        b.loop.resume = again;
        assert_int_equal(rt_loop_run(b.ctx, b.model, &b.loop, &report, &err), RT_ERR_FORMAT);
        assert_non_null(strstr(err.what, "none of the run's 1 steps gave finite numbers"));
        assert_true(report.n_skipped == 1 && report.n_step == 1 && !isfinite(report.base_value));
    }
    close_bench(&b);
}

/* What no crop of the plan can show is left out and counted; an epoch of nothing else is an error, also when it is taken
 * up again. */
static void an_epoch_without_samples_is_an_error(void **state)
{
    bench b;
    rt_err err;
    rt_loop_report report;
    (void)state;
    open_bench(&b, TINY, "distogram_head", "no samples");
    b.loop.n_validation = 0, b.loop.sample.crop = 2;
    for (int again = 0; again < 2; again++) {
        b.loop.resume = again;
        assert_int_equal(rt_loop_run(b.ctx, b.model, &b.loop, &report, &err), RT_ERR_MISMATCH);
        assert_non_null(strstr(err.what, "no sample of epoch 1 could be used"));
        assert_true(report.n_unusable == 2 && report.n_step == 0 && !report.finished);
    }
    close_bench(&b);
}

static void an_alignment_that_is_gone_is_an_error(void **state)
{
    bench b;
    rt_err err;
    rt_loop_report report;
    (void)state;
    open_bench_with(&b, TINY, "distogram_head", "no alignment", "not/there.a3m");
    b.loop.n_validation = 0;
    assert_int_equal(rt_loop_run(b.ctx, b.model, &b.loop, &report, &err), RT_ERR_IO);
    assert_non_null(strstr(err.file, "not/there.a3m"));
    assert_true(report.n_unusable == 0);
    close_bench(&b);
}

/* Targets of unknown resolution that are to count nothing: in no mean, and no reason to say that no gradient arrives. */
static void samples_without_loss_are_in_no_mean(void **state)
{
    double norm[2], loss[2];
    (void)state;
    for (int i = 0; i < 2; i++) { /* the first target alone, then one after the others, which count nothing */
        bench b;
        open_bench(&b, TINY, "confidence_head", i ? "uncounted" : "counted");
        b.loop.step.weight = (rt_step_terms){.confidence = {.plddt = 1}};
        b.loop.step.resolution.unknown = 0;
        b.loop.step.rollout_steps = 1;
        b.loop.n_validation = 0, b.loop.views = 1, b.loop.accumulation = i ? 2 : 1;
        b.loop.train = i ? (const int64_t[]){0, 1, 2, KNOWN} : (const int64_t[]){KNOWN}, b.loop.n_train = i ? TARGETS : 1;
        rt_loop_report report = run(&b);
        assert_true(report.n_step == 1 && report.n_uncounted == (i ? 3 : 0));
        norm[i] = logged(&b, "train", "gradient_norm"), loss[i] = logged(&b, "train", "loss");
        close_bench(&b);
    }
    test_near("norm of a step with samples that count nothing", norm[1], norm[0], 1e-9);
    test_near("its loss", loss[1], loss[0], 1e-9);
}

static void nothing_that_counts_is_an_error(void **state)
{
    bench b;
    rt_err err;
    rt_loop_report report;
    (void)state;
    open_bench(&b, TINY, "confidence_head", "nothing counts");
    b.loop.step.weight = (rt_step_terms){.confidence = {.plddt = 1}};
    b.loop.step.resolution.unknown = 0;
    b.loop.n_validation = 0;
    assert_int_equal(rt_loop_run(b.ctx, b.model, &b.loop, &report, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "no sample of epoch 1 could be used: 0 could not be built, 2 have no loss that counts"));
    close_bench(&b);
}

/* Of a step's two targets the one whose loss is not finite is named, not its neighbour: its coordinates are
 * far away and squared. */
static void a_bad_loss_names_its_target(void **state)
{
    bench b;
    rt_err err;
    rt_loop_report report;
    (void)state;
    open_bench(&b, TINY, "diffusion_module", "blame");
    b.loop.step.weight = (rt_step_terms){.diffusion = {.mse = 1e300}};
    b.loop.step.copies = 1, b.loop.n_validation = 0, b.loop.guard_limit = 1;
    b.loop.train = (const int64_t[]){0, FAR};
    assert_int_equal(rt_loop_run(b.ctx, b.model, &b.loop, &report, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "the loss of L2 is"));
    close_bench(&b);
}

/* The training loss beside the held-out one is the mean over the epoch's samples, whatever the size of the last
 * step (the case train_stopped: also when it was taken up again within the epoch). */
static void an_epoch_says_its_training_loss(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, TINY, "distogram_head", "training loss");
    b.loop.n_train = 3, b.loop.validation = NUMBER + 3, b.loop.n_validation = 1;
    rt_loop_report report = run(&b);
    test_near("training loss of an epoch", logged(&b, "validation", "train_loss"),
              (2 * report.first_loss + report.last_loss) / 3, 1e-12);
    close_bench(&b);
}

int main(void)
{
    rt_log_set_level(RT_LOG_QUIET);
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_step_takes_the_mean_of_its_samples),
                                       cmocka_unit_test(what_is_exported_is_what_was_validated),
                                       cmocka_unit_test(patience_ends_a_run),
                                       cmocka_unit_test(nothing_but_bad_steps_is_an_error),
                                       cmocka_unit_test(an_epoch_without_samples_is_an_error),
                                       cmocka_unit_test(an_alignment_that_is_gone_is_an_error),
                                       cmocka_unit_test(samples_without_loss_are_in_no_mean),
                                       cmocka_unit_test(nothing_that_counts_is_an_error),
                                       cmocka_unit_test(a_bad_loss_names_its_target),
                                       cmocka_unit_test(an_epoch_says_its_training_loss)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
