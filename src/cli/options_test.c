/* options_test.c - the option table's parsing, its messages, help and man page */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/options.h"

static const rt_operand OPERANDS[] = {
    {.name = "IN", .type = RT_OPTION_TEXT, .required = true, .help = "what to read"},
    {.name = "MORE", .type = RT_OPTION_TEXT, .repeated = true, .help = "what else to read"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "samples", .letter = 'n', .type = RT_OPTION_INT, .value = "N", .fallback = "5", .low = 1, .high = 1000,
     .help = "structures to draw per target"},
    {.name = "steps", .type = RT_OPTION_INT, .otherwise = "from the config", .low = 1, .high = 1e15, .help = "steps"},
    {.name = "cutoff", .type = RT_OPTION_DOUBLE, .fallback = "1.5", .unit = "Angstrom", .help = "a distance"},
    {.name = "dtype", .type = RT_OPTION_CHOICE, .choices = "keep|fp32|bf16", .fallback = "keep", .help = "a type"},
    {.name = "glob", .type = RT_OPTION_TEXT, .repeated = true, .help = "names"},
    {.name = "layers", .type = RT_OPTION_TEXT, .repeated = true, .fallback = "all", .help = "names with a default"},
    {.name = "in-file", .type = RT_OPTION_FILE, .help = "a file"},
    {.name = "in-folder", .type = RT_OPTION_FOLDER, .help = "a folder"},
    {.name = "out", .type = RT_OPTION_OUT_FILE, .help = "a file to write"},
    {.name = "out-folder", .type = RT_OPTION_OUT_FOLDER, .help = "a folder to make"},
    {.name = "target", .type = RT_OPTION_TEXT, .required = true, .help = "a name that must be given"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

static const rt_command COMMAND = {
    .name = "fold",
    .summary = "a verb for tests",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description = "First paragraph.\n\n.dot and \\ and -dash",
    .examples = " rnatune fold x",
};

/* Parses "fold" and the words; at most 15. */
static rt_status parse_command(rt_options **ret_options, rt_options_action *out_action, rt_err *err,
                               const rt_command *command, const char *words)
{
    static char copy[512];
    char *argv[16], *next = NULL;
    int argc = 0;
    snprintf(copy, sizeof copy, "fold %s", words);
    for (char *word = strtok_r(copy, " ", &next); word && argc < 15; word = strtok_r(NULL, " ", &next))
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    argv[argc] = NULL;
    *err = (rt_err){0};
    return rt_options_parse(ret_options, out_action, command, argc, argv, err);
}

static rt_options *parse(const char *words)
{
    rt_options *options;
    rt_options_action action;
    rt_err err;
    if (parse_command(&options, &action, &err, &COMMAND, words) != RT_OK) fail_msg("%s: %s", words, err.what);
    assert_int_equal(action, RT_OPTIONS_RUN);
    return options;
}

static void refused(const char *words, rt_status code, const char *what, const char *hint)
{
    rt_options *options;
    rt_options_action action;
    rt_err err;
    assert_int_equal(parse_command(&options, &action, &err, &COMMAND, words), code);
    assert_null(options);
    if (!strstr(err.what, what)) fail_msg("%s: said '%s', not '%s'", words, err.what, what);
    if (hint && !strstr(err.hint, hint)) fail_msg("%s: hinted '%s', not '%s'", words, err.hint, hint);
}

static void values_come_from_the_line_or_the_default(void **state)
{
    (void)state;
    rt_options *o = parse("a --samples 7 --target=x --glob 1 b --glob=2 --json --cutoff -2.5 -- --c");
    assert_int_equal(rt_option_int(o, "samples"), 7);
    assert_true(rt_option_given(o, "samples") && rt_option_flag(o, "json") && !rt_option_flag(o, "quiet"));
    assert_true(rt_option_double(o, "cutoff") == -2.5);
    assert_string_equal(rt_option_text(o, "dtype"), "keep");
    assert_false(rt_option_given(o, "dtype"));
    assert_true(rt_option_has(o, "dtype") && !rt_option_has(o, "steps"));
    assert_int_equal(rt_option_count(o, "glob"), 2);
    assert_string_equal(rt_option_at(o, "glob", 1), "2");
    assert_null(rt_option_at(o, "glob", 2));
    assert_string_equal(rt_option_text(o, "layers"), "all");
    assert_int_equal(rt_operand_count(o), 3);
    assert_string_equal(rt_operand_at(o, 0), "a");
    assert_string_equal(rt_operand_at(o, 2), "--c");
    assert_null(rt_operand_at(o, 3));
    rt_options_free(o);

    o = parse(
        "a -n3 --tar x --samples 9 --layers q --layers r"); /* letter, beginning of a name, the last one counts */
    assert_int_equal(rt_option_int(o, "samples"), 9);
    assert_int_equal(rt_option_count(o, "layers"), 2);              /* what is given replaces the default list */
    rt_option_resolve(o, "steps", "200", "config");
    assert_int_equal(rt_option_int(o, "steps"), 200);
    assert_true(rt_option_has(o, "steps") && !rt_option_given(o, "steps"));
    json_t *json = rt_options_json(o), *steps = json_object_get(json, "steps");
    assert_int_equal(json_integer_value(json_object_get(steps, "value")), 200);
    assert_string_equal(json_string_value(json_object_get(steps, "from")), "config");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "dtype"), "from")), "default");
    assert_true(json_is_null(json_object_get(json_object_get(json, "out"), "value")));
    assert_int_equal(json_array_size(json_object_get(json_object_get(json, "IN"), "value")), 1);
    json_decref(json);
    rt_options_free(o);
}

