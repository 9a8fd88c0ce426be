/* cif_fuzz.c - any bytes at all: the CIF reader answers with a table or an error, never with a crash */
#include <stddef.h>
#include <stdint.h>

#include "io/cif.h"
#include "io/structure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_err err;
    rt_cif *cif;
    if (rt_cif_open(&cif, (const char *)data, (int64_t)size, "fuzz.cif", &err) != RT_OK) return 0;
    for (int64_t block = 0; block < rt_cif_block_count(cif) && block < 8; block++) {
        static const char *const CATEGORIES[] = {"_atom_site", "_entity_poly", "_a"};
        for (int i = 0; i < 3; i++) {
            rt_cif_table table;
            if (!rt_cif_find(&table, cif, block, CATEGORIES[i])) continue;
            int64_t column = rt_cif_column(&table, "id");
            for (int64_t row = 0; row < table.n_row && row < 8; row++) {
                char text[8];
                double number;
                int64_t whole;
                rt_cif_copy(text, sizeof text, rt_cif_get(&table, row, column));
                rt_cif_need_double(&number, &table, row, column, &err);
                rt_cif_need_int(&whole, &table, row, column, &err);
            }
        }
        rt_structure structure;
        if (rt_structure_read(&structure, cif, block, &err) == RT_OK) rt_structure_free_members(&structure);
    }
    rt_cif_close(cif);
    return 0;
}
