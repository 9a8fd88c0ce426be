/* safetensors_test.c - files of the reference library are read, ours are written the same way, liars are refused */
#include "io/io_test.h"

#include <unistd.h>

#include "io/safetensors.h"
#include "io/safetensors_read.h"
#include "io/weights.h"

static rt_err err;

static void the_library_s_file(void **state)
{
    (void)state;
    rt_weights *weights;
    expect_ok(rt_weights_open(&weights, fixture("mixed.safetensors"), &err), &err);
    assert_int_equal(rt_weights_count(weights), 6);
    assert_string_equal(rt_weights_format(weights), "safetensors");
    assert_string_equal(rt_weights_metadata(weights, "who"), "me");
    assert_null(rt_weights_metadata(weights, "absent"));
    rt_tensor f32 = rt_weights_find(weights, "f32")->tensor, bf16 = rt_weights_find(weights, "bf16")->tensor;
    assert_int_equal(f32.dtype, RT_F32);
    assert_int_equal(f32.dim[1], 6);
    for (int i = 0; i < 24; i++) assert_true(rt_get(f32, i) == i);
    for (int i = 0; i < 6; i++) assert_true(rt_get(bf16, i) == i);
    assert_true(rt_get(rt_weights_find(weights, "i64")->tensor, 0) == -5);
    assert_true(rt_get(rt_weights_find(weights, "f16")->tensor, 5) == 11);
    assert_true(rt_get(rt_weights_find(weights, "odd")->tensor, 2) == 1);
    assert_int_equal(rt_count(rt_weights_find(weights, "empty")->tensor), 0);
    rt_weights_close(weights);
    /* a float behind three bytes: usable all the same */
    expect_ok(rt_weights_open(&weights, fixture("unaligned.safetensors"), &err), &err);
    rt_tensor b = rt_weights_find(weights, "b")->tensor;
    assert_int_equal((uintptr_t)b.data % 4, 0);
    assert_true(rt_get(b, 0) == 1.5 && rt_get(b, 1) == -2);
    rt_weights_close(weights);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    char path[] = "/tmp/rt_safetensors_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    float f[6] = {1, -2, 3.25f, 0, 1e30f, -1e-30f};
    uint8_t flag[3] = {1, 0, 1};
    int64_t n = 1;
    rt_tensor all[] = {RT_WRAP(f, RT_F32, 2, 3), RT_WRAP(flag, RT_BOOL, 3), rt_wrap(&n, RT_I64, 0, NULL),
                       RT_WRAP(f, RT_F32, 0, 7)};
    static const char *const NAMES[] = {"z.weight", "a \"quoted\" \xc3\xa9", "n", "nothing"};
    rt_safetensors_writer *writer;
    expect_ok(rt_safetensors_create(&writer, path, &err), &err);
    for (int i = 0; i < 4; i++) expect_ok(rt_safetensors_declare(writer, NAMES[i], all[i], &err), &err);
    assert_int_equal(rt_safetensors_declare(writer, "n", all[0], &err), RT_ERR_FORMAT);
    assert_int_equal(rt_safetensors_declare(writer, "__metadata__", all[0], &err), RT_ERR_FORMAT);
    assert_int_equal(rt_safetensors_declare(writer, "\xff", all[0], &err), RT_ERR_FORMAT);
    expect_ok(rt_safetensors_metadata(writer, "format", "pt", &err), &err);
    for (int i = 0; i < 4; i++) expect_ok(rt_safetensors_write(writer, all[i], &err), &err);
    expect_ok(rt_safetensors_commit(writer, &err), &err);
    rt_map map;
    expect_ok(rt_map_open(&map, path, &err), &err);
    int64_t header = map.data[0] | map.data[1] << 8;
    assert_int_equal((8 + header) % 64, 0);
    assert_int_equal(map.size, 8 + header + 24 + 3 + 8);
    assert_memory_equal(map.data + 8 + header, f, 24);
    rt_map_close(&map);
    rt_weights *weights;
    expect_ok(rt_weights_open(&weights, path, &err), &err);
    assert_int_equal(rt_weights_count(weights), 4);
    assert_string_equal(rt_weights_metadata(weights, "format"), "pt");
    for (int i = 0; i < 4; i++) {
        const rt_weight *weight = rt_weights_at(weights, i);
        assert_string_equal(weight->name, NAMES[i]);
        assert_int_equal(weight->tensor.dtype, all[i].dtype);
        assert_int_equal(rt_bytes(weight->tensor), rt_bytes(all[i]));
        assert_memory_equal(weight->tensor.data, all[i].data, rt_bytes(all[i]));
    }
    rt_weights_close(weights);
    unlink(path);
}

