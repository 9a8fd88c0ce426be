/* input_test.c - what users give, good and bad, and what they are told */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "feat/input.h"
#include "io/template_file.h"
#include "io/test_files.h"

static const rt_template_missing MASK = RT_TEMPLATE_MISSING_MASK, ORIGIN = RT_TEMPLATE_MISSING_ORIGIN;

static void read_csv(rt_inputs *inputs, const char *text)
{
    rt_err err = {0};
    if (rt_inputs_read(inputs, test_file("sequences.csv", text), &err) != RT_OK) fail_msg("%s", err.what);
}

static void expect_failure(const rt_inputs *inputs, int64_t index, const char *target, int64_t line, const char *what)
{
    const rt_input_failure *f = &inputs->failure[index];
    assert_string_equal(f->target, target);
    assert_int_equal(f->line, line);
    assert_int_equal(f->err.line, line);
    assert_int_equal(f->err.code, RT_ERR_FORMAT);
    assert_string_equal(rt_path_name(f->err.file), "sequences.csv");
    assert_string_equal(f->err.what, what);
}

static void rows_become_targets(void **state)
{
    (void)state;
    rt_inputs inputs;
    read_csv(&inputs, "target_id,sequence,temporal_cutoff,description,all_sequences,extra\r\n"
                      "a,GGCC,2022-05-28,\"two\nlines, \"\"quoted\"\"\",\">x\nGG\",1\r\n"
                      "b,acguT,,,,\r\n");
    assert_int_equal(inputs.n_input, 2);
    assert_int_equal(inputs.n_failure, 0);
    assert_string_equal(inputs.input[0].target, "a");
    assert_string_equal(inputs.input[0].sequence, "GGCC");
    assert_string_equal(inputs.input[0].description, "two\nlines, \"quoted\"");
    assert_string_equal(inputs.input[0].all_sequences, ">x\nGG");
    assert_int_equal(inputs.input[0].n_t_to_u, 0);
    assert_string_equal(inputs.input[1].sequence, "ACGUU");
    assert_int_equal(inputs.input[1].n_t_to_u, 1);
    assert_int_equal(inputs.input[1].length, 5);
    assert_null(inputs.input[1].description);
    rt_inputs_free_members(&inputs);
    read_csv(&inputs, "sequence,target_id\nGG,only\n");
    assert_string_equal(inputs.input[0].target, "only");
    rt_inputs_free_members(&inputs);
}

static void a_bad_row_does_not_stop_the_others(void **state)
{
    (void)state;
    rt_inputs inputs;
    read_csv(&inputs, "target_id,sequence,description\n"
                      "n,GGNCC,\"x\ny\"\n"
                      "good,GG,\n"
                      "x,GGC*,\n"
                      "empty,,\n"
                      "good,CC,\n"
                      ",GG,\n"
                      "a/b,GG,\n"
                      "tab,G\tG,\n"
                      "last,CC,\n");
    assert_int_equal(inputs.n_input, 2);
    assert_string_equal(inputs.input[0].target, "good");
    assert_string_equal(inputs.input[0].sequence, "GG");
    assert_string_equal(inputs.input[1].target, "last");
    assert_int_equal(inputs.n_failure, 7);
    expect_failure(&inputs, 0, "n", 2, "target 'n': letter 'N' at position 3 of its sequence");
    assert_non_null(strstr(inputs.failure[0].err.hint, "A, C, G and U are accepted"));
    expect_failure(&inputs, 1, "x", 5, "target 'x': letter '*' at position 4 of its sequence");
    expect_failure(&inputs, 2, "empty", 6, "target 'empty': the sequence is empty");
    expect_failure(&inputs, 3, "good", 7, "target 'good' is there twice; line 4 has it already");
    expect_failure(&inputs, 4, "", 8, "the target has no name (target_id is empty)");
    expect_failure(&inputs, 5, "a/b", 9, "target 'a/b': not usable as a file's name");
    expect_failure(&inputs, 6, "tab", 10, "target 'tab': byte 0x09 at position 2 of its sequence");
    rt_inputs_free_members(&inputs);
}

