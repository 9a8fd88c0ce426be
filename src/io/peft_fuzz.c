/* peft_fuzz.c - any bytes as adapter_config.json (up to the first NUL) and adapter_model.safetensors (after it): an error or
 * adapters, never a crash.  Built by `make fuzz`. */
#include "io/fuzz_files.h"

#include "io/peft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *config;
    rt_peft *peft;
    rt_err err;
    int64_t count;
    size_t n = fuzz_part(&data, &size, &config);
    fuzz_write("adapter_config.json", config, n);
    fuzz_write("adapter_model.safetensors", data, size);
    if (rt_peft_open(&peft, fuzz_folder, &err) != RT_OK) return 0;
    for (int64_t i = 0; i < rt_peft_count(peft); i++) rt_peft_take(peft, rt_peft_at(peft, i)->module);
    rt_peft_untaken(peft, &count);
    rt_peft_close(peft);
    return 0;
}
