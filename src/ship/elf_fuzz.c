/* elf_fuzz.c - any bytes at all: the ELF reader answers with what it found or an error, never with a crash */
#include <stddef.h>
#include <stdint.h>

#include "ship/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_err err;
    rt_elf elf;
    rt_elf_parse(&elf, data, (int64_t)size, "fuzz.so", &err);
    return 0;
}