static void a_bad_file_is_refused(void **state)
{
    (void)state;
    static const struct { const char *text, *what; int64_t line; } bad[] = {
        {"", "", 0},
        {"target_id,sequence\n", "has a header and no target", 0},
        {"target_id,sequences\na,GG\n", "has no column 'sequence'", 1},
        {"id,sequence\na,GG\n", "has no column 'target_id'", 1},
        {"target_id,sequence\na,GG\nb,CC,3\n", "the row has 3 fields, the header 2", 3},
        {"target_id,sequence\na,GG\nb\n", "the row has 1 fields, the header 2", 3},
    };
    rt_inputs inputs;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rt_err err = {0};
        assert_int_equal(rt_inputs_read(&inputs, test_file("sequences.csv", bad[i].text), &err), RT_ERR_FORMAT);
        assert_int_equal(inputs.n_input, 0);
        if (!strstr(err.what, bad[i].what)) fail_msg("%zu: '%s' lacks '%s'", i, err.what, bad[i].what);
        if (bad[i].line) assert_int_equal(err.line, bad[i].line);
    }
    rt_err err;
    assert_int_equal(rt_inputs_read(&inputs, test_path("none.csv"), &err), RT_ERR_IO);
}

static void many_names_are_told_apart(void **state)
{
    (void)state;
    const char *path = test_path("many.csv");
    FILE *file = fopen(path, "w");
    fputs("target_id,sequence\n", file);
    for (int i = 0; i < 3000; i++) fprintf(file, "t%d,GG\n", i);
    fputs("t17,GG\nt2999,CC\n", file);
    fclose(file);
    rt_inputs inputs;
    rt_err err;
    assert_int_equal(rt_inputs_read(&inputs, path, &err), RT_OK);
    assert_int_equal(inputs.n_input, 3000);
    assert_int_equal(inputs.n_failure, 2);
    assert_non_null(strstr(inputs.failure[0].err.what, "line 19 "));
    rt_inputs_free_members(&inputs);
}

static rt_input make_input(const char *target, const char *sequence)
{
    rt_input input;
    rt_err err;
    if (rt_input_set_sequence(&input, target, sequence, &err) != RT_OK) fail_msg("%s", err.what);
    return input;
}

/* Loads the MSA `text` under file name `name` for target "m" and gives what was warned of. */
static const char *load_msa(rt_input *input, const char *name, const char *text)
{
    rt_err err;
    const char *path = test_file(name, text);
    test_stderr_begin();
    rt_status status = rt_input_load_msa(input, test_folder, &err);
    const char *said = test_stderr_end();
    assert_int_equal(status, RT_OK);
    remove(path);
    return said;
}

static void an_msa_is_loaded_and_doubtful_ones_are_told(void **state)
{
    (void)state;
    rt_input input = make_input("m", "GGCC");
    rt_err err;
    assert_int_equal(rt_input_load_msa(&input, test_folder, &err), RT_OK);
    assert_int_equal(input.n_msa, 0);
    assert_null(input.msa_file);

    assert_string_equal(load_msa(&input, "m.MSA.fasta", ">q\nGGCC\n>a\n-GCC\n"), "");
    assert_int_equal(input.n_msa, 2);
    assert_int_equal(input.msa_file_rows, 2);
    assert_string_equal(rt_path_name(input.msa_file), "m.MSA.fasta");
    assert_string_equal(load_msa(&input, "m.fasta", ">q\nggcc\n"), "");
    assert_string_equal(load_msa(&input, "m.a3m", ">q\nGGCC\n>a\nGGaCC\n"), "");
    assert_string_equal(input.msa_row[1], "GGCC");

    assert_non_null(strstr(load_msa(&input, "m.fasta", ">q\nGGCA\n"), "the first row is not the sequence of m"));
    assert_int_equal(input.n_msa, 1);   /* used all the same */
    assert_null(strstr(load_msa(&input, "m.fasta", ">q\nG-G.CC\n"), "is not the sequence"));   /* gaps do not count */
    assert_non_null(strstr(load_msa(&input, "m.fasta", ">q\nGGC\n"), "the first row is not the sequence of m"));
    assert_non_null(strstr(load_msa(&input, "m.fasta", ">q\nGGCC\n>a\nGG\n>b\nGGCCC\n>c\nG\n"),
                           "of 4 rows 2 are shorter than m (filled up with N) and 1 longer (cut)"));
    assert_non_null(strstr(load_msa(&input, "m.fasta", ">q\nGGCC\n>a\nGGaCC\n"), "lower-case insertions shift 1 rows"));
    assert_non_null(strstr(load_msa(&input, "m.fasta", ">q\n"), "holds no row"));
    assert_int_equal(input.n_msa, 0);

    test_file("m.a3m", ">q\nGGCC\n>a\nGG\n");
    assert_int_equal(rt_input_load_msa(&input, test_folder, &err), RT_ERR_FORMAT);
    assert_int_equal(err.line, 3);
    assert_int_equal(input.n_msa, 0);
    rt_input_free_members(&input);
}

