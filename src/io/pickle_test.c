/* pickle_test.c - pickles of every protocol become values; hostile ones become one clear line */
#include "io/io_test.h"

#include "base/memory.h"
#include "io/pickle.h"

static rt_err err;

static rt_status read_bytes(rt_pickle **ret, const void *bytes, int64_t size)
{
    rt_pickle_source source = {.file = "t.pkl", .bytes = bytes, .size = size};
    memset(&err, 0, sizeof err);
    return rt_pickle_open(ret, &source, &err);
}

static const rt_value *get(const rt_value *dict, const char *key)
{
    const rt_value *value = rt_value_get(dict, key);
    if (!value) fail_msg("no key '%s'", key);
    return value;
}

static void expect_integer(const rt_value *value, int64_t expected)
{
    int64_t integer;
    assert_true(rt_value_integer(value, &integer));
    assert_int_equal(integer, expected);
}

static void expect_counting(const rt_value *value, rt_value_kind kind, int64_t from, int64_t count)
{
    assert_int_equal(value->kind, kind);
    assert_int_equal(value->count, count);
    for (int64_t i = 0; i < count; i++) expect_integer(value->item[i], from + i);
}

static void check_plain(const rt_value *root, int protocol)
{
    assert_int_equal(root->kind, RT_VALUE_DICT);
    assert_int_equal(root->count, 22);
    assert_int_equal(get(root, "none")->kind, RT_VALUE_NONE);
    assert_int_equal(get(root, "true")->kind, RT_VALUE_BOOL);
    expect_integer(get(root, "true"), 1);
    assert_int_equal(get(root, "false")->kind, RT_VALUE_BOOL);
    expect_integer(get(root, "false"), 0);
    expect_integer(get(root, "small"), 3);
    expect_integer(get(root, "byte"), 255);
    expect_integer(get(root, "short"), 65535);
    expect_integer(get(root, "int"), -70000);
    expect_integer(get(root, "long"), -(INT64_C(1) << 40));
    const rt_value *huge = get(root, "huge");
    assert_int_equal(huge->kind, RT_VALUE_OBJECT);
    assert_string_equal(huge->object->name, "int");
    assert_int_equal(huge->object->args->item[0]->count, protocol >= 2 ? 9 : 22);
    assert_true(get(root, "float")->real == -0.1);
    assert_true(get(root, "inf")->real < -1e308);
    assert_true(rt_value_is_text(get(root, "text"), "a\xc3\x9f\xf0\x9f\x98\x80"));
    if (protocol > 2) {
        assert_int_equal(get(root, "bytes")->kind, RT_VALUE_BYTES);
        assert_int_equal(get(root, "bytes")->count, 3);
        assert_memory_equal(get(root, "bytes")->bytes, "\x00\xff\x80", 3);
    }
    const rt_value *list = get(root, "list");
    assert_ptr_equal(list, get(root, "again"));
    assert_int_equal(list->count, 3);
    expect_integer(list->item[0], 1);
    assert_true(list->item[1]->real == 2.5);
    assert_true(rt_value_is_text(list->item[2], "\xc3\xa9\xe2\x82\xac\n'\"\\"));
    const rt_value *tuple = get(root, "tuple");
    assert_int_equal(tuple->count, 6);
    assert_int_equal(tuple->item[1]->count, 0);
    expect_counting(tuple->item[2], RT_VALUE_TUPLE, 2, 1);
    expect_counting(tuple->item[3], RT_VALUE_TUPLE, 3, 2);
    expect_counting(tuple->item[4], RT_VALUE_TUPLE, 5, 3);
    expect_counting(tuple->item[5], RT_VALUE_TUPLE, 8, 4);
    expect_counting(get(root, "set"), RT_VALUE_LIST, 5, 1);
    const rt_value *ordered = get(root, "ordered");
    assert_int_equal(ordered->kind, RT_VALUE_DICT);
    assert_true(rt_value_is_text(ordered->item[0], "z") && rt_value_is_text(ordered->item[2], "a"));
    expect_integer(get(get(root, "counter"), "a"), 2);
    expect_counting(get(get(root, "default"), "k"), RT_VALUE_LIST, 1, 1);
    expect_counting(get(root, "many"), RT_VALUE_LIST, 0, 2500);
    expect_integer(root->item[42], 7);
    assert_true(rt_value_is_text(root->item[43], "seven"));
    assert_null(rt_value_get(root, "absent"));
}

