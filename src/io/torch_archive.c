#include "io/torch_archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/zip_archive.h"

struct rt_torch {
    rt_map map;                 /* size 0 when the bytes are the caller's */
    const uint8_t *bytes;
    int64_t size;
    rt_zip *zip;
    rt_pickle *pickle;
    char *path;
    char folder[256];
};

/* Before 1.6: a run of pickles that begins with a magic number; before 0.2: a tar file. */
static bool is_legacy(const uint8_t *bytes, int64_t size)
{
    static const uint8_t magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    bool pickles = size >= 2 + (int64_t)sizeof magic && bytes[0] == 0x80 && !memcmp(bytes + 2, magic, sizeof magic);
    return pickles || (size >= 512 && memcmp(bytes + 257, "ustar", 5) == 0);
}

bool rt_torch_detect(const uint8_t *bytes, int64_t size)
{
    return rt_zip_detect(bytes, size) || is_legacy(bytes, size);
}

static rt_status read_storage(void *context, const char *key, const uint8_t **out_bytes, int64_t *out_size, rt_err *err)
{
    const rt_torch *torch = context;
    const rt_zip_member *member;
    char name[512];
    snprintf(name, sizeof name, "%s/data/%s", torch->folder, key);
    rt_status status = rt_zip_get(torch->zip, &member, name, err);
    if (status != RT_OK) return status;
    *out_bytes = member->data;
    *out_size = member->size;
    return RT_OK;
}

/* The archive's only folder that holds a data.pkl. */
static rt_status find_folder(rt_torch *torch, rt_err *err)
{
    static const char suffix[] = "/data.pkl";
    for (int64_t i = 0; i < rt_zip_count(torch->zip); i++) {
        const char *name = rt_zip_at(torch->zip, i)->name;
        size_t n = strlen(name);
        if (n < sizeof suffix || strcmp(name + n - (sizeof suffix - 1), suffix) != 0) continue;
        if (n - (sizeof suffix - 1) >= sizeof torch->folder) break;
        snprintf(torch->folder, sizeof torch->folder, "%.*s", (int)(n - (sizeof suffix - 1)), name);
        return RT_OK;
    }
    return rt_fail(err, RT_ERR_FORMAT, torch->path, 0,
                   "is a zip archive, but not one that torch.save wrote: it holds no data.pkl");
}

static rt_status check_kind(const rt_torch *torch, rt_err *err)
{
    char name[512];
    snprintf(name, sizeof name, "%s/byteorder", torch->folder);
    const rt_zip_member *order = rt_zip_find(torch->zip, name);
    if (order && order->data && order->size >= 3 && memcmp(order->data, "big", 3) == 0)
        return rt_fail(err, RT_ERR_UNSUPPORTED, torch->path, 0, "was saved on a big-endian machine");
    snprintf(name, sizeof name, "%s/constants.pkl", torch->folder);
    if (rt_zip_find(torch->zip, name)) {
        rt_fail(err, RT_ERR_UNSUPPORTED, torch->path, 0, "is a TorchScript program, not a file of weights");
        rt_hint(err, "save its weights: torch.save(torch.jit.load(file).state_dict(), new_file)");
        return RT_ERR_UNSUPPORTED;
    }
    return RT_OK;
}

static rt_status read_archive(rt_torch *torch, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_zip_member *member;
    char name[512];
    if (is_legacy(torch->bytes, torch->size)) {
        rt_fail(err, RT_ERR_UNSUPPORTED, torch->path, 0, "has the layout of PyTorch before 1.6, which is not read");
        rt_hint(err, "save it again with a newer PyTorch: torch.save(torch.load(file), new_file)");
        return RT_ERR_UNSUPPORTED;
    }
    RT_TRY(rt_zip_open(&torch->zip, torch->path, torch->bytes, torch->size, err));
    RT_TRY(find_folder(torch, err));
    RT_TRY(check_kind(torch, err));
    snprintf(name, sizeof name, "%s/data.pkl", torch->folder);
    RT_TRY(rt_zip_get(torch->zip, &member, name, err));
    RT_TRY(rt_zip_check(torch->zip, member, err));
    rt_pickle_source source = {torch->path, "data.pkl",   member->data, member->size,
                               torch->size, read_storage, torch};
    RT_TRY(rt_pickle_open(&torch->pickle, &source, err));
done:
    return status;
}

rt_status rt_torch_open_memory(rt_torch **ret_torch, const char *name, const uint8_t *bytes, int64_t size, rt_err *err)
{
    rt_status status = RT_OK;
    rt_torch *torch;
    *ret_torch = NULL;
    RT_TRY_ALLOC(torch, 1);
    torch->bytes = bytes;
    torch->size = size;
    torch->path = rt_copy_text(name, -1, err);
    status = torch->path ? read_archive(torch, err) : RT_ERR_MEMORY;
    if (status == RT_OK) *ret_torch = torch;
    else rt_torch_close(torch);
done:
    return status;
}

rt_status rt_torch_open(rt_torch **ret_torch, const char *path, rt_err *err)
{
    rt_map map;
    *ret_torch = NULL;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    status = rt_torch_open_memory(ret_torch, path, map.data, map.size, err);
    if (status != RT_OK) rt_map_close(&map);
    else (*ret_torch)->map = map;
    return status;
}

void rt_torch_close(rt_torch *torch)
{
    if (!torch) return;
    rt_pickle_close(torch->pickle);
    rt_zip_close(torch->zip);
    rt_map_close(&torch->map);
    free(torch->path);
    free(torch);
}

const rt_value *rt_torch_root(const rt_torch *torch) { return rt_pickle_root(torch->pickle); }
const rt_map *rt_torch_map(const rt_torch *torch) { return &torch->map; }

rt_status rt_torch_check(const rt_torch *torch, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < rt_zip_count(torch->zip) && status == RT_OK; i++)
        status = rt_zip_check(torch->zip, rt_zip_at(torch->zip, i), err);
    return status;
}
