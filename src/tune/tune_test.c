/* tune_test.c - inputs by hash, the ledger of steps, and what its files say after an interruption */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "base/json.h"
#include "io/test_files.h"
#include "tune/child.h"
#include "tune/inputs.h"
#include "tune/ledger.h"

static const char *value(const json_t *inputs, const char *name)
{
    const char *text = json_string_value(json_object_get(inputs, name));
    return text ? text : "";
}

/* A file counts by what is in it; what is known of it is used while it is the same file, and kept. */
static void files_count_by_their_contents(void **state)
{
    (void)state;
    rt_err err;
    rt_hashes hashes;
    json_t *a = json_object(), *b = json_object();
    char first[RT_HASH_TEXT], second[RT_HASH_TEXT], kept[400];
    snprintf(kept, sizeof kept, "%s", test_path("hashes.json"));
    rt_hashes_open(&hashes, kept);
    assert_int_equal(rt_inputs_file(a, &hashes, "x", test_file("x", "abc"), &err), RT_OK);
    assert_string_equal(value(a, "x"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(hashes.fresh, 1);
    assert_int_equal(rt_inputs_file(a, &hashes, "x", test_path("x"), &err), RT_OK);
    assert_int_equal(hashes.fresh, 1);   /* known */
    rt_hashes_close(&hashes);
    rt_hashes_open(&hashes, kept);
    assert_int_equal(rt_inputs_file(b, &hashes, "x", test_path("x"), &err), RT_OK);
    assert_int_equal(hashes.fresh, 0);   /* known from before */
    assert_true(json_equal(a, b));
    assert_int_equal(rt_inputs_hash(first, a, &err), RT_OK);
    assert_int_equal(rt_inputs_file(b, &hashes, "x", test_file("x", "abcd"), &err), RT_OK);
    assert_int_equal(hashes.fresh, 1);   /* another file of that name */
    assert_int_equal(rt_inputs_hash(second, b, &err), RT_OK);
    assert_string_not_equal(first, second);
    assert_int_equal(rt_inputs_file(b, &hashes, "y", test_path("none"), &err), RT_ERR_IO);
    rt_hashes_close(&hashes);
    test_file("hashes.json", "{\"damaged\": ");
    rt_hashes_open(&hashes, kept);
    assert_int_equal(rt_inputs_file(b, &hashes, "x", test_path("x"), &err), RT_OK);
    rt_hashes_close(&hashes);
    json_decref(a);
    json_decref(b);
}

static void folders_count_by_all_their_files(void **state)
{
    (void)state;
    rt_err err;
    rt_hashes hashes;
    json_t *inputs[4];
    char folder[320], file[400];
    snprintf(folder, sizeof folder, "%s", test_path("folder"));
    mkdir(folder, 0755);
    snprintf(file, sizeof file, "%s/sub", folder);
    mkdir(file, 0755);
    rt_hashes_open(&hashes, test_path("none.json"));
    hashes.path[0] = 0;
    test_file("folder/sub/a", "1");
    for (int k = 0; k < 4; k++) {
        inputs[k] = json_object();
        if (k == 1) test_file("folder/b", "");
        if (k == 2) test_file("folder/sub/a", "2");
        if (k == 3) {
            snprintf(file, sizeof file, "%s/c", folder);
            rename(test_path("folder/b"), file);
        }
        assert_int_equal(rt_inputs_folder(inputs[k], &hashes, "folder", folder, &err), RT_OK);
        for (int i = 0; i < k; i++) assert_false(json_equal(inputs[i], inputs[k]));
    }
    assert_int_equal(rt_inputs_folder(inputs[0], &hashes, "folder", test_path("none"), &err), RT_ERR_IO);
    hashes.fresh = 0;
    rt_hashes_close(&hashes);
    for (int k = 0; k < 4; k++) json_decref(inputs[k]);
}

static void what_differs_is_named(void **state)
{
    (void)state;
    char text[200];
    json_t *a = json_pack("{s:s, s:s, s:s}", "lr", "1", "crop", "2", "gone", "3"), *b = json_pack("{s:s, s:s}", "lr",
            "1", "crop", "4");
    rt_inputs_differ(text, sizeof text, a, b);
    assert_string_equal(text, "crop, gone");
    rt_inputs_differ(text, sizeof text, a, a);
    assert_string_equal(text, "");
    rt_inputs_text(b, "x", "1");
    rt_inputs_text(b, "y", "\xff");
    rt_inputs_differ(text, sizeof text, a, b);
    assert_string_equal(text, "crop, x, y and 1 more");
    json_decref(a);
    json_decref(b);
}

/* A step that was interrupted keeps its finished commands when it begins again with the same inputs, and loses them
 * with others. */
static void interrupted_steps_keep_what_is_done(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"one", "two"}, *const DONE[] = {"rnatune", "a", NULL},
        *const FAILED[] = {"rnatune", "b", NULL};
    rt_err err, why = {0};
    rt_ledger l;
    int code = -1;
    json_t *inputs = json_pack("{s:s}", "lr", "1"), *outputs = json_pack("[s]", "x");
    assert_int_equal(rt_ledger_open(&l, test_folder, NAMES, 1, &err), RT_OK);
    assert_string_equal(rt_ledger_state(&l, "one"), "waiting");
    assert_int_equal(rt_ledger_begin(&l, "one", inputs, "hash", "logs/one.log", outputs, &err), RT_OK);
    assert_int_equal(rt_ledger_command(&l, "one", DONE, 0, 1.5, &err), RT_OK);
    assert_int_equal(rt_ledger_command(&l, "one", FAILED, 1, 0.5, &err), RT_OK);
    rt_ledger_close(&l);   /* as after a kill */
    assert_int_equal(rt_ledger_open(&l, test_folder, NAMES, 2, &err), RT_OK);
    assert_string_equal(rt_ledger_state(&l, "one"), "running");
    assert_string_equal(rt_ledger_state(&l, "two"), "waiting");
    assert_int_equal(rt_ledger_begin(&l, "one", inputs, "hash", "logs/one.log", outputs, &err), RT_OK);
    assert_true(rt_ledger_has(&l, "one", DONE, &code) && code == 0);
    assert_false(rt_ledger_has(&l, "one", FAILED, &code));
    assert_int_equal(rt_ledger_command(&l, "one", FAILED, 3, 0.25, &err), RT_OK);
    assert_true(rt_ledger_has(&l, "one", FAILED, &code) && code == 3);
    const json_t *commands = json_object_get(rt_ledger_step(&l, "one"), "commands");
    assert_int_equal(json_array_size(commands), 2);
    /* of both starts */
    assert_true(json_real_value(json_object_get(json_array_get(commands, 1), "seconds")) == 0.75);
    rt_fail(&why, RT_ERR_IO, "f", 3, "went wrong");
    assert_int_equal(rt_ledger_end(&l, "one", "failed", 1, &why, &err), RT_OK);
    assert_string_equal(json_string_value(json_object_get(rt_ledger_step(&l, "one"), "error")), "f:3: went wrong");
    assert_int_equal(rt_ledger_begin(&l, "one", inputs, "other", "logs/one.log", outputs, &err), RT_OK);
    assert_false(rt_ledger_has(&l, "one", DONE, &code));
    assert_true(json_is_null(json_object_get(rt_ledger_step(&l, "one"), "error")));
    assert_int_equal(rt_ledger_end(&l, "one", "done", 0, NULL, &err), RT_OK);
    rt_ledger_close(&l);
    test_file("steps.json", "[1]");
    assert_int_equal(rt_ledger_open(&l, test_folder, NAMES, 2, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.hint, "--out"));
    test_file("steps.json", "{");
    assert_int_equal(rt_ledger_open(&l, test_folder, NAMES, 2, &err), RT_ERR_FORMAT);
    json_decref(inputs);
    json_decref(outputs);
}

static void the_last_error_is_found(void **state)
{
    (void)state;
    char text[200];
    const char *log = test_file("log", "rnatune train: first\nrnatune 0.1.0 train: 3 s\nrnatune train: a.pt: "
                                       "\x1b[2Jbad\n  hint: none\n");
    rt_child_last_error(text, sizeof text, log, "train");
    assert_string_equal(text, "rnatune train: a.pt: ?[2Jbad (none)");
    rt_child_last_error(text, sizeof text, log, "score");
    assert_string_equal(text, "");
    rt_child_last_error(text, sizeof text, test_path("none"), "train");
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_count_by_their_contents),
        cmocka_unit_test(folders_count_by_all_their_files),
        cmocka_unit_test(what_differs_is_named),
        cmocka_unit_test(interrupted_steps_keep_what_is_done),
        cmocka_unit_test(the_last_error_is_found),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
