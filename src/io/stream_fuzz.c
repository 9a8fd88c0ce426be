/* stream_fuzz.c - any bytes as a packed table in a file: an error or rows, and the rows of the same bytes unpacked in
 * memory.  Built by `make fuzz`. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    rt_csv *csv;
    rt_err err;
    bool more;
    if (!path[0]) snprintf(path, sizeof path, "/tmp/rt_stream_fuzz_%ld", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size) abort();
    fclose(file);
    if (rt_csv_open_stream(&csv, path, &err) == RT_OK) {
        int64_t rows = 0, offset = rt_csv_offset(csv), line = rt_csv_next_line(csv), again = 0;
        while (rt_csv_next(csv, &more, &err) == RT_OK && more) rows++;
        if (rt_csv_seek(csv, offset, line, &err) == RT_OK)
            while (rt_csv_next(csv, &more, &err) == RT_OK && more) again++;
        if (rows != again) abort();
        rt_csv_close(csv);
    }
    unlink(path);
    return 0;
}