static void a_writer_that_is_used_wrongly(void **state)
{
    (void)state;
    float f[4] = {0};
    rt_safetensors_writer *writer;
    const char *path = "/tmp/rt_safetensors_never";
    unlink(path);
    expect_ok(rt_safetensors_create(&writer, path, &err), &err);
    expect_ok(rt_safetensors_declare(writer, "a", RT_WRAP(f, RT_F32, 4), &err), &err);
    expect_ok(rt_safetensors_declare(writer, "b", RT_WRAP(f, RT_F32, 4), &err), &err);
    assert_int_equal(rt_safetensors_write(writer, RT_WRAP(f, RT_F32, 2, 2), &err), RT_ERR_MISMATCH);
    expect_ok(rt_safetensors_write(writer, RT_WRAP(f, RT_F32, 4), &err), &err);
    assert_int_equal(rt_safetensors_commit(writer, &err), RT_ERR_MISMATCH);
    assert_false(rt_file_exists(path));
    expect_ok(rt_safetensors_create(&writer, path, &err), &err);
    rt_safetensors_abandon(writer);
    rt_safetensors_abandon(NULL);
    assert_false(rt_file_exists(path));
    assert_int_equal(rt_safetensors_create(&writer, "/nonexistent/x.safetensors", &err), RT_ERR_IO);
    assert_null(writer);
}

/* A file of this header and `data` zero bytes. */
static void refuse(const char *header, int64_t data, rt_status code, const char *word)
{
    rt_safetensors *file;
    int64_t n = (int64_t)strlen(header), size = 8 + n + data;
    uint8_t *bytes = calloc(1, (size_t)size);
    bytes[0] = (uint8_t)n, bytes[1] = (uint8_t)(n >> 8);
    memcpy(bytes + 8, header, (size_t)n);
    rt_status status = rt_safetensors_open(&file, "t", bytes, size, &err);
    if (status != code) fail_msg("%s: status %d", header, (int)status);
    if (code != RT_OK) expect_word(err.what, word);
    else rt_safetensors_close(file);
    free(bytes);
}
#define ONE(dtype, shape, from, to) \
    "\"a\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" from "," to "]}"

static void liars(void **state)
{
    (void)state;
    refuse("{" ONE("F32", "2", "0", "8") "}", 8, RT_OK, "");
    refuse("{}", 0, RT_OK, "");
    refuse("{" ONE("F32", "2", "0", "8") "}", 7, RT_ERR_FORMAT, "cut short");
    refuse("{" ONE("F32", "2", "0", "8") "}", 9, RT_ERR_FORMAT, "1 bytes behind");
    refuse("{" ONE("F32", "2", "4", "12") "}", 12, RT_ERR_FORMAT, "unused bytes");
    refuse("{" ONE("F32", "3", "0", "8") "}", 8, RT_ERR_FORMAT, "shape and type");
    refuse("{" ONE("F32", "-2", "0", "8") "}", 8, RT_ERR_FORMAT, "shape and type");
    refuse("{" ONE("F32", "4611686018427387904,4", "0", "0") "}", 0, RT_ERR_FORMAT, "shape and type");
    refuse("{" ONE("F32", "2", "8", "0") "}", 8, RT_ERR_FORMAT, "make no sense");
    refuse("{" ONE("F32", "2", "-8", "0") "}", 8, RT_ERR_FORMAT, "make no sense");
    refuse("{" ONE("F32", "2.5", "0", "8") "}", 8, RT_ERR_FORMAT, "whole numbers");
    refuse("{" ONE("F8_E4M3", "8", "0", "8") "}", 8, RT_ERR_UNSUPPORTED, "F8_E4M3");
    refuse("{" ONE("U8", "1,1,1,1,1,1,8", "0", "8") "}", 8, RT_ERR_UNSUPPORTED, "7 dimensions");
    refuse("{\"a\":{\"dtype\":\"F32\"}}", 8, RT_ERR_FORMAT, "lacks dtype");
    refuse("{\"a\":1}", 8, RT_ERR_FORMAT, "lacks dtype");
    refuse("{" ONE("F32", "2", "0", "8") "," ONE("F32", "2", "0", "8") "}", 8, RT_ERR_FORMAT, "duplicate");
    refuse("{" ONE("F32", "2", "0", "8") ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8,
           RT_ERR_FORMAT, "overlap");
    refuse("[]", 0, RT_ERR_FORMAT, "no JSON object");
    refuse("{\"a\":", 0, RT_ERR_FORMAT, "no JSON object");
    rt_safetensors *file;
    static const uint8_t long_header[] = "\xff\xff\0\0\0\0\0\0{}", huge_header[] = "\0\0\0\0\0\0\0\xff{}";
    assert_int_equal(rt_safetensors_open(&file, "t", long_header, 10, &err), RT_ERR_FORMAT);
    expect_word(err.what, "cut short");
    assert_int_equal(rt_safetensors_open(&file, "t", huge_header, 10, &err), RT_ERR_FORMAT);
    assert_int_equal(rt_safetensors_open(&file, "t", huge_header, 3, &err), RT_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_s_file),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_writer_that_is_used_wrongly),
        cmocka_unit_test(liars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
