/* label_table_fuzz.c - any bytes as a table of labels: an error, a problem or coordinates, never a crash.  Built by
 * `make fuzz`. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prep/label_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first 12 letters are the sequence of every target. */
static void read_rows(rt_csv *csv, const rt_label_columns *columns)
{
    rt_label_block block;
    rt_err err;
    bool more;
    int64_t target, number;
    char *segments = NULL;
    rt_status status = rt_label_block_start(&block, columns, 12, 1, &err);
    while (status == RT_OK && rt_csv_next(csv, &more, &err) == RT_OK && more) {
        if (!rt_label_split_id(rt_csv_text(csv, columns->id), rt_csv_length(csv, columns->id), &target, &number)) break;
        if (rt_label_block_add(&block, columns, csv, "GCAUGCAUGCAU", number, &err) != RT_OK) break;
    }
    if (status == RT_OK) {
        rt_label_block_compact(&block);
        if (rt_label_block_segments(&block, &segments, &err) == RT_OK) free(segments);
    }
    rt_label_block_free_members(&block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_csv *csv;
    rt_err err;
    rt_label_columns columns;
    if (rt_csv_open_memory(&csv, "fuzz", data, (int64_t)size, &err) != RT_OK) return 0;
    if (rt_label_columns_read(&columns, csv, &err) == RT_OK) {
        if (columns.n_conformation * columns.n_slot < 100000) read_rows(csv, &columns);
        rt_label_columns_free_members(&columns);
    }
    rt_csv_close(csv);
    return 0;
}
