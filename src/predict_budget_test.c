/* predict_budget_test.c - on a machine whose speed is known the clock is kept, every target gets an answer, and the time is
 * used */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "predict_run.h"

enum { TARGETS = 12 };

typedef struct {
    rt_predict_run run;
    rt_predict_options options;
    rt_predict_report report;
    rt_model model, *models[1];
    rt_input input[TARGETS];
} batch;

/* Seconds for a unit of work of each stage on the imagined machine, and by how much the first guess is wrong. */
static const double RATE[RT_STAGE_COUNT] = {2e-12, 3e-12, 5e-12, 2e-12};

static void open_batch(batch *b, double guess)
{
    *b = (batch){.options = {.n_checkpoint = 1, .time_budget = 1}, .models = {&b->model}};
    assert_int_equal(rt_config_preset(&b->model.config, "rnapro_base", NULL), RT_OK);
    b->run = (rt_predict_run){.options = &b->options, .report = &b->report, .model = b->models, .budget = {.on = true}};
    for (int i = 0; i < RT_STAGE_COUNT; i++) b->run.budget.rate[i] = guess * RATE[i];
    for (int i = 0; i < TARGETS; i++) b->input[i] = (rt_input){.target = "t", .length = 30 + 45 * (i * 5 % TARGETS)};
}

static double work_of(batch *b, const rt_features *f, const rt_predict_plan *plan, double work[RT_STAGE_COUNT],
                      double seconds[RT_STAGE_COUNT])
{
    double sum = 0;
    rt_predict_passes_work(&b->run, f, plan, work);
    for (int i = 0; i < RT_STAGE_COUNT; i++) sum += seconds[i] = RATE[i] * work[i];
    return sum;
}

/* Runs all targets in `budget` times what they would take in full; returns the share of that time that was used.  The clock
 * is the real one, which hardly moves here: time is spent by moving the deadline. */
static double spend(batch *b, double budget, bool *out_shortened)
{
    rt_predict_pass pass[4];
    double work[RT_STAGE_COUNT], seconds[RT_STAGE_COUNT], full = 0, spent = 0;
    rt_predict_pass asked = {.n_cycle = 10, .n_step = 200, .n_sample = 5};
    for (int i = 0; i < 4; i++) pass[i] = asked;
    rt_predict_plan whole = {.pass = pass, .n_pass = 4, .asked = asked, .asked_passes = 4};
    for (int i = 0; i < TARGETS; i++) {
        rt_features f = {.n_token = b->input[i].length, .n_atom = 22 * b->input[i].length, .n_template = 1};
        full += work_of(b, &f, &whole, work, seconds);
    }
    rt_input *left[TARGETS];
    for (int i = 0; i < TARGETS; i++) left[i] = &b->input[i];
    *out_shortened = false;
    b->run.budget.deadline = rt_clock() + budget * full;
    for (int i = 0; i < TARGETS; i++) {
        rt_features f = {.n_token = b->input[i].length, .n_atom = 22 * b->input[i].length, .n_template = 1};
        rt_predict_plan plan = whole;
        for (int k = 0; k < 4; k++) pass[k] = asked;
        rt_predict_budget_fit(&b->run, left + i, TARGETS - i, &f, &plan);
        assert_true(plan.n_pass >= 1 && pass[0].n_cycle >= 1 && pass[0].n_step >= 20 && pass[0].n_sample >= 1);
        double took = work_of(b, &f, &plan, work, seconds);
        spent += took;
        *out_shortened = *out_shortened || plan.shortened;
        b->run.budget.deadline -= took;
        rt_predict_budget_learn(&b->run, work, seconds);
    }
    return spent / (budget * full);
}

static void enough_time_changes_nothing(void **state)
{
    (void)state;
    batch b;
    bool shortened;
    open_batch(&b, 1);
    double used = spend(&b, 1.02, &shortened);
    assert_false(shortened);
    assert_true(used > 0.97 && used <= 1);
}

static void the_time_is_kept_and_used(void **state)
{
    (void)state;
    const double budgets[] = {0.7, 0.3, 0.1, 0.03}, guesses[] = {1, 0.5, 3};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++) {
            batch b;
            bool shortened;
            open_batch(&b, guesses[k]);
            double used = spend(&b, budgets[i], &shortened);
            assert_true(shortened);
            assert_true(used > 0.7 && used <= 1.02);
        }
}

/* Too little even for the least: every target gets that all the same. */
static void the_least_is_given_even_when_time_is_out(void **state)
{
    (void)state;
    batch b;
    bool shortened;
    open_batch(&b, 1);
    double used = spend(&b, 1e-4, &shortened);
    assert_true(shortened && used > 1);
}

int main(void)
{
    rt_log_set_level(RT_LOG_WARN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enough_time_changes_nothing),
        cmocka_unit_test(the_time_is_kept_and_used),
        cmocka_unit_test(the_least_is_given_even_when_time_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
