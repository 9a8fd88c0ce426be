/* import_fuzz.c - any bytes as the competition's table of sequences, a table of labels and an alignment, with bytes 0
 * between them: an error or a set, never a crash; a set that was written can be read.  Built by `make fuzz`. */
#include "io/fuzz_files.h"

#include "base/file.h"
#include "base/log.h"
#include "prep/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const FILES[] = {"in/train_sequences.csv", "in/train_labels.csv", "in/MSA_v2/T1.MSA.fasta"};
    rt_dataset *set;
    rt_err err;
    rt_log_set_level(RT_LOG_QUIET);
    if (rt_make_folder(fuzz_path("in/MSA_v2"), &err) != RT_OK) abort();
    for (int k = 0; k < 3; k++) {
        const uint8_t *part;
        size_t n = fuzz_part(&data, &size, &part);
        fuzz_write(FILES[k], part, n);
    }
    rt_import_options options = {.folder = fuzz_path("in"), .out = fuzz_path("out"), .max_breaks = -1};
    if (rt_import_kaggle(&options, &err) == RT_OK) {
        if (rt_dataset_open(&set, options.out, &err) != RT_OK) abort();
        rt_dataset_close(set);
    }
    fuzz_remove(options.out);
    return 0;
}