static void check_tensor(const rt_value *value, rt_dtype dtype, int ndim, const int64_t *dim, const double *expected)
{
    assert_int_equal(value->kind, RT_VALUE_TENSOR);
    assert_int_equal(value->tensor->dtype, dtype);
    assert_int_equal(value->tensor->ndim, ndim);
    for (int i = 0; i < ndim; i++) assert_int_equal(value->tensor->dim[i], dim[i]);
    assert_int_equal((uintptr_t)value->tensor->data % (uintptr_t)rt_dtype_size(dtype), 0);
    for (int64_t i = 0; i < rt_count(*value->tensor); i++) assert_true(rt_get(*value->tensor, i) == expected[i]);
}
#define CHECK_TENSOR(value, dtype, dims, ...) \
    check_tensor(value, dtype, (int)(sizeof(dims) / sizeof(int64_t)), dims, (double[]){__VA_ARGS__})
#define DIMS(...) ((int64_t[]){__VA_ARGS__})

static void check_arrays(const rt_value *root, int protocol)
{
    CHECK_TENSOR(get(root, "c"), RT_F32, DIMS(2, 3, 2), 0, .25, .5, .75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75);
    CHECK_TENSOR(get(root, "fortran"), RT_I32, DIMS(2, 3), 0, 1, 2, 3, 4, 5);
    CHECK_TENSOR(get(root, "big"), RT_I32, DIMS(3), 1, -2, 300);
    CHECK_TENSOR(get(root, "bool"), RT_BOOL, DIMS(3), 1, 0, 1);
    CHECK_TENSOR(get(root, "empty"), RT_F32, DIMS(0, 5, 3), 0);
    check_tensor(get(root, "scalar_array"), RT_F64, 0, NULL, (double[]){2.5});
    CHECK_TENSOR(get(root, "high"), RT_U8, DIMS(6), 0, 127, 128, 255, 194, 195);
    assert_true(get(root, "f8")->kind == RT_VALUE_FLOAT && get(root, "f8")->real == -1.25);
    assert_true(get(root, "f4")->kind == RT_VALUE_FLOAT && get(root, "f4")->real == 0.5);
    assert_true(get(root, "i8")->kind == RT_VALUE_INT && get(root, "i8")->integer == -(INT64_C(1) << 40));
    expect_integer(get(root, "u1"), 200);
    assert_true(get(root, "b1")->kind == RT_VALUE_BOOL && get(root, "b1")->integer == 1);
    expect_integer(get(root, "big_scalar"), 7);
    assert_int_equal(get(root, "words")->kind, RT_VALUE_OBJECT);      /* not a type of ours: kept, not understood */
    assert_string_equal(get(root, "words")->object->name, "numpy.ndarray");
    assert_true(get(root, "words")->object->state || protocol == 5);
    assert_int_equal(get(root, "objects")->kind, RT_VALUE_OBJECT);
}

static void every_protocol(const char *name, void (*check)(const rt_value *root, int protocol))
{
    for (int protocol = 0; protocol <= 5; protocol++) {
        char file[64];
        rt_map map;
        rt_pickle *pickle;
        snprintf(file, sizeof file, "%s.p%d", name, protocol);
        expect_ok(rt_map_open(&map, fixture(file), &err), &err);
        expect_ok(read_bytes(&pickle, map.data, map.size), &err);
        check(rt_pickle_root(pickle), protocol);
        rt_pickle_close(pickle);
        /* cut anywhere, it must be refused, and nothing beyond its end may be read */
        for (int64_t n = 0; n < map.size; n += 1 + map.size / 500) {
            uint8_t *part = malloc((size_t)n + 1);
            memcpy(part, map.data, (size_t)n);
            assert_int_equal(read_bytes(&pickle, part, n), RT_ERR_FORMAT);
            assert_null(pickle);
            free(part);
        }
        rt_map_close(&map);
    }
}

static void plain_values(void **state)
{
    (void)state;
    every_protocol("plain", check_plain);
}

static void numpy_1(void **state)
{
    (void)state;
    every_protocol("numpy1", check_arrays);
}

static void numpy_2(void **state)
{
    (void)state;
    every_protocol("numpy2", check_arrays);
}

static void refuse(const char *bytes, int64_t size, rt_status code, const char *word)
{
    rt_pickle *pickle;
    assert_int_equal(read_bytes(&pickle, bytes, size), code);
    assert_null(pickle);
    expect_word(err.what, word);
}
#define REFUSE(text, code, word) refuse(text, sizeof text - 1, code, word)

