/* stream_fuzz.c - any bytes as a packed table in a file: an error or rows, and the rows of the same bytes unpacked in
 * memory.  Built by `make fuzz`. */
#include "io/fuzz_files.h"

#include "io/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_csv *csv;
    rt_err err;
    bool more;
    fuzz_write("table", data, size);
    if (rt_csv_open_stream(&csv, fuzz_path("table"), &err) == RT_OK) {
        int64_t rows = 0, offset = rt_csv_offset(csv), line = rt_csv_next_line(csv), again = 0;
        while (rt_csv_next(csv, &more, &err) == RT_OK && more) rows++;
        if (rt_csv_seek(csv, offset, line, &err) == RT_OK)
            while (rt_csv_next(csv, &more, &err) == RT_OK && more) again++;
        if (rows != again) abort();
        rt_csv_close(csv);
    }
    return 0;
}
