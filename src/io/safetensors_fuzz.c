/* safetensors_fuzz.c - any bytes as a safetensors file: an error or tensors, never a crash */
#include <stddef.h>
#include <stdint.h>

#include "io/safetensors_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_safetensors *file;
    rt_err err;
    volatile double sum = 0;
    if (rt_safetensors_open(&file, "fuzz", data, (int64_t)size, &err) != RT_OK) return 0;
    for (int64_t i = 0; i < rt_safetensors_count(file); i++) {
        rt_tensor t = rt_safetensors_at(file, i);
        for (int64_t k = 0; k < rt_count(t); k++) sum += rt_get(t, k);
    }
    rt_safetensors_value(file, "format");
    rt_safetensors_close(file);
    return 0;
}