static void what_makes_no_sense_is_said_in_one_line(void **state)
{
    (void)state;
    refused("a --target x --sampels 3", RT_ERR_USAGE, "unknown option '--sampels'", "did you mean '--samples'?");
    refused("a --target x --zzzzzz", RT_ERR_USAGE, "unknown option '--zzzzzz'", "rnatune fold --help");
    refused("a --target x -z", RT_ERR_USAGE, "unknown option '-z'", NULL);
    refused("a --target x --s 3", RT_ERR_USAGE, "'--s' may mean --samples, --steps", NULL);
    refused("a --target x --json=yes", RT_ERR_USAGE, "--json takes no value, but 'yes' was given", NULL);
    refused("a --target x --samples", RT_ERR_USAGE, "--samples needs a value: --samples N", NULL);
    refused("a --target x -n", RT_ERR_USAGE, "--samples needs a value", NULL);
    refused("a --target --json", RT_ERR_USAGE, "--target needs a value, but '--json' follows", NULL);
    refused("a --target x --samples five", RT_ERR_USAGE, "--samples: 'five' is not a whole number", NULL);
    refused("a --target x --samples 1.5", RT_ERR_USAGE, "--samples: '1.5' is not a whole number", NULL);
    refused("a --target x --samples 0", RT_ERR_USAGE, "--samples: 0 is out of range; 1 to 1000 was expected", NULL);
    refused("a --target x --samples 1001", RT_ERR_USAGE, "--samples: 1001 is out of range", NULL);
    refused("a --target x --samples ''", RT_ERR_USAGE, "--samples: the value is empty", NULL);
    refused("a --target x --cutoff nan", RT_ERR_USAGE, "--cutoff: 'nan' is not a number", NULL);
    refused("a --target x --dtype bf61", RT_ERR_USAGE, "--dtype: 'bf61' is not one of keep, fp32, bf16",
            "mean 'bf16'?");
    refused("a", RT_ERR_USAGE, "--target TEXT is required", NULL);
    refused("--target x", RT_ERR_USAGE, "IN is missing", NULL);
}

static void a_verb_without_operands_takes_none(void **state)
{
    (void)state;
    static const rt_operand one[] = {{.name = "IN", .type = RT_OPTION_TEXT, .required = true, .help = "x"}, {0}};
    rt_command command = {.name = "fold", .operands = one};
    rt_options *options;
    rt_options_action action;
    rt_err err;
    assert_int_equal(parse_command(&options, &action, &err, &command, "a b"), RT_ERR_USAGE);
    assert_string_equal(err.what, "unexpected 'b' after IN");
    command.operands = NULL;
    assert_int_equal(parse_command(&options, &action, &err, &command, "a"), RT_ERR_USAGE);
    assert_string_equal(err.what, "unexpected 'a': only options were expected");
    assert_int_equal(parse_command(&options, &action, &err, &command, ""), RT_OK);
    rt_options_free(options);
}

