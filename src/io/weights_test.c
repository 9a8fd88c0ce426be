/* weights_test.c - checkpoints as PyTorch writes them, and as it would never write them */
#include "io/io_test.h"
#include "io/test_files.h"

#include <unistd.h>

#include "io/safetensors.h"
#include "io/torch_archive.h"
#include "io/weights.h"
#include "io/zip_archive.h"

static rt_err err;

static rt_weights *open_weights(const char *path)
{
    rt_weights *weights;
    memset(&err, 0, sizeof err);
    expect_ok(rt_weights_open(&weights, path, &err), &err);
    return weights;
}

static rt_tensor tensor(const rt_weights *weights, const char *name)
{
    const rt_weight *weight = rt_weights_find(weights, name);
    if (!weight) fail_msg("no tensor '%s'", name);
    assert_string_equal(weight->name, name);
    assert_int_equal((uintptr_t)weight->tensor.data % (uintptr_t)rt_dtype_size(weight->tensor.dtype), 0);
    return weight->tensor;
}

static void expect_tensor(rt_tensor t, rt_dtype dtype, int ndim, const int64_t *dim, const double *expected)
{
    assert_int_equal(t.dtype, dtype);
    assert_int_equal(t.ndim, ndim);
    for (int i = 0; i < ndim; i++) assert_int_equal(t.dim[i], dim[i]);
    for (int64_t i = 0; i < rt_count(t); i++) assert_true(rt_get(t, i) == expected[i]);
}
#define EXPECT_TENSOR(t, dtype, dims, ...) \
    expect_tensor(t, dtype, (int)(sizeof(dims) / sizeof(int64_t)), dims, (double[]){__VA_ARGS__})
#define DIMS(...) ((int64_t[]){__VA_ARGS__})

static void refuse(const char *name, rt_status code, const char *word)
{
    rt_weights *weights;
    memset(&err, 0, sizeof err);
    rt_status status = rt_weights_open(&weights, fixture(name), &err);
    if (status != code) fail_msg("%s: status %d (%s)", name, (int)status, err.what);
    assert_null(weights);
    assert_string_equal(err.file, fixture(name));
    expect_word(err.what, word);
}

static void every_type(void **state)
{
    (void)state;
    static const struct { const char *name; rt_dtype dtype; } TYPES[] = {
        {"float32", RT_F32}, {"float64", RT_F64}, {"float16", RT_F16}, {"bfloat16", RT_BF16}, {"int64", RT_I64},
        {"int32", RT_I32},   {"int16", RT_I16},   {"int8", RT_I8},     {"uint8", RT_U8},      {"bool", RT_BOOL},
    };
    rt_weights *weights = open_weights(fixture("dtypes.pt"));
    int64_t step;
    assert_int_equal(rt_weights_count(weights), 10);
    for (int i = 0; i < 10; i++) {
        EXPECT_TENSOR(tensor(weights, TYPES[i].name), TYPES[i].dtype, DIMS(3), 1, 0, 1);
        assert_string_equal(rt_weights_at(weights, i)->name, TYPES[i].name);
    }
    assert_null(rt_weights_find(weights, "module.float32"));
    assert_null(rt_weights_find(weights, ""));
    assert_true(rt_weights_step(weights, &step));
    assert_int_equal(step, 7);
    assert_string_equal(rt_weights_format(weights), "torch");
    assert_null(rt_weights_metadata(weights, "format"));
    rt_weights_close(weights);
}

