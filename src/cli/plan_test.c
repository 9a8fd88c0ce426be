/* plan_test.c - the table of a plan's keys, what a plan may not say, and that the seed plan is the table */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/plan.h"
#include "cli/tune.h"
#include "io/test_files.h"

#define GOOD "bases: {a: base.pt}\ndata: {structures: s}\nfamilies: {no_rfam: true}\n"

static rt_status load(rt_plan **ret_plan, const char *text, rt_err *err)
{
    *err = (rt_err){0};
    return rt_plan_load(ret_plan, test_file("plan.yaml", text), false, err);
}

/* The verbs that read a key of these uses. */
static int list_verbs(const rt_command *out[8], unsigned uses)
{
    static const struct { unsigned use; const rt_command *verb; } OF[] = {
        {RT_PLAN_DOCTOR, &rt_cmd_doctor}, {RT_PLAN_IMPORT, &rt_cmd_import}, {RT_PLAN_FAMILIES, &rt_cmd_families},
        {RT_PLAN_SPLIT, &rt_cmd_split}, {RT_PLAN_AUDIT, &rt_cmd_audit}, {RT_PLAN_PAIRS, &rt_cmd_pairs},
        {RT_PLAN_AUGMENT, &rt_cmd_augment}, {RT_PLAN_VALIDATION, &rt_cmd_export}, {RT_PLAN_TEST, &rt_cmd_export},
        {RT_PLAN_PHASE1, &rt_cmd_train}, {RT_PLAN_PHASE2, &rt_cmd_train}, {RT_PLAN_PREDICT, &rt_cmd_predict},
        {RT_PLAN_SCORE, &rt_cmd_score}, {RT_PLAN_COMPARE, &rt_cmd_compare}, {RT_PLAN_ENSEMBLE, &rt_cmd_lora},
        {RT_PLAN_PACKAGE, &rt_cmd_package}};
    int n = 0;
    for (size_t i = 0; i < sizeof OF / sizeof *OF; i++)
        if ((uses & OF[i].use) && n < 8) out[n++] = OF[i].verb;
    return n;
}

static bool has_option(const rt_command *verb, const char *name)
{
    for (const rt_option *o = verb->options; o->name; o++)
        if (strcmp(o->name, name) == 0) return true;
    return false;
}

/* Every key has a default that it would take itself, a meaning, and a verb that reads it; sections stand together. */
static void the_table_is_sound(void **state)
{
    (void)state;
    rt_err err;
    rt_plan *plan;
    int n = 0;
    assert_int_equal(load(&plan, GOOD, &err), RT_OK);
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++, n++) {
        const rt_option *option = rt_plan_key_option(key);   /* aborts when the verb has no such option */
        assert_ptr_equal(rt_plan_key_find(key->name), key);   /* no name twice */
        if (!key->help && !option->help) fail_msg("%s: no help", key->name);
        bool path = option->type == RT_OPTION_FILE || option->type == RT_OPTION_FOLDER ||
            option->type == RT_OPTION_PATH;
        for (int i = 0; i < rt_plan_count(plan, key->name) && !path && option->type != RT_OPTION_FLAG; i++)
            if (strcmp(key->name, "out") != 0 &&
                rt_option_check(option, rt_plan_at(plan, key->name, i), key->name, &err) != RT_OK)
                fail_msg("%s: its default: %s", key->name, err.what);
        const char *dot = strchr(key->name, '.');
        if (dot && n > 0) {
            int length = (int)(dot - key->name) + 1;
            bool begun = false;
            for (const rt_plan_key *before = rt_plan_keys(); before < key; before++)
                begun = begun || strncmp(before->name, key->name, (size_t)length) == 0;
            if (begun && strncmp((key - 1)->name, key->name,
                                 (size_t)length) != 0) fail_msg("%s stands apart from its section", key->name);
        }
        const rt_command *verb[8];
        int n_verb = list_verbs(verb, key->uses), readers = 0;
        for (int i = 0; key->verb && i < n_verb; i++) readers += has_option(verb[i], key->option);
        if (key->verb && readers == 0) fail_msg("%s: no verb of its uses has --%s", key->name, key->option);
    }
    assert_true(n > 100);
    rt_plan_free(plan);
}

static char *read_whole(const char *path)
{
    rt_map map;
    rt_err err;
    if (rt_map_open(&map, path, &err) != RT_OK) fail_msg("%s: %s", path, err.what);
    char *text = calloc(1, (size_t)map.size + 1);
    assert_non_null(text);
    memcpy(text, map.data, (size_t)map.size);
    rt_map_close(&map);
    return text;
}