static void paths_are_looked_at(void **state)
{
    (void)state;
    char folder[] = "/tmp/rt_options_testXXXXXX", file[64], words[200];
    assert_non_null(mkdtemp(folder));
    rt_path_join(file, sizeof file, folder, "f");
    assert_int_equal(rt_write_text(file, "x", 1, NULL), RT_OK);
#define WORDS(...) (snprintf(words, sizeof words, __VA_ARGS__), words)
    refused("a --target x --in-file /no/such", RT_ERR_IO, "--in-file: no such file", NULL);
    refused(WORDS("a --target x --in-file %s", folder), RT_ERR_IO, "--in-file is a folder, a file was expected", NULL);
    refused("a --target x --in-folder /no/such", RT_ERR_IO, "--in-folder: no such folder", NULL);
    refused(WORDS("a --target x --in-folder %s", file), RT_ERR_IO, "--in-folder is a file, a folder was expected",
            NULL);
    refused(WORDS("a --target x --out %s", folder), RT_ERR_IO, "--out is a folder", "inside it");
    refused("a --target x --out /no/such/x", RT_ERR_IO, "there is no folder '/no/such'", "mkdir -p '/no/such'");
    refused(WORDS("a --target x --out-folder %s", file), RT_ERR_IO, "--out-folder is a file", "a folder to make");
    refused(WORDS("a --target x --out-folder %s/a/b", file), RT_ERR_IO, "f' is no folder", "another place");
    refused(WORDS("a --target x --out %s/b", file), RT_ERR_IO, "f' is no folder", "another place");
    refused(WORDS("a --target x --in-file %s/g", folder), RT_ERR_IO, "--in-file: no such file", "/f'?");
    refused(WORDS("a --target x --in-file %s/quite-else", folder), RT_ERR_IO, "--in-file: no such file", "--in-file: a file");
    rt_options_free(parse(WORDS("a --target x --in-file %s --in-folder %s --out %s/new", file, folder, folder)));
    rt_options_free(parse(WORDS("a --target x --out-folder %s/new/er --out here", folder)));
    remove(file);
    remove(folder);
}

/* What a file that was given should be, from the table; a hint that says more stays. */
static void files_are_explained(void **state)
{
    (void)state;
    static const struct { const char *file, *hint; } CASES[] = {
        {"some/table.tsv", "--glob: names"}, {"other", "--glob: names"}, {"folder/run.json", "IN: "}, {"elsewhere", ""}};
    rt_options *options = parse("folder --target x --glob some/table.tsv --glob second=other");
    rt_err err;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rt_fail(&err, RT_ERR_FORMAT, CASES[i].file, 0, "is empty");
        rt_options_explain(options, &err);
        if (!strstr(err.hint, CASES[i].hint)) fail_msg("%s: hint '%s', not '%s'", CASES[i].file, err.hint, CASES[i].hint);
        if (!*CASES[i].hint) assert_string_equal(err.hint, "");
    }
    rt_fail(&err, RT_ERR_FORMAT, "other", 0, "is empty");
    rt_hint(&err, "write it");
    rt_options_explain(options, &err);
    assert_string_equal(err.hint, "write it");
    rt_options_free(options);
}

static void help_asks_for_nothing_else(void **state)
{
    (void)state;
    rt_options *options;
    rt_options_action action;
    rt_err err;
    assert_int_equal(parse_command(&options, &action, &err, &COMMAND, "--help"), RT_OK);
    assert_int_equal(action, RT_OPTIONS_HELP);
    rt_options_free(options);
    assert_int_equal(parse_command(&options, &action, &err, &COMMAND, "-h"), RT_OK);
    assert_int_equal(action, RT_OPTIONS_HELP);
    rt_options_free(options);
    assert_int_equal(parse_command(&options, &action, &err, &COMMAND, "--man --samples"), RT_OK);
    assert_int_equal(action, RT_OPTIONS_MAN);
    rt_options_free(options);
}

static void contains(const char *text, const char *fragment)
{
    if (!strstr(text, fragment)) fail_msg("no '%s' in:\n%s", fragment, text);
}

static void help_and_man_say_all_of_the_table(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    rt_options_print_help(&COMMAND, stream);
    fclose(stream);
    contains(text, "usage: rnatune fold IN [MORE...] --target TEXT [--samples N] [--steps N]");
    contains(text, "  -n, --samples N             structures to draw per target (1 to 1000; default: 5)\n");
    contains(text, "steps (from 1; default: from the config)");
    contains(text, "a distance (default: 1.5 Angstrom)");
    contains(text, "  --dtype keep|fp32|bf16      a type (default: keep)\n");
    contains(text, "a name that must be given (required)");
    contains(text, "names (may be repeated)");
    contains(text, "-q, --quiet");
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) assert_true(strlen(line) <= 100);
    free(text);
    stream = open_memstream(&text, &size);
    rt_options_print_man(&COMMAND, "1.2.3", stream);
    fclose(stream);
    contains(text, ".TH RNATUNE\\-FOLD 1");
    contains(text, "\n\\&.dot and \\e and \\-dash\n");
    contains(text, ".TP\n.B \\-n, \\-\\-samples N\nstructures to draw");
    contains(text, ".SH EXIT STATUS");
    contains(text, ".nf\n rnatune fold x\n.fi\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_from_the_line_or_the_default),
        cmocka_unit_test(what_makes_no_sense_is_said_in_one_line),
        cmocka_unit_test(a_verb_without_operands_takes_none),
        cmocka_unit_test(paths_are_looked_at),
        cmocka_unit_test(files_are_explained),
        cmocka_unit_test(help_asks_for_nothing_else),
        cmocka_unit_test(help_and_man_say_all_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
