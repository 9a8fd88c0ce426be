/* msa_fuzz.c - the first byte chooses the format, the rest is the file */
#include <stddef.h>

#include "io/msa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_msa msa;
    rt_err err;
    if (size == 0) return 0;
    rt_msa_parse(&msa, data + 1, (int64_t)size - 1, (rt_msa_format)(data[0] % 3), 1 + data[0] / 3 % 8, "fuzz", &err);
    rt_msa_free_members(&msa);
    return 0;
}
