/* kaggle_test.c - names and metadata as Kaggle takes them, and those that it does not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/json.h"
#include "ship/kaggle.h"

static void slugs(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"My Awesome Dataset", "my-awesome-dataset"}, {"RNAPro, tuned (v2)", "rnapro-tuned-v2"}, {"a  --  b", "a-b"},
        {" edges! ", "edges"},                        {"Stanford RNA 3D", "stanford-rna-3d"},    {"x_y.z", "x-y-z"},
        {"5,135 structures", "5135-structures"},      {"1, 2,b,3", "1-2-b-3"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char slug[RT_KAGGLE_SLUG];
        rt_kaggle_slug(slug, CASES[i][0]);
        assert_string_equal(slug, CASES[i][1]);
    }
}

static void titles(void **state)
{
    (void)state;
    rt_err err;
    assert_int_equal(rt_kaggle_check_title("rnatune", false, &err), RT_OK);
    assert_int_equal(rt_kaggle_check_title("tuned", true, &err), RT_OK);
    assert_int_equal(rt_kaggle_check_title("tuned", false, &err), RT_ERR_USAGE);
    assert_int_equal(rt_kaggle_check_title("a title that has more than the fifty characters of it", false, &err), RT_ERR_USAGE);
    assert_int_equal(rt_kaggle_check_title("RNA \xc3\xa9t\xc3\xa9", false, &err), RT_ERR_USAGE);
    assert_int_equal(rt_kaggle_check_title("(*#$%^&)", false, &err), RT_ERR_USAGE);
}

static void names(void **state)
{
    (void)state;
    rt_err err;
    char folder[RT_KAGGLE_SLUG];
    assert_int_equal(rt_kaggle_check_name("anna-2", "user name", &err), RT_OK);
    static const char *const BAD[] = {"", "Anna", "a b", "-a", "a-", "a--b", "a/b"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_int_equal(rt_kaggle_check_name(BAD[i], "user name", &err), RT_ERR_USAGE);
    assert_int_equal(rt_kaggle_check_source("a/b", 2, "source", &err), RT_OK);
    assert_int_equal(rt_kaggle_check_source("a/m/pytorch/base/1", 5, "source", &err), RT_OK);
    static const char *const WRONG[] = {"", "a", "a/", "/b", "a/b/c", "a//b"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        assert_int_equal(rt_kaggle_check_source(WRONG[i], 2, "source", &err), RT_ERR_USAGE);
    rt_kaggle_folder(folder, "a/model/pytorch/base/1");
    assert_string_equal(folder, "model");
    rt_kaggle_folder(folder, "competition");
    assert_string_equal(folder, "competition");
}

static void licences(void **state)
{
    (void)state;
    rt_err err;
    assert_int_equal(rt_kaggle_check_licence("other", &err), RT_OK);
    assert_int_equal(rt_kaggle_check_licence("CC-BY-NC-SA-3.0-IGO", &err), RT_OK);
    assert_int_equal(rt_kaggle_check_licence("Apache-2.0", &err), RT_ERR_USAGE);
    assert_string_equal(err.hint, "did you mean 'apache-2.0'?");
    assert_int_equal(rt_kaggle_check_licence("my own", &err), RT_ERR_USAGE);
}

/* How many mistakes there are after a key of good metadata became `value` (NULL: is taken away). */
static size_t mistakes(bool kernel, const char *key, json_t *value)
{
    static const char DATASET[] = "{\"title\": \"RNA tuned\", \"id\": \"anna/rna-tuned\", \"licenses\": [{\"name\": \"other\"}]}";
    static const char KERNEL[] =
        "{\"title\": \"RNA notebook\", \"id\": \"anna/rna-notebook\", \"code_file\": \"rna.ipynb\", \"language\": \"python\","
        " \"kernel_type\": \"notebook\", \"enable_internet\": \"false\", \"dataset_sources\": [\"anna/rna-tuned\"],"
        " \"competition_sources\": [\"c\"], \"kernel_sources\": [], \"model_sources\": [\"a/m/pytorch/base/1\"]}";
    rt_err err;
    json_t *json, *list;
    const char *text = kernel ? KERNEL : DATASET;
    assert_int_equal(rt_json_parse(&json, text, (int64_t)strlen(text), NULL, &err), RT_OK);
    if (value) json_object_set_new(json, key, value);
    else if (key) json_object_del(json, key);
    list = kernel ? rt_kaggle_kernel_mistakes(json) : rt_kaggle_dataset_mistakes(json);
    size_t n = json_array_size(list);
    json_decref(list);
    json_decref(json);
    return n;
}

static void metadata(void **state)
{
    (void)state;
    assert_int_equal(mistakes(false, NULL, NULL), 0);
    assert_int_equal(mistakes(false, "title", json_string("RNA tuned 2")), 1);   /* its slug is another one */
    assert_int_equal(mistakes(false, "id", json_string("rna-tuned")), 1);
    assert_int_equal(mistakes(false, "licenses", NULL), 1);
    assert_int_equal(mistakes(false, "title", NULL), 2);
    assert_int_equal(mistakes(false, "licenses", json_pack("[{s:s}]", "name", "apache-2.0")), 0);
    assert_int_equal(mistakes(false, "licenses", json_pack("[{s:s}]", "name", "Apache 2")), 1);
    assert_int_equal(mistakes(false, "licenses", json_pack("[{s:s}, {s:s}]", "name", "other", "name", "other")), 1);
    assert_int_equal(mistakes(false, "subtitle", json_string("too short")), 1);
    assert_int_equal(mistakes(false, "subtitle", json_string("a subtitle of more than 20 characters")), 0);
    assert_int_equal(mistakes(false, "keywords", json_pack("[s, s]", "rna", "biology")), 0);
    assert_int_equal(mistakes(false, "keywords", json_string("rna")), 1);
    assert_int_equal(mistakes(true, "keywords", json_pack("[i]", 1)), 1);
    assert_int_equal(mistakes(true, "machine_shape", json_string("NvidiaTeslaT4")), 0);
    assert_int_equal(mistakes(true, "machine_shape", json_true()), 1);
    assert_int_equal(mistakes(true, NULL, NULL), 0);
    assert_int_equal(mistakes(true, "id", json_string("anna/rna-notebooks")), 1);
    assert_int_equal(mistakes(true, "enable_internet", json_true()), 1);
    assert_int_equal(mistakes(true, "enable_internet", json_string("True")), 1);
    assert_int_equal(mistakes(true, "enable_internet", NULL), 1);
    assert_int_equal(mistakes(true, "enable_internet", json_false()), 0);
    assert_int_equal(mistakes(true, "competition_sources", json_array()), 1);
    assert_int_equal(mistakes(true, "dataset_sources", json_pack("[s]", "rna-tuned")), 1);
    assert_int_equal(mistakes(true, "model_sources", json_pack("[s]", "a/m/pytorch/base")), 1);
    assert_int_equal(mistakes(true, "code_file", NULL), 1);
    assert_int_equal(mistakes(true, "language", json_string("r")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(slugs), cmocka_unit_test(titles), cmocka_unit_test(names),
                                       cmocka_unit_test(licences),
                                       cmocka_unit_test(metadata)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
