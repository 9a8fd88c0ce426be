/* template_file_test.c - templates from .pt of either numpy, from torch tensors and from a submission CSV */
#include "io/io_test.h"

#include <math.h>
#include <unistd.h>

#include "io/template_file.h"

static rt_err err;

static rt_template_file *open_file(const char *path)
{
    rt_template_file *file;
    memset(&err, 0, sizeof err);
    expect_ok(rt_template_file_open(&file, path, &err), &err);
    return file;
}

static void every_kind_of_pt(void **state)
{
    (void)state;
    static const char *const FILES[] = {"templates_numpy1.pt", "templates_numpy2.pt", "templates_torch.pt"};
    for (int f = 0; f < 3; f++) {
        rt_template_file *file = open_file(fixture(FILES[f]));
        assert_false(rt_template_file_is_csv(file));
        assert_int_equal(rt_template_file_count(file), 2);
        const rt_template *t = rt_template_file_find(file, "T1");
        assert_ptr_equal(t, rt_template_file_at(file, 0));
        assert_string_equal(t->sequence, "GGCA");
        assert_int_equal(t->length, 4);
        assert_int_equal(t->n_template, 2);
        for (int i = 0; i < 24; i++) assert_true(t->xyz[i] == (i >= 9 && i < 12 ? 0 : i - 5));
        t = rt_template_file_find(file, "T_2");
        assert_string_equal(t->sequence, "U");
        for (int i = 0; i < 6; i++) assert_true(t->xyz[i] == 200.5f);
        assert_null(rt_template_file_find(file, "T"));
        assert_null(rt_template_file_find(file, "T11"));
        rt_template_file_close(file);
    }
    rt_template_file *file;
    assert_int_equal(rt_template_file_open(&file, fixture("templates_wrong.pt"), &err), RT_ERR_FORMAT);
    expect_word(err.what, "'T' has 2 letters and coordinates of 3 residues");
    assert_int_equal(rt_template_file_open(&file, fixture("strided.pt"), &err), RT_ERR_FORMAT);
    expect_word(err.what, "'t' lacks \"seq\"");
    assert_int_equal(rt_template_file_open(&file, fixture("system.pt"), &err), RT_ERR_UNSUPPORTED);
    assert_int_equal(rt_template_file_open(&file, fixture("absent.pt"), &err), RT_ERR_IO);
}

static rt_status open_text(rt_template_file **ret, const char *text)
{
    char path[] = "/tmp/rt_templates_XXXXXX";
    close(mkstemp(path));
    expect_ok(rt_write_text(path, text, (int64_t)strlen(text), &err), &err);
    rt_status status = rt_template_file_open(ret, path, &err);
    unlink(path);
    return status;
}

