/* prep_tables_fuzz.c - any bytes as each of this room's tables: an error or rows, never a crash.  Built by `make
 * fuzz`. */
#include "io/fuzz_files.h"

#include "prep/augmented.h"
#include "prep/chain_table.h"
#include "prep/family_table.h"
#include "prep/held_out.h"
#include "prep/hits.h"
#include "prep/split.h"
#include "prep/template_list.h"
#include "prep/templates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_files(const char *path)
{
    rt_err err;
    rt_chain_table chains;
    rt_family_table families;
    rt_split split;
    rt_augmented augmented;
    rt_template_list list;
    rt_template_hits hits;
    rt_release_dates dates;
    rt_held_out held = {0};
    rt_models models = {0};
    if (rt_chain_table_read_rfam(&chains, path, &err) == RT_OK) rt_chain_table_free_members(&chains);
    if (rt_chain_table_read_rna3db(&chains, path, &err) == RT_OK) rt_chain_table_free_members(&chains);
    if (rt_family_table_read(&families, path, &err) == RT_OK) rt_family_table_free_members(&families);
    if (rt_split_read(&split, path, &err) == RT_OK) rt_split_free_members(&split);
    if (rt_augmented_read(&augmented, path, &err) == RT_OK) rt_augmented_free_members(&augmented);
    if (rt_template_list_read(&list, path, &err) == RT_OK) rt_template_list_free_members(&list);
    if (rt_template_hits_read(&hits, path, &err) == RT_OK) rt_template_hits_free_members(&hits);
    if (rt_release_dates_read(&dates, path, &err) == RT_OK) rt_release_dates_free_members(&dates);
    rt_held_out_read(&held, path, &err);
    rt_held_out_free_members(&held);
    rt_models_read_clans(&models, path, &err);
    rt_models_free_members(&models);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_err err;
    rt_hits hits;
    rt_models models;
    rt_hits_dropped dropped;
    rt_hits_rules rules = {.evalue = 1};
    if (rt_hits_parse(&hits, "fuzz", (const char *)data, (int64_t)size, false, &err) == RT_OK) {
        rt_hits_resolve(&hits, &dropped, NULL, &rules, &err);
        rt_hits_free_members(&hits);
    }
    if (rt_models_parse(&models, "fuzz", (const char *)data, (int64_t)size,
                        &err) == RT_OK) rt_models_free_members(&models);
    fuzz_write("table", data, size);
    read_files(fuzz_path("table"));
    return 0;
}