static void views_become_plain_tensors(void **state)
{
    (void)state;
    rt_weights *weights = open_weights(fixture("strided.pt"));
    double w[24];
    int64_t step;
    for (int i = 0; i < 24; i++) w[i] = i;
    expect_tensor(tensor(weights, "w"), RT_F32, 2, DIMS(4, 6), w);
    rt_tensor t = tensor(weights, "t");
    assert_int_equal(t.dim[0], 6);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 4; j++) assert_true(rt_get(t, 4 * i + j) == 6 * j + i);
    EXPECT_TENSOR(tensor(weights, "slice"), RT_F32, DIMS(2, 3), 8, 9, 10, 14, 15, 16);
    EXPECT_TENSOR(tensor(weights, "column"), RT_F32, DIMS(4), 3, 9, 15, 21);
    EXPECT_TENSOR(tensor(weights, "offset"), RT_F32, DIMS(6), 12, 13, 14, 15, 16, 17);
    EXPECT_TENSOR(tensor(weights, "expand"), RT_F32, DIMS(3, 2), 7, 7, 7, 7, 7, 7);
    EXPECT_TENSOR(tensor(weights, "zero"), RT_F32, DIMS(0, 4), 0);
    expect_tensor(tensor(weights, "scalar"), RT_F32, 0, NULL, (double[]){3.5});
    EXPECT_TENSOR(tensor(weights, "parameter"), RT_F32, DIMS(1, 6), 0, 1, 2, 3, 4, 5);
    EXPECT_TENSOR(tensor(weights, "tagged"), RT_F32, DIMS(2), 1, 2);
    EXPECT_TENSOR(tensor(weights, "ones"), RT_F32, DIMS(1, 6, 1), 12, 13, 14, 15, 16, 17);
    /* contiguous ones share the file's bytes: nothing was copied */
    assert_ptr_equal((float *)tensor(weights, "w").data + 12, tensor(weights, "offset").data);
    assert_false(rt_weights_step(weights, &step));
    rt_weights_close(weights);
}

static void other_layouts(void **state)
{
    (void)state;
    int64_t step;
    rt_weights *weights = open_weights(fixture("lightning.pt"));
    EXPECT_TENSOR(tensor(weights, "a"), RT_F32, DIMS(2), 1, 1);
    assert_true(rt_weights_step(weights, &step));
    assert_int_equal(step, 12);
    rt_weights_close(weights);
    static const char *const SIX[] = {"unaligned.pt", "zip64.pt", "zip64_directory.pt"};
    for (int i = 0; i < 3; i++) {
        weights = open_weights(fixture(SIX[i]));
        EXPECT_TENSOR(tensor(weights, "w"), RT_F32, DIMS(6), 0, 1, 2, 3, 4, 5);
        rt_weights_close(weights);
    }
    weights = open_weights(fixture("no_crc.pt"));
    EXPECT_TENSOR(tensor(weights, "w"), RT_F32, DIMS(2), 1, 1);
    rt_weights_close(weights);
    weights = open_weights(fixture("inert.pt"));    /* torch.Size, device, dtype, a storage: read and left alone */
    assert_int_equal(rt_weights_count(weights), 1);
    rt_weights_close(weights);
}

static void refused_files(void **state)
{
    (void)state;
    refuse("system.pt", RT_ERR_UNSUPPORTED, "data.pkl asks for 'posix.system', which is not among the names");
    refuse("eval.pt", RT_ERR_UNSUPPORTED, "'__builtin__.eval'");
    refuse("method.pt", RT_ERR_UNSUPPORTED, "'__builtin__.getattr'");
    refuse("whole_module.pt", RT_ERR_UNSUPPORTED, "'torch.nn.modules.linear.Linear'");
    refuse("truncated.pt", RT_ERR_FORMAT, "cut short");
    refuse("deflated.pt", RT_ERR_UNSUPPORTED, "'x/data.pkl' is compressed");
    expect_word(err.hint, "zip -0");
    refuse("bad_crc.pt", RT_ERR_FORMAT, "checksum");
    refuse("other.zip", RT_ERR_FORMAT, "no data.pkl");
    refuse("twice.pt", RT_ERR_FORMAT, "'x/data/0' twice");
    refuse("big_endian.pt", RT_ERR_UNSUPPORTED, "big-endian");
    refuse("legacy.pt", RT_ERR_UNSUPPORTED, "before 1.6");
    expect_word(err.hint, "torch.save");
    refuse("script.pt", RT_ERR_UNSUPPORTED, "TorchScript");
    refuse("a_list.pt", RT_ERR_FORMAT, "no weights");
    refuse("templates_numpy1.pt", RT_ERR_FORMAT, "no weights");
    refuse("uint16.pt", RT_ERR_UNSUPPORTED, "torch.uint16");
    refuse("complex.pt", RT_ERR_UNSUPPORTED, "ComplexFloatStorage");
    refuse("make_fixtures.py", RT_ERR_FORMAT, "no file of weights");
    refuse("absent.pt", RT_ERR_IO, "cannot open");
}

