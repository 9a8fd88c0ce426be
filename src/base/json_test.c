/* json_test.c - JSON, YAML and SHA-256 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/yaml.h"

static json_t *json(const char *text)
{
    json_t *root;
    rt_err err;
    assert_int_equal(rt_json_parse(&root, text, (int64_t)strlen(text), NULL, &err), RT_OK);
    return root;
}

static void values_are_found_by_path(void **state)
{
    (void)state;
    json_t *root = json("{\"a\": {\"b.c\": 3, \"d\": [1, {\"e\": \"x\"}]}, \"f\": 2.5, \"g\": true, \"h\": null}");
    rt_err err;
    int64_t i = 0;
    double x = 0;
    bool flag = false, found = true;
    const char *text = "";
    assert_int_equal(rt_json_read_int(root, &i, NULL, "a.b.c", NULL, &err), RT_OK);
    assert_int_equal(i, 3);
    assert_int_equal(rt_json_read_text(root, &text, NULL, "a.d.1.e", NULL, &err), RT_OK);
    assert_string_equal(text, "x");
    assert_int_equal(rt_json_read_double(root, &x, NULL, "f", NULL, &err), RT_OK);
    assert_true(x == 2.5);
    assert_int_equal(rt_json_read_double(root, &x, NULL, "a.d.0", NULL, &err),
                     RT_OK); /* an integer is a number too */
    assert_int_equal(rt_json_read_bool(root, &flag, NULL, "g", NULL, &err), RT_OK);
    assert_true(flag);
    assert_int_equal(rt_json_read_int(root, &i, &found, "a.zz", NULL, &err), RT_OK);
    assert_false(found);
    assert_int_equal(i, 3);
    json_decref(root);
}