/* examples/rtx4090.yaml is what the table prints, and every key stands in it with its default. */
static void the_seed_plan_is_the_table(void **state)
{
    (void)state;
    rt_err err;
    rt_plan *plan, *defaults;
    FILE *file = fopen(test_path("seed.yaml"), "w");
    assert_non_null(file);
    rt_plan_print_seed(file);
    fclose(file);
    char *printed = read_whole(test_path("seed.yaml")), *shipped = read_whole("examples/rtx4090.yaml");
    if (strcmp(printed, shipped) != 0) fail_msg("examples/rtx4090.yaml is not what 'rnatune tune --print-plan' "
                                                "prints");
    free(printed);
    free(shipped);
    if (rt_plan_load(&plan, "examples/rtx4090.yaml", false, &err) != RT_OK) fail_msg("line %d: %s", (int)err.line,
                                                                                     err.what);
    assert_int_equal(load(&defaults, GOOD, &err), RT_OK);
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++) {
        int a = rt_plan_count(plan, key->name), b = rt_plan_count(defaults, key->name);
        if (key->example || strcmp(key->name, "out") == 0 || strcmp(key->name, "data.structures") == 0 ||
            strcmp(key->name, "families.no_rfam") == 0)
            continue;
        if (rt_plan_line(plan, key->name) == 0 && !strchr(key->fallback, '{')) fail_msg("%s is not in the seed plan",
                                                                                        key->name);
        if (a != b) fail_msg("%s: %d values, %d by default", key->name, a, b);
        for (int i = 0; i < a; i++)
            assert_string_equal(rt_plan_at(plan, key->name, i), rt_plan_at(defaults, key->name, i));
    }
    rt_plan_free(plan);
    rt_plan_free(defaults);
}

/* What a plan says, what it means, and that what is written back means the same. */
static void values_are_read(void **state)
{
    (void)state;
    rt_err err;
    rt_plan *plan, *again;
    const char *const text = "# a comment\nbases:\n  private-best: /x/a.pt\n  v1.2: sub/b.pt\ndata: {structures: s}\n"
                             "families: {no_rfam: yes}\nphase1:\n  lr: 1e-4\n  weights: [plddt=2]\n"
                             "predict.samples: 7\n"
                             "predict:\n  seeds: [1, 2, 3, 4]\n  cycles: null\nsplit: {hold_out: t.csv}\n";
    if (load(&plan, text, &err) != RT_OK) fail_msg("%s", err.what);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(rt_plan_count(plan, "bases"), 2);
        assert_string_equal(rt_plan_name_at(plan, "bases", 1), "v1.2");
        assert_string_equal(rt_plan_at(plan, "bases", 0), "/x/a.pt");
        assert_true(strcmp(rt_plan_at(plan, "bases", 1), test_path("sub/b.pt")) == 0);   /* from the plan's folder */
        assert_true(rt_plan_is(plan, "families.no_rfam"));
        assert_string_equal(rt_plan_text(plan, "phase1.lr"), round ? "1e-4" : "1e-4");
        assert_true(rt_plan_number(plan, "predict.samples") == 7);
        assert_int_equal(rt_plan_count(plan, "predict.seeds"), 4);
        assert_null(rt_plan_text(plan, "predict.cycles"));
        assert_true(isnan(rt_plan_number(plan, "predict.cycles")));
        assert_int_equal(rt_plan_count(plan, "split.hold_out"), 1);   /* one value for a list */
        assert_int_equal(rt_plan_count(plan, "phase1.weights"), 1);
        assert_string_equal(rt_plan_text(plan, "phase2.rank"), "4");
        assert_int_equal(rt_plan_line(plan, "phase2.rank"), round ? rt_plan_line(plan, "phase2.rank") : 0);
        if (round == 0) assert_int_equal(rt_plan_line(plan, "phase1.lr"), 8);
        assert_int_equal(rt_plan_write(plan, test_path("written.yaml"), &err), RT_OK);
        rt_plan_free(plan);
        if (rt_plan_load(&again, test_path("written.yaml"), false, &err) != RT_OK) fail_msg("line %d: %s",
                (int)err.line, err.what);
        plan = again;
    }
    rt_plan_free(plan);
}

/* What completion offers for a step are the steps. */
static void completion_knows_the_steps(void **state)
{
    (void)state;
    char text[400] = "";
    for (int i = 0; i < rt_tune_step_count(); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "|" : "", RT_TUNE_STEPS[i].name);
    for (const rt_option *o = rt_cmd_tune.options; o->name; o++)
        if (o->value && strcmp(o->value, "STEP") == 0) assert_string_equal(o->choices, text);
}