static void templates_up_to_the_index_are_used(void **state)
{
    (void)state;
    rt_input input = make_input("t", "GGC");
    rt_err err = {0};
    float xyz[3 * 4 * 3];
    for (int i = 0; i < 36; i++) xyz[i] = (float)i + 1;
    assert_int_equal(rt_input_set_templates(&input, xyz, 3, 4, "GGC", 1, MASK, "f.csv", &err), RT_OK);
    assert_int_equal(input.n_template, 2);
    assert_int_equal(input.n_template_missing, 0);
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < 3; i++)
            for (int d = 0; d < 3; d++)
                assert_true(input.template_xyz[(t * 3 + i) * 3 + d] == xyz[(i * 4 + t) * 3 + d]);
    assert_string_equal(input.template_file, "f.csv");

    assert_int_equal(rt_input_set_templates(&input, xyz, 3, 4, "GGC", 4, MASK, "f.csv", &err),
                     RT_ERR_MISMATCH);
    assert_string_equal(err.what, "target 't': template_idx 4 wants 5 templates, the file has 4");
    assert_int_equal(rt_input_set_templates(&input, xyz, 3, 4, "GGC", -1, MASK, NULL, &err), RT_ERR_USAGE);
    assert_int_equal(rt_input_set_templates(&input, xyz, 2, 4, "GG", 0, MASK, NULL, &err),
                     RT_ERR_MISMATCH);
    assert_string_equal(err.what, "target 't' has 3 residues, its templates have 2");
    assert_int_equal(rt_input_set_templates(&input, xyz, 3, 4, "GAC", 0, MASK, NULL, &err),
                     RT_ERR_MISMATCH);
    assert_string_equal(err.what, "target 't': residue 2 is G, its templates have A there");
    assert_int_equal(rt_input_set_templates(&input, xyz, 3, 4, "GG", 0, MASK, NULL, &err),
                     RT_ERR_MISMATCH);
    assert_int_equal(input.n_template, 2);   /* a refusal leaves what was there */
    assert_int_equal(rt_input_set_templates(&input, xyz, 3, 4, NULL, 0, MASK, NULL, &err), RT_OK);
    assert_int_equal(input.n_template, 1);
    assert_null(input.template_file);
    rt_input_clear_templates(&input);
    assert_int_equal(input.n_template, 0);
    rt_input_free_members(&input);
}

static void missing_residues_follow_the_policy(void **state)
{
    (void)state;
    rt_input input = make_input("t", "GGCCA");
    rt_err err;
    const float xyz[15] = {1, 2, 3, NAN, NAN, NAN, 0, 0, 0, 1, -2e6f, 1, 0, NAN, 5};
    assert_int_equal(rt_input_set_templates(&input, xyz, 5, 1, "GGCCA", 0, MASK, NULL, &err), RT_OK);
    assert_int_equal(input.n_template_missing, 4);
    for (int i = 0; i < 15; i++) assert_int_equal(isnan(input.template_xyz[i]) != 0, i >= 3);
    assert_int_equal(rt_input_set_templates(&input, xyz, 5, 1, "GGCCA", 0, ORIGIN, NULL, &err), RT_OK);
    assert_int_equal(input.n_template_missing, 4);
    for (int i = 3; i < 14; i++) assert_true(input.template_xyz[i] == 0);
    assert_true(input.template_xyz[0] == 1 && input.template_xyz[14] == 5);   /* the converter fills a NaN alone */
    rt_input_free_members(&input);
}

