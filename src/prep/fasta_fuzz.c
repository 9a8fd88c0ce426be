/* fasta_fuzz.c - any bytes as sequences, as parameters of the loop model, as an audit's record: an error or values, never a
 * crash.  Sequences that can be read are folded.  Built by `make fuzz`. */
#include "io/fuzz_files.h"

#include "prep/audit.h"
#include "prep/fasta.h"
#include "prep/partition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 40, FOLDED = 4 };

static void fold(const rt_fasta *fasta, const rt_loop_model *model)
{
    rt_err err;
    for (int64_t k = 0; k < fasta->n && k < FOLDED; k++) {
        rt_pairs pairs;
        int64_t length = (int64_t)strlen(fasta->record[k].sequence);
        if (length > LONGEST || rt_partition_fold(&pairs, model, fasta->record[k].sequence, length, 0.01, &err) != RT_OK)
            continue;
        rt_pairs_free_members(&pairs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rt_loop_model own;
    static bool loaded;
    rt_fasta fasta;
    rt_loop_model model;
    rt_held_out held = {0};
    rt_err err;
    double identity, chance;
    if (!loaded && rt_loop_model_load(&own, NULL, &err) != RT_OK) abort();
    loaded = true;
    if (rt_fasta_parse(&fasta, (const char *)data, (int64_t)size, "fuzz", &err) == RT_OK) {
        fold(&fasta, &own);
        rt_fasta_free_members(&fasta);
    }
    rt_loop_model_parse(&model, data, (int64_t)size, "fuzz", &err);
    fuzz_write("split.tsv.audit.json", data, size);
    rt_audit_read_limits(&identity, &chance, &held, fuzz_path("split.tsv"), &err);
    rt_held_out_free_members(&held);
    return 0;
}
