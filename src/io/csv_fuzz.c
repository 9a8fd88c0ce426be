/* csv_fuzz.c - any bytes as a table: an error or rows, never a crash.  Built by `make fuzz`. */
#include <stddef.h>
#include <stdint.h>

#include "io/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_csv *csv;
    rt_err err;
    bool more;
    if (rt_csv_open_memory(&csv, "fuzz", data, (int64_t)size, &err) != RT_OK) return 0;
    while (rt_csv_next(csv, &more, &err) == RT_OK && more)
        for (int64_t i = 0; i < rt_csv_columns(csv); i++) {
            double value;
            rt_csv_double(csv, i, &value, &err);
        }
    rt_csv_close(csv);
    return 0;
}
