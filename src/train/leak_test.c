/* leak_test.c - training learns from what it may see and from nothing else: four runs of a small network
 *
 * Targets of two kinds of sequence, whose structures are a knot and a line.  What is held out is told
 * apart by a network that trained on the true pairs.  With structures dealt out anew, so that no sequence says anything
 * about its own, the held-out loss is no better than the input-blind one: the same network trained on the same
 * structures with one sequence for all.  With templates made of these same answers it is: the test sees a leak.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "prep/dataset_write.h"
#include "train/loop.h"
#include "train/train_test.h"

enum { LENGTH = 8, TRAIN = 16, TARGETS = 24 };
static const char TINY[] = "tests/data/golden/tiny/tiny.pt", CONFIG[] = "tests/data/golden/tiny/tiny_config.json";

typedef enum { TRUE_PAIRS, DEALT_OUT, INPUT_BLIND, ANSWER_AS_TEMPLATE } arm;

static int kind_of(int64_t target) { return (int)(target % 2); }

/* Half of each kind, of those that train and of those that are held out, gets the other kind's structure. */
static int structure_of(arm a, int64_t target) { return a == TRUE_PAIRS ? kind_of(target) : (int)(target / 2 % 2); }

static void write_sequence(char out[LENGTH + 1], arm a, int64_t target)
{
    rt_rng rng = rt_rng_make(17, (uint64_t)target, 0, RT_DRAW_WEIGHTS);
    for (uint64_t i = 0; i < LENGTH; i++) out[i] = (kind_of(target) ? "UUA" : "GGC")[rt_rng_below(&rng, i, 3)];
    if (a == INPUT_BLIND) memset(out, 'A', LENGTH);
    out[LENGTH] = 0;
}

/* Atom `slot` of residue i, with a wobble of its own: distances are in the first class, or in the last. */
static float place_of(arm a, int64_t target, int64_t i, int64_t slot, int d)
{
    rt_rng rng = rt_rng_make(18, (uint64_t)target, 0, RT_DRAW_WEIGHTS);
    double wobble = 0.2 * rt_rng_normal(&rng, (uint64_t)(3 * i + d)), step = structure_of(a, target) ? 30 : 0;
    return (float)(wobble + (d == 0 ? step * (double)i : 0) + (d == 1 ? 0.05 * (double)slot : 0));
}

static rt_dataset *make_set(arm a, const char *folder)
{
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_err err;
    static float xyz[LENGTH][RT_SLOT_COUNT][3];
    test_ok(rt_dataset_writer_open(&writer, folder, "plan", &err), &err);
    for (int64_t k = 0; k < TARGETS; k++) {
        rt_target t = rt_target_empty();
        char id[16], sequence[LENGTH + 1];
        snprintf(id, sizeof id, "T%02d", (int)k);
        write_sequence(sequence, a, k);
        t.number = k, t.id = id, t.sequence = sequence, t.origin = RT_ORIGIN_TRAIN;
        t.n_conformation = 1, t.n_slot = RT_SLOT_COUNT, t.slots = RT_SLOTS_ALL;
        for (int64_t i = 0; i < LENGTH; i++)
            for (int64_t s = 0; s < RT_SLOT_COUNT; s++)
                for (int d = 0; d < 3; d++) xyz[i][s][d] = place_of(a, k, i, s, d);
        test_ok(rt_dataset_writer_add(writer, &t, xyz[0][0], &err), &err);
    }
    test_ok(rt_dataset_writer_commit(writer, &err), &err);
    test_ok(rt_dataset_open(&set, folder, &err), &err);
    return set;
}

