/* pairs_fuzz.c - any bytes as an alignment, a bpseq file, kept base pairs: an error or values, never a crash.  Built by
 * `make fuzz`. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "prep/bpseq.h"
#include "prep/helices.h"
#include "prep/pairs_cache.h"
#include "prep/pairs_cm.h"
#include "prep/pairs_print.h"
#include "prep/stockholm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_alignments(const char *text, int64_t size)
{
    int64_t at = 0, line = 0;
    rt_err err;
    for (rt_stockholm a; rt_stockholm_next(&a, &at, &line, text, size, "fuzz", &err) == RT_OK;
         rt_stockholm_free_members(&a)) {
        rt_pairs pairs = {.length = 40};
        if (!a.n) {
            rt_stockholm_free_members(&a);
            break;
        }
        rt_pairs_cm_read_row(&pairs, &a, a.n - 1, "NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN", 0, 0, "fuzz", &err);
        rt_pairs_free_members(&pairs);
    }
}

static void read_bpseq(const char *text, int64_t size)
{
    rt_bpseq b;
    rt_helices helices;
    rt_err err;
    rt_text out = {0};
    if (rt_bpseq_parse(&b, text, size, "fuzz", &err) != RT_OK) return;
    if (b.length < 2000) {
        if (rt_helices_find(&helices, b.partner, b.length, &err) == RT_OK) rt_helices_free_members(&helices);
        rt_pairs_print_dot(&out, "fuzz", b.sequence, b.partner, 0, &err);
        rt_pairs_print_ct(&out, "fuzz", b.sequence, b.partner, b.length);
    }
    rt_text_free(&out);
    rt_bpseq_free_members(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_pairs pairs;
    rt_err err;
    read_alignments((const char *)data, (int64_t)size);
    read_bpseq((const char *)data, (int64_t)size);
    if (size && rt_pairs_cache_parse(&pairs, data + 1, (int64_t)size - 1, data[0], "fuzz", &err) == RT_OK)
        rt_pairs_free_members(&pairs);
    return 0;
}
