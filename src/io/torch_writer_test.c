/* torch_writer_test.c - what is written is read back, by io/torch_archive and, where it is, by PyTorch */
#include "io/io_test.h"

#include <math.h>
#include <unistd.h>

#include "io/template_file.h"
#include "io/test_files.h"
#include "io/torch_archive.h"
#include "io/torch_writer.h"

static rt_err err;

static const char *write_all_kinds(bool with_array)
{
    const char *path = test_path(with_array ? "array.pt" : "plain.pt");
    static float f[6] = {1, -2, 3.5f, NAN, 1e30f, 0};
    static int64_t i[3] = {INT64_MIN, -1, INT64_MAX};
    static uint16_t b[2] = {0x3f80, 0xc000};
    static uint8_t flag[2] = {1, 0};
    rt_torch_writer *w;
    expect_ok(rt_torch_writer_open(&w, path, &err), &err);
    rt_torch_writer_dict(w);
    rt_torch_writer_text(w, "step");
    rt_torch_writer_int(w, -70000);
    rt_torch_writer_text(w, "big");
    rt_torch_writer_int(w, -5000000000);
    rt_torch_writer_text(w, "small");
    rt_torch_writer_int(w, 255);
    rt_torch_writer_text(w, "lr");
    rt_torch_writer_real(w, 0.1);
    rt_torch_writer_text(w, "done");
    rt_torch_writer_bool(w, true);
    rt_torch_writer_text(w, "nothing");
    rt_torch_writer_none(w);
    rt_torch_writer_text(w, "betas");
    rt_torch_writer_tuple(w);
    rt_torch_writer_real(w, 0.9);
    rt_torch_writer_real(w, 0.95);
    rt_torch_writer_end(w);
    rt_torch_writer_text(w, "model");
    rt_torch_writer_dict(w);
    rt_torch_writer_text(w, "w");
    rt_torch_writer_tensor(w, RT_WRAP(f, RT_F32, 2, 3));
    rt_torch_writer_text(w, "empty");
    rt_torch_writer_tensor(w, RT_WRAP(f, RT_F32, 0, 3));
    rt_torch_writer_text(w, "scalar");
    rt_torch_writer_tensor(w, rt_wrap(f, RT_F32, 0, NULL));
    rt_torch_writer_text(w, "list");
    rt_torch_writer_list(w);
    rt_torch_writer_tensor(w, RT_WRAP(i, RT_I64, 3));
    rt_torch_writer_tensor(w, RT_WRAP(b, RT_BF16, 2));
    rt_torch_writer_tensor(w, RT_WRAP(flag, RT_BOOL, 2));
    rt_torch_writer_end(w);
    rt_torch_writer_end(w);
    if (with_array) {
        rt_torch_writer_text(w, "xyz");
        rt_torch_writer_array(w, RT_WRAP(f, RT_F32, 1, 2, 3));
        rt_torch_writer_text(w, "ids");
        rt_torch_writer_array(w, RT_WRAP(flag, RT_U8, 2));
    }
    rt_torch_writer_end(w);
    expect_ok(rt_torch_writer_commit(w, &err), &err);
    return path;
}

static void read_back(void **state)
{
    (void)state;
    for (int with_array = 0; with_array < 2; with_array++) {
        rt_torch *torch;
        int64_t n;
        expect_ok(rt_torch_open(&torch, write_all_kinds(with_array), &err), &err);
        expect_ok(rt_torch_check(torch, &err), &err);
        const rt_value *root = rt_torch_root(torch), *model = rt_value_get(root, "model");
        assert_int_equal(root->count, with_array ? 10 : 8);
        assert_true(rt_value_integer(rt_value_get(root, "step"), &n) && n == -70000);
        assert_true(rt_value_integer(rt_value_get(root, "big"), &n) && n == -5000000000);
        assert_true(rt_value_integer(rt_value_get(root, "small"), &n) && n == 255);
        assert_true(rt_value_get(root, "lr")->real == 0.1);
        assert_int_equal(rt_value_get(root, "done")->kind, RT_VALUE_BOOL);
        assert_int_equal(rt_value_get(root, "nothing")->kind, RT_VALUE_NONE);
        assert_int_equal(rt_value_get(root, "betas")->kind, RT_VALUE_TUPLE);
        assert_true(rt_value_get(root, "betas")->item[1]->real == 0.95);
        const rt_tensor *w = rt_value_get(model, "w")->tensor;
        RT_SHAPE(*w, 2, 3);
        assert_true(((float *)w->data)[2] == 3.5f && isnan(((float *)w->data)[3]));
        assert_int_equal((uintptr_t)w->data % 64, 0);
        assert_int_equal(rt_count(*rt_value_get(model, "empty")->tensor), 0);
        assert_int_equal(rt_value_get(model, "scalar")->tensor->ndim, 0);
        const rt_value *list = rt_value_get(model, "list");
        assert_true(((int64_t *)list->item[0]->tensor->data)[2] == INT64_MAX);
        assert_true(rt_get(*list->item[1]->tensor, 1) == -2);
        assert_int_equal(list->item[2]->tensor->dtype, RT_BOOL);
        if (with_array) {
            RT_SHAPE(*rt_value_get(root, "xyz")->tensor, 1, 2, 3);
            assert_true(rt_get(*rt_value_get(root, "xyz")->tensor, 1) == -2);
            assert_int_equal(rt_value_get(root, "ids")->tensor->dtype, RT_U8);
        }
        rt_torch_close(torch);
    }
}

/* PyTorch is a cross-check, not needed: RT_TORCH_PYTHON names a python that has it. */
static void pytorch_reads_it(void **state)
{
    (void)state;
    const char *python = getenv("RT_TORCH_PYTHON");
    char command[2048];
    if (!python) {
        print_message("skip: RT_TORCH_PYTHON names no python with PyTorch\n");
        skip();
    }
    write_all_kinds(true);
    snprintf(command, sizeof command,
             "%s -c \"import torch,sys\n"
             "d=torch.load('%s',weights_only=True)\n"
             "assert d['step']==-70000 and d['big']==-5000000000 and d['betas']==(0.9,0.95) and d['nothing'] is None\n"
             "m=d['model']; assert m['w'].shape==(2,3) and m['w'][0,2]==3.5 and m['empty'].shape==(0,3)\n"
             "assert m['scalar'].item()==1 and m['list'][0][0]==-2**63 and m['list'][1].dtype==torch.bfloat16\n"
             "e=torch.load('%s',weights_only=False); assert e['xyz'].shape==(1,2,3) and e['xyz'].dtype=='float32'\n"
             "torch.load('%s',weights_only=True,mmap=True)\"",
             python, write_all_kinds(false), test_path("array.pt"), test_path("plain.pt"));
    assert_int_equal(system(command), 0);
}

static void errors(void **state)
{
    (void)state;
    rt_torch_writer *w;
    assert_int_equal(rt_torch_writer_open(&w, test_path("no/such/folder.pt"), &err), RT_ERR_IO);
    assert_null(w);
    rt_torch_writer_abandon(NULL);
    expect_ok(rt_torch_writer_open(&w, test_path("left.pt"), &err), &err);
    rt_torch_writer_abandon(w);
    assert_false(rt_file_exists(test_path("left.pt")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_back),
        cmocka_unit_test(pytorch_reads_it),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
