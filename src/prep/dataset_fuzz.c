/* dataset_fuzz.c - any bytes as a set: what is beyond the last whole page of 4096 is coordinates.bin, the pages are
 * index.sqlite: an error or a set, never a crash.  Built by `make fuzz`. */
#include "io/fuzz_files.h"

#include "prep/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t PAGE = 4096;
    rt_dataset *set;
    rt_err err;
    size_t n = size % PAGE;
    fuzz_write("coordinates.bin", data + (size - n), n);
    fuzz_write("index.sqlite", data, size - n);
    if (rt_dataset_open(&set, fuzz_folder, &err) != RT_OK) return 0;
    for (int64_t i = 0; i < rt_dataset_count(set); i++) {
        const rt_target *t = rt_dataset_at(set, i);
        volatile float sum = 0;
        for (int64_t c = 0; c < t->n_conformation; c++) {
            const float *xyz = rt_target_xyz(t, c);
            for (int64_t k = 0; k < t->length * t->n_slot * 3; k++) sum += xyz[k];
        }
        rt_target_next_segment(t->segments, 0, t->length);
    }
    rt_dataset_close(set);
    return 0;
}