static void real_competition_files_are_read(void **state)
{
    (void)state;
    const char *shared = test_shared("reading Kaggle's sequences");
    if (!shared) skip();
    char path[600], command[1400];
    rt_inputs inputs;
    rt_err err = {0};
    rt_path_join(path, sizeof path, shared, "data/kaggle/train_sequences.csv.gz");
    snprintf(command, sizeof command, "gzip -dc '%s' > '%s'", path, test_path("train.csv"));
    assert_int_equal(system(command), 0);
    if (rt_inputs_read(&inputs, test_path("train.csv"), &err) != RT_OK) fail_msg("%s", err.what);
    assert_true(inputs.n_input > 500);
    for (int64_t i = 0; i < inputs.n_failure; i++)   /* some real sequences hold modified residues as X or N */
        if (!strstr(inputs.failure[i].err.what, "letter '")) fail_msg("%s", inputs.failure[i].err.what);
    rt_inputs_free_members(&inputs);

    rt_path_join(path, sizeof path, shared, "data/kaggle/validation_sequences.csv");
    if (rt_inputs_read(&inputs, path, &err) != RT_OK) fail_msg("%s", err.what);
    assert_int_equal(inputs.n_input, 12);
    assert_int_equal(inputs.n_failure, 0);
    rt_path_join(path, sizeof path, shared, "data/kaggle/MSA");
    test_stderr_begin();
    for (int64_t i = 0; i < inputs.n_input; i++) {
        assert_int_equal(rt_input_load_msa(&inputs.input[i], path, &err), RT_OK);
        assert_true(inputs.input[i].n_msa > 0);
    }
    const char *said = test_stderr_end();
    if (strstr(said, "is not the sequence")) fail_msg("%s", said);
    rt_inputs_free_members(&inputs);
}

static void real_templates_fit_their_targets(void **state)
{
    (void)state;
    const char *shared = test_shared("reading a Kaggle template table");
    if (!shared) skip();
    char path[600];
    rt_inputs inputs;
    rt_template_file *file;
    rt_err err;
    int n = 0;
    rt_path_join(path, sizeof path, shared, "data/kaggle/validation_sequences.csv");
    assert_int_equal(rt_inputs_read(&inputs, path, &err), RT_OK);
    rt_path_join(path, sizeof path, shared, "data/kaggle_templates/validation_templates.csv");
    if (rt_template_file_open(&file, path, &err) != RT_OK) fail_msg("%s", err.what);
    for (int64_t i = 0; i < inputs.n_input; i++) {
        rt_input *input = &inputs.input[i];
        const rt_template *t = rt_template_file_find(file, input->target);
        if (!t) continue;
        if (rt_input_set_templates(input, t->xyz, t->length, t->n_template, t->sequence, t->n_template - 1, MASK, path,
                                   &err) != RT_OK)
            fail_msg("%s", err.what);
        assert_true(input->n_template_missing < input->n_template * input->length);
        n++;
    }
    assert_true(n > 0);
    rt_template_file_close(file);
    rt_inputs_free_members(&inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_targets),
        cmocka_unit_test(a_bad_row_does_not_stop_the_others),
        cmocka_unit_test(a_bad_file_is_refused),
        cmocka_unit_test(many_names_are_told_apart),
        cmocka_unit_test(an_msa_is_loaded_and_doubtful_ones_are_told),
        cmocka_unit_test(templates_up_to_the_index_are_used),
        cmocka_unit_test(missing_residues_follow_the_policy),
        cmocka_unit_test(real_competition_files_are_read),
        cmocka_unit_test(real_templates_fit_their_targets),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