static void names_outside_the_list(void **state)
{
    (void)state;
    REFUSE("cos\nsystem\n(S'true'\ntR.", RT_ERR_UNSUPPORTED,
           "asks for 'os.system', which is not among the names a weights file may use");
    assert_non_null(strstr(err.hint, "state_dict"));
    REFUSE("\x80\x04\x8c\x08" "builtins\x8c\x04" "eval\x93.", RT_ERR_UNSUPPORTED, "'builtins.eval'");
    REFUSE("(S'true'\nios\nsystem\n.", RT_ERR_UNSUPPORTED, "'os.system'");
    REFUSE("(cposix\nsystem\nS'true'\no.", RT_ERR_UNSUPPORTED, "'posix.system'");
    REFUSE("cnumpy.f2py.crackfortran\ngetlincoef\n.", RT_ERR_UNSUPPORTED, "'numpy.f2py.crackfortran.getlincoef'");
    REFUSE("cbuiltins\x1b[2J\nx\n.", RT_ERR_UNSUPPORTED, "'builtins?[2J.x'");    /* nothing that a terminal obeys */
    REFUSE("ctorch\nload\n.", RT_ERR_UNSUPPORTED, "'torch.load'");
    REFUSE("ctorch\nFloatStorage\n)R.", RT_ERR_UNSUPPORTED, "calls 'torch.FloatStorage'");
    REFUSE("cnumpy\nndarray\n)\x81.", RT_ERR_UNSUPPORTED, "calls 'numpy.ndarray'");
    REFUSE("\x82\x01.", RT_ERR_UNSUPPORTED, "extension codes");
    REFUSE("\x80\x05\x97.", RT_ERR_UNSUPPORTED, "buffers outside itself");
    REFUSE("P0\n.", RT_ERR_UNSUPPORTED, "persistent ids");
    REFUSE("\x80\x06N.", RT_ERR_UNSUPPORTED, "protocol 6");
}

static void damaged(void **state)
{
    (void)state;
    REFUSE("", RT_ERR_FORMAT, "cut short");
    REFUSE("hello", RT_ERR_FORMAT, "memo lacks");       /* 'h' is GET */
    REFUSE("\xff", RT_ERR_FORMAT, "no pickle");
    REFUSE(".", RT_ERR_FORMAT, "middle of a value");
    REFUSE("NN.", RT_ERR_FORMAT, "middle of a value");
    REFUSE("(N.", RT_ERR_FORMAT, "middle of a value");
    REFUSE("R.", RT_ERR_FORMAT, "operands");
    REFUSE("N(R.", RT_ERR_FORMAT, "operands");
    REFUSE("]N(a.", RT_ERR_FORMAT, "operands");         /* what lies below a mark is out of reach */
    REFUSE("N(0" "00.", RT_ERR_FORMAT, "operands");
    REFUSE("t.", RT_ERR_FORMAT, "mark");
    REFUSE("(Nd.", RT_ERR_FORMAT, "no value");
    REFUSE("}(Nu.", RT_ERR_FORMAT, "no value");
    REFUSE("]NNs.", RT_ERR_FORMAT, "no dict");
    REFUSE("}Na.", RT_ERR_FORMAT, "no list");
    REFUSE("NNb.", RT_ERR_FORMAT, "plain value");
    REFUSE("NNR.", RT_ERR_FORMAT, "not a tuple");
    REFUSE("N)R.", RT_ERR_FORMAT, "no name");
    REFUSE("Nr\xff\xff\xff\xff" ".", RT_ERR_FORMAT, "memo number");
    REFUSE("p0\n.", RT_ERR_FORMAT, "operands");
    REFUSE("g12\n.", RT_ERR_FORMAT, "memo lacks");
    REFUSE("X\xff\xff\xff\xff" "a.", RT_ERR_FORMAT, "cut short");
    REFUSE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "a.", RT_ERR_FORMAT, "cut short");
    REFUSE("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff" "N.", RT_ERR_FORMAT, "frame");
    REFUSE("I12", RT_ERR_FORMAT, "line does not end");
    REFUSE("Ix\n.", RT_ERR_FORMAT, "number");
    REFUSE("F1.5x\n.", RT_ERR_FORMAT, "number");
    REFUSE("S'a\n.", RT_ERR_FORMAT, "quotes");
    REFUSE("S'\\xg0'\n.", RT_ERR_FORMAT, "escape");
    REFUSE("V\\u12\n.", RT_ERR_FORMAT, "escape");
    REFUSE("NQ.", RT_ERR_FORMAT, "torch.save");
    REFUSE("ccollections\nOrderedDict\n(I1\ntR.", RT_ERR_FORMAT, "collections.OrderedDict");
    REFUSE("c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.", RT_ERR_FORMAT, "Latin-1");
    REFUSE("c_codecs\nencode\n(Va\nVzip\ntR.", RT_ERR_FORMAT, "_codecs.encode");
}