/* The answers' C1' as everyone's only template. */
static rt_template_file *make_templates(arm a)
{
    static char text[TARGETS * LENGTH * 60 + 100];
    rt_template_file *file;
    rt_err err;
    char *at = text + sprintf(text, "ID,resname,resid,x_1,y_1,z_1\n");
    if (a != ANSWER_AS_TEMPLATE) return NULL;
    for (int64_t k = 0; k < TARGETS; k++) {
        char sequence[LENGTH + 1];
        write_sequence(sequence, a, k);
        for (int64_t i = 0; i < LENGTH; i++)
            at += sprintf(at, "T%02d_%d,%c,%d,%.3f,%.3f,%.3f\n", (int)k, (int)i + 1, sequence[i], (int)i + 1,
                          place_of(a, k, i, 0, 0), place_of(a, k, i, 0, 1), place_of(a, k, i, 0, 2));
    }
    test_ok(rt_template_file_open(&file, test_file("answers.csv", text), &err), &err);
    return file;
}

/* The best held-out loss of the distogram head. */
static double train(arm a, const char *name)
{
    rt_err err;
    rt_params *params;
    rt_model *model;
    rt_loop_report report;
    char folder[400], out[420];
    int64_t number[TARGETS];
    for (int64_t i = 0; i < TARGETS; i++) number[i] = i;
    snprintf(folder, sizeof folder, "%s", test_path(name));
    snprintf(out, sizeof out, "%s.run", folder);
    rt_dataset *set = make_set(a, folder);
    rt_template_file *templates = make_templates(a);
    rt_ctx *ctx = test_context(RT_BACKEND_CPU, 2);
    test_ok(rt_params_create(&params, &err), &err);
    test_ok(rt_params_train(params, "distogram_head", &err), &err);
    rt_model_options how = {.checkpoint = TINY, .opt_config = CONFIG, .params = params};
    test_ok(rt_model_open(&model, &how, &err), &err);
    for (int64_t i = 0; i < rt_params_count(params); i++) { /* every class alike at first: a random head is far off */
        rt_tensor value = rt_params_at(params, i)->value;
        memset(value.data, 0, (size_t)rt_bytes(value));
    }
    rt_params_refresh(params);
    rt_loop_options o = {.out = out,
                         .set = set,
                         .train = number,
                         .n_train = TRAIN,
                         .validation = number + TRAIN,
                         .n_validation = TARGETS - TRAIN,
                         .step = {.weight = {.distogram = 1}, .most_cycles = 1, .resolution = rt_resolution_default},
                         .sample = {.template_missing = RT_TEMPLATE_MISSING_ORIGIN,
                                    .opt_templates = templates,
                                    .conformers = rt_conformers_default()},
                         .epochs = 5,
                         .accumulation = 2,
                         .schedule = {.kind = RT_SCHEDULE_CONSTANT, .rate = 4e-3},
                         .adam = rt_adam_default,
                         .seed = 1,
                         .guard_limit = 3,
                         .retention = rt_retention_default,
                         .identity = {.plan = "p", .data = "d", .base = "b", .code = "test"}};
    test_ok(rt_loop_run(ctx, model, &o, &report, &err), &err);
    assert_true(report.finished && report.n_skipped == 0);
    rt_model_close(model);
    rt_params_free(params);
    rt_ctx_free(ctx);
    rt_template_file_close(templates);
    rt_dataset_close(set);
    print_message("note: %s: held-out loss %.4f before, %.4f at best\n", name, report.base_value, report.best_value);
    return report.best_value;
}

static void nothing_but_the_input_teaches(void **state)
{
    (void)state;
    rt_log_set_level(RT_LOG_QUIET);
    double truth = train(TRUE_PAIRS, "true pairs"), dealt = train(DEALT_OUT, "structures dealt out"),
           blind = train(INPUT_BLIND, "input-blind"), leak = train(ANSWER_AS_TEMPLATE, "answers as templates");
    /* half of all pairs near and half far, whatever the input; a residue is always near to itself */
    const double least = log(2) * (1 - 1.0 / LENGTH);
    print_message("note: the best that can be said without an input: %.4f\n", least);
    assert_true(truth < 0.6 * least); /* it can learn */
    assert_true(dealt >= least && dealt >= blind && blind >= least); /* from the input alone */
    assert_true(leak < 0.6 * least); /* and the test sees an answer that is given away */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_but_the_input_teaches)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