static void tensors_beyond_their_storage(void **state)
{
    (void)state;
    refuse("beyond_shape.pt", RT_ERR_FORMAT,
           "tensor 'w' of shape (2, 4), which reaches beyond its storage of 6 elements");
    refuse("beyond_stride.pt", RT_ERR_FORMAT, "beyond its storage");
    refuse("beyond_offset.pt", RT_ERR_FORMAT, "beyond its storage");
    refuse("beyond_storage.pt", RT_ERR_FORMAT, "storage '0' has 7 elements of F32, but the file has 24 bytes");
    refuse("overflow.pt", RT_ERR_FORMAT, "beyond its storage");
    refuse("overflow_stride.pt", RT_ERR_FORMAT, "beyond its storage");
    refuse("expanded_bomb.pt", RT_ERR_MEMORY, "more memory");
    refuse("no_storage.pt", RT_ERR_FORMAT, "lacks the member 'x/data/7'");
    refuse("seven_dimensions.pt", RT_ERR_UNSUPPORTED, "7 dimensions");
}

/* However a file is cut or one of its bytes changed: an error or other values, never a crash. */
static void cut_and_flipped(void **state)
{
    (void)state;
    rt_map map;
    char path[] = "/tmp/rt_weights_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    expect_ok(rt_map_open(&map, fixture("dtypes.pt"), &err), &err);
    uint8_t *copy = malloc((size_t)map.size);
    for (int64_t i = 0; i < map.size; i += 13) {
        rt_weights *weights;
        memcpy(copy, map.data, (size_t)map.size);
        copy[i] ^= 0x55;
        assert_int_equal(pwrite(fd, copy, (size_t)map.size, 0), map.size);
        if (rt_weights_open(&weights, path, &err) == RT_OK) rt_weights_close(weights);
        assert_int_equal(ftruncate(fd, i), 0);
        assert_int_not_equal(rt_weights_open(&weights, path, &err), RT_OK);
    }
    free(copy);
    rt_map_close(&map);
    close(fd);
    unlink(path);
}

static void checksums(void **state)
{
    (void)state;
    rt_torch *torch;
    const uint8_t digits[] = "123456789";
    assert_int_equal(rt_zip_crc32(0, digits, 9), 0xcbf43926);
    assert_int_equal(rt_zip_crc32(rt_zip_crc32(0, digits, 4), digits + 4, 5), 0xcbf43926);
    expect_ok(rt_torch_open(&torch, fixture("strided.pt"), &err), &err);
    expect_ok(rt_torch_check(torch, &err), &err);
    rt_torch_close(torch);
}

static void same(const rt_weights *a, const rt_weights *b)
{
    assert_int_equal(rt_weights_count(a), rt_weights_count(b));
    for (int64_t i = 0; i < rt_weights_count(a); i++) {
        const rt_weight *x = rt_weights_at(a, i);
        rt_tensor y = tensor(b, x->name);
        assert_int_equal(x->tensor.dtype, y.dtype);
        assert_int_equal(x->tensor.ndim, y.ndim);
        for (int d = 0; d < y.ndim; d++) assert_int_equal(x->tensor.dim[d], y.dim[d]);
        assert_memory_equal(x->tensor.data, y.data, rt_bytes(y));
    }
}