static void wrong_types_name_their_path(void **state)
{
    (void)state;
    json_t *root = json("{\"a\": {\"n\": \"ten\", \"r\": 1.5, \"z\": null}}");
    rt_err err;
    int64_t i;
    bool found;
    double x;
    assert_int_equal(rt_json_read_int(root, &i, &found, "a.n", "f.json", &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "'a.n': expected an integer, found the text \"ten\"");
    assert_string_equal(err.file, "f.json");
    assert_int_equal(rt_json_read_int(root, &i, &found, "a.r", NULL, &err), RT_ERR_FORMAT);
    assert_int_equal(rt_json_read_double(root, &x, &found, "a.z", NULL, &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "'a.z': expected a number, found null");
    assert_int_equal(rt_json_read_int(root, &i, NULL, "a.q", NULL, &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "'a.q' is missing");
    json_decref(root);
}

static void bad_json_says_where(void **state)
{
    (void)state;
    json_t *root;
    rt_err err;
    const char *text = "{\n  \"a\": 1,\n  \"a\": 2\n}";
    assert_int_equal(rt_json_parse(&root, text, (int64_t)strlen(text), "x.json", &err), RT_ERR_FORMAT);
    assert_int_equal(err.line, 3);
    assert_true(err.column > 0 && strstr(err.what, "duplicate"));
    assert_int_equal(rt_json_parse(&root, "{", 1, "x.json", &err), RT_ERR_FORMAT);
    assert_int_equal(rt_json_parse(&root, "", 0, "x.json", &err), RT_ERR_FORMAT);
    assert_null(root);
    assert_int_equal(rt_json_load(&root, "/no/such/file", &err), RT_ERR_IO);
}

static void json_is_saved_and_read_back(void **state)
{
    (void)state;
    char path[] = "/tmp/rt_json_testXXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    json_t *root = json("{\"third\": 0.1, \"first\": 3, \"name\": \"Ångström\"}"), *again;
    rt_err err;
    assert_int_equal(rt_json_save(root, path, &err), RT_OK);
    assert_int_equal(rt_json_load(&again, path, &err), RT_OK);
    assert_true(json_equal(root, again));
    assert_int_equal(rt_json_save(root, "/no/such/folder/x.json", &err), RT_ERR_IO);
    json_decref(root);
    json_decref(again);
    remove(path);
}

/* The YAML text means the same as the JSON text. */
static void same(const char *yaml, const char *expected)
{
    json_t *root, *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
    rt_err err;
    assert_non_null(wanted);
    if (rt_yaml_parse(&root, yaml, (int64_t)strlen(yaml), NULL, &err) != RT_OK) fail_msg("%s: %s", yaml, err.what);
    if (!json_equal(root, wanted)) fail_msg("%s: is %s, not %s", yaml, json_dumps(root, JSON_ENCODE_ANY), expected);
    json_decref(root);
    json_decref(wanted);
}

static void yaml_scalars_have_their_types(void **state)
{
    (void)state;
    same("", "null");
    same("[~, null, '', \"null\"]", "[null, null, \"\", \"null\"]");
    same("[yes, No, on, OFF, true, False, y, n]", "[true, false, true, false, true, false, \"y\", \"n\"]");
    same("[0, -3, +4, 1_000, 0x1F, 0b101, 010, 08, 9223372036854775808]",
         "[0, -3, 4, 1000, 31, 5, 8, \"08\", \"9223372036854775808\"]");
    same("[1.5, .5, -1., 1e-4, 1.0E+3, 1_0.5, 1e, 1.2.3, 1:30, 2026-01-01, '1.5', '7']",
         "[1.5, 0.5, -1.0, 0.0001, 1000.0, 10.5, \"1e\", \"1.2.3\", \"1:30\", \"2026-01-01\", \"1.5\", \"7\"]");
    same("a: 1\nb:\n  - x\n  - {c: d}\n8: z\n", "{\"a\": 1, \"b\": [\"x\", {\"c\": \"d\"}], \"8\": \"z\"}");
    same("!!str 5", "\"5\"");
    same("text: |\n  two\n  lines\n", "{\"text\": \"two\\nlines\\n\"}");
}

static void refused(const char *yaml, rt_status code, int64_t line, const char *fragment)
{
    json_t *root;
    rt_err err;
    assert_int_equal(rt_yaml_parse(&root, yaml, (int64_t)strlen(yaml), "p.yaml", &err), code);
    assert_null(root);
    assert_int_equal(err.line, line);
    if (!strstr(err.what, fragment)) fail_msg("%s: said '%s', not '%s'", yaml, err.what, fragment);
}

static void yaml_says_where_values_stand(void **state)
{
    (void)state;
    char path[] = "/tmp/rt_yamlXXXXXX";
    int file = mkstemp(path);
    static const struct { const char *path, *text; int line; } MARKS[] = {
        {"a", "", 1}, {"a.b", "3e-4", 2}, {"a.c", "", 3}, {"a.c.0", "x", 3}, {"a.c.1", "0x10", 3}, {"d", "", 4}};
    json_t *root, *marks, *wanted = json_object();
    for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++)
        json_object_set_new(wanted, MARKS[i].path,
                            json_pack("{s:i, s:s}", "line", MARKS[i].line, "text", MARKS[i].text));
    static const char text[] = "a:\n  b: 3e-4\n  c: [x, 0x10]\nd:\n";
    rt_err err;
    assert_true(file >= 0 && write(file, text, sizeof text - 1) == (ssize_t)(sizeof text - 1));
    close(file);
    assert_int_equal(rt_yaml_load_marked(&root, &marks, path, &err), RT_OK);
    if (!json_equal(marks, wanted)) fail_msg("%s", json_dumps(marks, 0));
    remove(path);
    json_decref(root);
    json_decref(marks);
    json_decref(wanted);
}

static void yaml_refuses_what_is_not_plain_data(void **state)
{
    (void)state;
    refused("a: 1\nb: 2\na: 3\n", RT_ERR_FORMAT, 3, "'a' is given twice");
    refused("a: &x 1\nb: 2\n", RT_ERR_UNSUPPORTED, 1, "anchor '&x'");
    refused("a: 1\nb: *x\n", RT_ERR_UNSUPPORTED, 2, "alias '*x'");
    refused("&k a: 1\n", RT_ERR_UNSUPPORTED, 1, "anchor");
    refused("a: 1\n<<: {b: 2}\n", RT_ERR_UNSUPPORTED, 2, "merge key");
    refused("a: !!python/object/apply:os.system [x]\n", RT_ERR_UNSUPPORTED, 1, "tag");
    refused("a: !x 1\n", RT_ERR_UNSUPPORTED, 1, "tag");
    refused("a: 1\n---\nb: 2\n", RT_ERR_FORMAT, 2, "second document");
    refused("? [a, b]\n: 1\n", RT_ERR_FORMAT, 1, "key");
    refused("a: .inf\n", RT_ERR_FORMAT, 1, "finite");
    refused("a: 1\n  b: 2\n", RT_ERR_FORMAT, 2, "not valid YAML");
    refused("a: [1, 2\n", RT_ERR_FORMAT, 2, "not valid YAML");
    char deep[401];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    deep[400] = 0;
    refused(deep, RT_ERR_FORMAT, 1, "deep");
}

static void hashes_are_sha256(void **state)
{
    (void)state;
    char text[RT_HASH_TEXT], path[] = "/tmp/rt_hash_testXXXXXX";
    rt_err err;
    int64_t size = 0;
    assert_int_equal(rt_hash_bytes(text, "abc", 3, &err), RT_OK);   /* FIPS 180-2, appendix B.1 */
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(rt_hash_file(text, &size, path, &err), RT_OK);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(size, 0);
    char *million = malloc(1000000);   /* appendix B.3, longer than one piece read from a file */
    memset(million, 'a', 1000000);
    assert_int_equal(rt_write_text(path, million, 1000000, &err), RT_OK);
    free(million);
    assert_int_equal(rt_hash_file(text, &size, path, &err), RT_OK);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_int_equal(size, 1000000);
    remove(path);
    assert_int_equal(rt_hash_file(text, &size, path, &err), RT_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_by_path),
        cmocka_unit_test(wrong_types_name_their_path),
        cmocka_unit_test(bad_json_says_where),
        cmocka_unit_test(json_is_saved_and_read_back),
        cmocka_unit_test(yaml_scalars_have_their_types),
        cmocka_unit_test(yaml_says_where_values_stand),
        cmocka_unit_test(yaml_refuses_what_is_not_plain_data),
        cmocka_unit_test(hashes_are_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
