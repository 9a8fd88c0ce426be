/* augment_fuzz.c - any bytes as an augmentation's settings and as a file of seed alignments: an error or a plan, never a
 * crash.  Built by `make fuzz`. */
#include "io/fuzz_files.h"

#include "prep/augment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[600];
    rt_augment_plan plan = {0};
    rt_seeds seeds = {0};
    rt_text printed = {0};
    rt_err err;
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = 0;
    if (rt_augment_plan_add(&plan, text, &err) == RT_OK) rt_augment_plan_print(&printed, &plan);
    rt_text_free(&printed);
    fuzz_write("seeds", data, size);
    if (rt_seeds_read(&seeds, fuzz_path("seeds"), &err) == RT_OK) {
        rt_homologs homologs;
        rt_family_row row = {.family = "RF00001"};
        rt_homolog_rules rules = {.identity = 0.3, .gaps = 0.5, .keep = 4};
        if (rt_homologs_find(&homologs, "t", "GGGAAACCCAUGC", &row, &seeds, &rules, &err) == RT_OK)
            rt_homologs_free_members(&homologs);
    }
    rt_seeds_free_members(&seeds);
    return 0;
}