static void submission_csv(void **state)
{
    (void)state;
    rt_template_file *file;
    expect_ok(open_text(&file, "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2\n"
                               "a_b_1,G,1,1,2,3,,,\n"
                               "a_b_2,C,2,NaN,5,1e18,-1e17,8,9e16\n"
                               "c_1,U,1,0,0,0,1,1,1\n"
                               "a_b_3,A,3,7,8,9,10,11,12\n"), &err);
    assert_true(rt_template_file_is_csv(file));
    assert_int_equal(rt_template_file_count(file), 2);
    const rt_template *t = rt_template_file_find(file, "a_b");
    assert_string_equal(t->sequence, "GCA");
    assert_int_equal(t->length, 3);
    assert_int_equal(t->n_template, 2);
    const float expected[18] = {1, 2, 3, NAN, NAN, NAN, NAN, 5, NAN, NAN, 8, 9e16f, 7, 8, 9, 10, 11, 12};
    for (int i = 0; i < 18; i++)
        assert_true(isnan(expected[i]) ? isnan(t->xyz[i]) : t->xyz[i] == expected[i]);
    assert_string_equal(rt_template_file_find(file, "c")->sequence, "U");
    rt_template_file_close(file);
#define HEAD "ID,resname,resid,x_1,y_1,z_1\n"
    assert_int_equal(open_text(&file, HEAD "a_1,G,1,1,2,3\nb,G,1,1,2,3\n"), RT_ERR_FORMAT);
    assert_int_equal(err.line, 3);
    expect_word(err.what, "'b'");
    /* rows in another order, or one of them missing, put residues at the places of others */
    assert_int_equal(open_text(&file, HEAD "a_1,G,1,1,2,3\na_10,G,10,1,2,3\na_2,G,2,1,2,3\n"), RT_ERR_FORMAT);
    assert_int_equal(err.line, 3);
    expect_word(err.what, "ID 'a_10': residue 2 of 'a' was expected here");
    assert_int_equal(open_text(&file, HEAD "a_2,G,2,1,2,3\n"), RT_ERR_FORMAT);
    assert_int_equal(open_text(&file, HEAD "a_1,G,1,1,2,3\na_1,G,1,1,2,3\n"), RT_ERR_FORMAT);
    assert_int_equal(open_text(&file, HEAD "a_x,G,2,1,2,3\n"), RT_ERR_FORMAT);
    assert_int_equal(open_text(&file, HEAD "a_1,GG,1,1,2,3\n"), RT_ERR_FORMAT);
    expect_word(err.what, "one letter");
    assert_int_equal(open_text(&file, HEAD "a_1,G,1,1,oops,3\n"), RT_ERR_FORMAT);
    expect_word(err.what, "'y_1': 'oops' is not a number");
    assert_int_equal(open_text(&file, "ID,resname,resid,x_1,y_1\n"), RT_ERR_FORMAT);
    expect_word(err.what, "no column 'z_1'");
    assert_int_equal(open_text(&file, "ID,resname,resid\n"), RT_ERR_FORMAT);
    expect_word(err.what, "no column 'x_1'");
}

static void many_targets(void **state)
{
    (void)state;
    const int n = 3000;
    char *text = malloc(200000), *at = text + sprintf(text, HEAD), name[32];
    for (int i = 0; i < n; i++) at += sprintf(at, "target%d_1,G,1,%d,2,3\n", i, i);
    rt_template_file *file;
    expect_ok(open_text(&file, text), &err);
    assert_int_equal(rt_template_file_count(file), n);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "target%d", i);
        assert_true(rt_template_file_find(file, name)->xyz[0] == i);
    }
    rt_template_file_close(file);
    free(text);
}

/* The reference's .pt was made from the CSV, with 0 for what is missing. */
static void the_reference_s_files(void **state)
{
    (void)state;
    rt_template_file *pt = open_file(shared("golden/raw/template_features.pt")),
                     *csv = open_file(shared("golden/raw/submission_templates.csv"));
    assert_int_equal(rt_template_file_count(pt), 3);
    assert_int_equal(rt_template_file_count(csv), 3);
    int64_t missing = 0;
    for (int64_t i = 0; i < 3; i++) {
        const rt_template *a = rt_template_file_at(pt, i), *b = rt_template_file_find(csv, a->target);
        assert_non_null(b);
        assert_string_equal(a->sequence, b->sequence);
        assert_int_equal(a->n_template, 5);
        assert_int_equal(b->n_template, 5);
        for (int64_t k = 0; k < a->length * 15; k++) {
            missing += isnan(b->xyz[k]);
            assert_true(a->xyz[k] == (isnan(b->xyz[k]) ? 0 : b->xyz[k]));
        }
    }
    assert_true(missing > 0);
    rt_template_file_close(pt);
    rt_template_file_close(csv);
    pt = open_file(shared("golden/raw/train_data/template_features.pt"));
    assert_int_equal(rt_template_file_at(pt, 0)->n_template, 40);
    rt_template_file_close(pt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_pt),
        cmocka_unit_test(submission_csv),
        cmocka_unit_test(many_targets),
        cmocka_unit_test(the_reference_s_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
