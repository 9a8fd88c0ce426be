/* torch_archive_fuzz.c - any bytes as a zip that torch.save wrote: an error or values, never a crash */
#include <stddef.h>
#include <stdint.h>

#include "io/torch_archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_torch *torch;
    rt_err err;
    int64_t step;
    if (rt_torch_open_memory(&torch, "fuzz", data, (int64_t)size, &err) != RT_OK) return 0;
    rt_value_integer(rt_value_get(rt_torch_root(torch), "step"), &step);
    rt_torch_check(torch, &err);
    rt_torch_close(torch);
    return 0;
}