static void the_reference_checkpoint(void **state)
{
    (void)state;
    int64_t step;
    rt_weights *torch = open_weights(shared("golden/tiny/tiny.pt")),
               *safetensors = open_weights(shared("golden/tiny/tiny.safetensors"));
    assert_int_equal(rt_weights_count(torch), 1163);
    assert_string_equal(rt_weights_format(safetensors), "safetensors");
    assert_true(rt_weights_step(torch, &step));
    same(torch, safetensors);
    int64_t elements = 0;
    for (int64_t i = 0; i < rt_weights_count(torch); i++) elements += rt_count(rt_weights_at(torch, i)->tensor);
    assert_int_equal(elements, 666040);
    rt_weights_close(torch);
    rt_weights_close(safetensors);
}

static void other_real_files(void **state)
{
    (void)state;
    rt_weights *weights = open_weights(shared("golden/tiny/ribonanzanet2/pytorch_model_fsdp.bin"));
    assert_int_equal(rt_weights_count(weights), 177);
    rt_weights_close(weights);
    rt_weights *after = open_weights(shared("golden/train/confidence_after3.pt")),
               *before = open_weights(shared("golden/tiny/tiny.pt"));
    int64_t step;
    assert_int_equal(rt_weights_count(after), rt_weights_count(before));
    assert_true(rt_weights_step(after, &step));
    for (int64_t i = 0; i < rt_weights_count(after); i++) tensor(before, rt_weights_at(after, i)->name);
    rt_weights_close(after);
    rt_weights_close(before);
    rt_torch *torch;    /* Adam's moments are in the tree although rt_weights does not show them */
    expect_ok(rt_torch_open(&torch, shared("golden/train/confidence_after3.pt"), &err), &err);
    const rt_value *moments = rt_value_get(rt_value_get(rt_torch_root(torch), "optimizer"), "state");
    assert_non_null(moments);
    assert_true(moments->count > 50);
    assert_int_equal(rt_value_get(moments->item[1], "exp_avg")->kind, RT_VALUE_TENSOR);
    rt_torch_close(torch);
}

static void prefixes_of_wrappers_are_dropped(void **state)
{
    (void)state;
    static const char *const PREFIXES[] = {"module.", "model.", "_orig_mod.", "module._orig_mod.", "model.module.module."};
    float one = 1;
    const char *path = test_path("prefix.safetensors");
    for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES; i++) {
        char name[64];
        rt_safetensors_writer *writer;
        rt_weights *weights;
        snprintf(name, sizeof name, "%slinear.module.weight", PREFIXES[i]);
        assert_int_equal(rt_safetensors_create(&writer, path, NULL), RT_OK);
        assert_int_equal(rt_safetensors_declare(writer, name, RT_WRAP(&one, RT_F32, 1), NULL), RT_OK);
        assert_int_equal(rt_safetensors_write(writer, RT_WRAP(&one, RT_F32, 1), NULL), RT_OK);
        assert_int_equal(rt_safetensors_commit(writer, NULL), RT_OK);
        assert_int_equal(rt_weights_open(&weights, path, NULL), RT_OK);
        assert_string_equal(rt_weights_at(weights, 0)->name, "linear.module.weight");
        assert_non_null(rt_weights_find(weights, "linear.module.weight"));
        rt_weights_close(weights);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_of_wrappers_are_dropped),
        cmocka_unit_test(every_type),
        cmocka_unit_test(views_become_plain_tensors),
        cmocka_unit_test(other_layouts),
        cmocka_unit_test(refused_files),
        cmocka_unit_test(tensors_beyond_their_storage),
        cmocka_unit_test(cut_and_flipped),
        cmocka_unit_test(checksums),
        cmocka_unit_test(the_reference_checkpoint),
        cmocka_unit_test(other_real_files),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