/* An array whose shape and data do not fit. */
#define ARRAY(shape, data)                                                                                      \
    "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(" shape "tcnumpy\ndtype\n"     \
    "(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'" data "'\ntb."

static void arrays_that_do_not_fit(void **state)
{
    (void)state;
    rt_pickle *pickle;
    const char good[] = ARRAY("I1\nI2\n", "abcdefgh");
    expect_ok(read_bytes(&pickle, good, sizeof good - 1), &err);
    assert_int_equal(rt_pickle_root(pickle)->kind, RT_VALUE_TENSOR);
    assert_memory_equal(rt_pickle_root(pickle)->tensor->data, "abcdefgh", 8);
    rt_pickle_close(pickle);
    REFUSE(ARRAY("I1\nI3\n", "abcdefgh"), RT_ERR_FORMAT, "with 8 bytes of data");
    REFUSE(ARRAY("I1\nI1\n", "abcdefgh"), RT_ERR_FORMAT, "with 8 bytes of data");
    REFUSE(ARRAY("I-1\nI-2\n", "abcdefgh"), RT_ERR_FORMAT, "with 8 bytes of data");
    REFUSE(ARRAY("I4611686018427387904\nI4\n", ""), RT_ERR_FORMAT, "with 0 bytes of data");
    REFUSE(ARRAY("Nl", "abcdefgh"), RT_ERR_FORMAT, "mark");
    REFUSE(ARRAY("N", "abcdefgh"), RT_ERR_FORMAT, "numpy");
}

static void bombs(void **state)
{
    (void)state;
    /* A million lists in each other are a small matter: nothing walks them recursively. */
    int64_t n = 1000000;
    char *bytes = malloc((size_t)(3 * n));
    rt_pickle *pickle;
    memset(bytes, ']', (size_t)n);
    memset(bytes + n, 'a', (size_t)n - 1);
    bytes[2 * n - 1] = '.';
    expect_ok(read_bytes(&pickle, bytes, 2 * n), &err);
    assert_int_equal(rt_pickle_root(pickle)->count, 1);
    assert_true(rt_pickle_memory(pickle) < 100 * n);
    rt_pickle_close(pickle);
    /* A list that holds itself. */
    expect_ok(read_bytes(&pickle, "]q\x01h\x01" "a.", 7), &err);
    assert_ptr_equal(rt_pickle_root(pickle)->item[0], rt_pickle_root(pickle));
    rt_pickle_close(pickle);
    memset(bytes, '(', (size_t)n);
    refuse(bytes, n, RT_ERR_FORMAT, "cut short");
    /* A dict of 1000 keys that is copied again and again: few bytes in the file, many in memory. */
    rt_status status = RT_OK;
    char *at = bytes + sprintf(bytes, "ccollections\nOrderedDict\nq%c0(", 1);
    for (int i = 0; i < 1000; i++) *at++ = 'N', *at++ = 'N';
    at += sprintf(at, "dq%c0]", 2);
    while (at < bytes + 3 * n - 20) at += sprintf(at, "h%ch%c\x85Ra", 1, 2);
    *at++ = '.';
    status = read_bytes(&pickle, bytes, at - bytes);
    assert_int_equal(status, RT_ERR_MEMORY);
    expect_word(err.what, "more memory than");
    free(bytes);
}

static void whole_numbers(void **state)
{
    (void)state;
    rt_value value = {.kind = RT_VALUE_FLOAT, .real = 7};
    int64_t integer;
    expect_integer(&value, 7);
    value.real = 7.5;
    assert_false(rt_value_integer(&value, &integer));
    value.real = 1e300;
    assert_false(rt_value_integer(&value, &integer));
    value.real = __builtin_nan("");
    assert_false(rt_value_integer(&value, &integer));
    assert_false(rt_value_integer(NULL, &integer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values),           cmocka_unit_test(numpy_1),
        cmocka_unit_test(numpy_2),                cmocka_unit_test(names_outside_the_list),
        cmocka_unit_test(damaged),                cmocka_unit_test(arrays_that_do_not_fit),
        cmocka_unit_test(bombs),                  cmocka_unit_test(whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
