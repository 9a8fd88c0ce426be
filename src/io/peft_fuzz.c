/* peft_fuzz.c - any bytes as adapter_config.json (up to the first NUL) and adapter_model.safetensors (after it): an error or
 * adapters, never a crash */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "io/peft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char folder[] = "/tmp/rt_peft_fuzzXXXXXX";
    static char config[64], tensors[64];
    if (!config[0]) {
        if (!mkdtemp(folder)) return 0;
        snprintf(config, sizeof config, "%s/adapter_config.json", folder);
        snprintf(tensors, sizeof tensors, "%s/adapter_model.safetensors", folder);
    }
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t first = end ? (size_t)(end - data) : size, rest = end ? size - first - 1 : 0;
    FILE *file = fopen(config, "w");
    if (!file) return 0;
    fwrite(data, 1, first, file);
    fclose(file);
    file = fopen(tensors, "w");
    if (!file) return 0;
    if (rest) fwrite(end + 1, 1, rest, file);
    fclose(file);
    rt_peft *peft;
    rt_err err;
    int64_t count;
    if (rt_peft_open(&peft, folder, &err) == RT_OK) {
        for (int64_t i = 0; i < rt_peft_count(peft); i++) rt_peft_take(peft, rt_peft_at(peft, i)->module);
        rt_peft_untaken(peft, &count);
        rt_peft_close(peft);
    }
    unlink(config);
    unlink(tensors);
    return 0;
}