/* Checkpoints that compete share the samples of one, and each draws one at least. */
static void checkpoints_share_the_samples(void **state)
{
    (void)state;
    rt_err err;
    rt_plan *plan;
    assert_int_equal(load(&plan, GOOD "predict: {samples: 7}\n", &err), RT_OK);
    rt_tune tune = {.plan = plan};
    assert_int_equal(rt_tune_samples(&tune, 1), 7);
    assert_int_equal(rt_tune_samples(&tune, 2), 3);
    assert_int_equal(rt_tune_samples(&tune, 8), 1);
    rt_plan_free(plan);
}

static void refused(const char *text, int line, const char *what, const char *hint)
{
    rt_plan *plan = NULL;
    rt_err err;
    rt_status status = load(&plan, text, &err);
    rt_plan_free(plan);
    if (status == RT_OK) fail_msg("was not refused: %s", text);
    if (line && (err.line != line || !strstr(err.file, "plan.yaml"))) fail_msg("%s: line %d of '%s', not %d", err.what,
                                                                               (int)err.line, err.file, line);
    if (!strstr(err.what, what)) fail_msg("said '%s', not '%s'", err.what, what);
    if (!strstr(err.hint, hint)) fail_msg("hint '%s', not '%s'", err.hint, hint);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    refused(GOOD "phase1: {epoch: 3}\n", 4, "unknown key 'phase1.epoch'", "phase1.epochs");
    refused(GOOD "phase3:\n  lr: 1\n", 4, "unknown key 'phase3'", "");
    refused(GOOD "phase1:\n  crop: 64\n  lr: 2\n", 6, "phase1.lr: 2 is out of range; 0 to 1 was expected", "");
    refused(GOOD "phase1:\n  lr: fast\n", 5, "phase1.lr: 'fast' is not a number", "");
    refused(GOOD "phase1: {epochs: 1.5}\n", 4, "is not a whole number", "");
    refused(GOOD "phase1: {epochs: null}\n", 4, "a value is needed", "10");
    refused(GOOD "phase1: {epochs: [1, 2]}\n", 4, "a single value was expected", "");
    refused(GOOD "phase1: 4\n", 4, "keys and values were expected", "");
    refused(GOOD "precision: fp16\n", 4, "'fp16' is not one of fp32, reference, bf16", "fp32");
    refused(GOOD "no_ribonanza: 1\n", 4, "neither true nor false", "");
    refused(GOOD "predict: {seeds: [1, 2]}\n", 4, "three seeds at least", "");
    refused(GOOD "predict: {seeds: [1, 2, 1]}\n", 4, "the same seed twice", "");
    refused(GOOD "predict: {rank_by: learned}\n", 4, "needs a ranking beside every checkpoint", "");
    refused(GOOD "compare: {metric: tm_alin}\n", 4, "compare.metric", "tm_align");
    refused(GOOD "split: {sizes: 80/20}\n", 4, "TRAIN/VALIDATION/TEST", "80/10/10");
    refused(GOOD "split: {cutoff: yesterday}\n", 4, "no date", "");
    refused(GOOD "phase2: {augment: [compensatry]}\n", 4, "phase2.augment", "compensatory");
    refused(GOOD "phase2: {augment: [homolog]}\n", 4, "needs seed alignments", "augment.seeds");
    refused(GOOD "phase2: {weights: [mse]}\n", 4, "no loss term", "mse=4");
    refused(GOOD "phase1: {cache_size: big}\n", 4, "no size", "");
    refused(GOOD "seed: 1\nseed: 2\n", 5, "given twice", "");
    refused("bases: {a: x}\ndata: {structures: s, kaggle: k}\nfamilies: {no_rfam: true}\n", 2,
            "data.kaggle is given, too", "");
    refused("bases: {a: x}\nfamilies: {no_rfam: true}\n", 0, "nothing says where the structures are", "data.kaggle");
    refused("data: {structures: s}\nfamilies: {no_rfam: true}\n", 0, "no checkpoint to begin with", "");
    refused("bases: {a: x}\ndata: {structures: s}\n", 0, "which Rfam family", "families.cm");
    refused("bases: {../a: x}\n", 1, "cannot be a folder's name", "");
    refused("bases: {compare: x}\n", 1, "cannot be a folder's name", "");
    refused(GOOD "package: {owner: a, title: b}\n", 0, "is missing", "title, owner and competition");
    refused("bases: [x]\n", 1, "names and files were expected", "");
    refused("- a\n", 1, "is no plan", "--print-plan");
    refused("", 1, "is no plan", "--print-plan");
}

int main(void)
{
    rt_log_set_level(RT_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(the_seed_plan_is_the_table),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(checkpoints_share_the_samples),
        cmocka_unit_test(completion_knows_the_steps),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
