/* pickle_fuzz.c - any bytes as a pickle, with storages of 64 bytes behind it: an error or values, never a crash */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "io/pickle.h"
#include "io/rdkit_mol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rt_status storage(void *context, const char *key, const uint8_t **out_bytes, int64_t *out_size, rt_err *err)
{
    (void)key, (void)err;
    *out_bytes = context;
    *out_size = 64;
    return RT_OK;
}

/* Reads every element, so that a tensor beyond its memory is noticed. */
static void touch(const rt_value *value)
{
    volatile double sum = 0;
    if (value->kind == RT_VALUE_TENSOR || value->kind == RT_VALUE_STORAGE)
        for (int64_t i = 0; i < rt_count(*value->tensor); i++) sum += rt_get(*value->tensor, i);
    if (value->kind == RT_VALUE_TEXT || value->kind == RT_VALUE_BYTES)
        for (int64_t i = 0; i < value->count; i++) sum += value->bytes[i];
    if (value->kind == RT_VALUE_BYTES) {
        rt_rdkit_mol mol;
        if (rt_rdkit_mol_read(&mol, value->bytes, value->count, -1, "fuzz", "mol", NULL) == RT_OK)
            rt_rdkit_mol_free(&mol);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t room[8];
    rt_pickle_source source = {.file = "fuzz", .bytes = data, .size = (int64_t)size, .data_bytes = 64,
                               .storage = storage, .context = room};
    rt_pickle *pickle;
    rt_err err;
    if (rt_pickle_open(&pickle, &source, &err) != RT_OK) return 0;
    const rt_value *root = rt_pickle_root(pickle);
    touch(root);
    if (root->kind == RT_VALUE_DICT || root->kind == RT_VALUE_LIST || root->kind == RT_VALUE_TUPLE)
        for (int64_t i = 0; i < root->count * (1 + (root->kind == RT_VALUE_DICT)); i++) touch(root->item[i]);
    if (root->kind == RT_VALUE_OBJECT)
        for (int64_t i = 0; i < root->object->args->count; i++) touch(root->object->args->item[i]);
    rt_pickle_close(pickle);
    return 0;
}
