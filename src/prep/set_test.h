/* set_test.h - for tests alone: small sets of invented targets
 * Room: prep.  Uses: prep/dataset_write, base/rng.  Included after io/io_test.h and io/test_files.h.
 */
#ifndef RT_PREP_SET_TEST_H
#define RT_PREP_SET_TEST_H

#include <math.h>

#include "base/memory.h"
#include "base/rng.h"
#include "prep/dataset.h"
#include "prep/dataset_write.h"

/* fold: seed of a random walk of C1' atoms, 0 for a target without labels; equal seeds are equal structures.
 * noise: Angstrom, moves every atom at random.  masked: so many residues at the 3' end are missing. */
typedef struct {
    const char *id, *sequence, *cutoff;
    int64_t origin;
    uint64_t fold;
    double noise;
    int64_t masked;
    const char *all_sequences;
} test_target;

static inline void test_walk(float *xyz, const test_target *t, int64_t length)
{
    rt_rng rng = rt_rng_make(11, t->fold, 0, RT_DRAW_INIT_NOISE);
    rt_rng shake = rt_rng_make(12, rt_hash_text(t->id), 0, RT_DRAW_INIT_NOISE);
    double at[3] = {0};
    for (int64_t i = 0; i < length; i++) {
        double step[3], norm = 0;
        for (int d = 0; d < 3; d++) {
            step[d] = rt_rng_normal(&rng, (uint64_t)(3 * i + d));
            norm += step[d] * step[d];
        }
        for (int d = 0; d < 3; d++) {
            at[d] = 0.97 * at[d] + 5.6 * step[d] / sqrt(norm + 1e-9);
            xyz[3 * i + d] = (float)(at[d] + t->noise * rt_rng_normal(&shake, (uint64_t)(3 * i + d)));
            if (i >= length - t->masked) xyz[3 * i + d] = NAN;
        }
    }
}

static inline void test_sequence(char *out, int64_t n, uint64_t seed)
{
    rt_rng rng = rt_rng_make(13, seed, 0, RT_DRAW_SPLIT);
    for (int64_t i = 0; i < n; i++) out[i] = "ACGU"[rt_rng_below(&rng, (uint64_t)i, 4)];
    out[n] = 0;
}

/* Makes and opens a set in the test's folder. */
static inline rt_dataset *test_set(const char *name, const test_target *all, int64_t n)
{
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_err err;
    char folder[320];
    snprintf(folder, sizeof folder, "%s", test_path(name));
    expect_ok(rt_dataset_remove(folder, &err), &err);
    expect_ok(rt_dataset_writer_open(&writer, folder, "test", &err), &err);
    for (int64_t i = 0; i < n; i++) {
        rt_target target = rt_target_empty();
        int64_t length = (int64_t)strlen(all[i].sequence);
        float *xyz = rt_alloc(3 * length + 1, sizeof *xyz, &err);
        target.number = i;
        target.id = all[i].id;
        target.sequence = all[i].sequence;
        target.cutoff = all[i].cutoff ? all[i].cutoff : "";
        target.all_sequences = all[i].all_sequences ? all[i].all_sequences : "";
        target.origin = all[i].origin ? all[i].origin : RT_ORIGIN_TRAIN;
        if (all[i].fold) {
            target.n_conformation = target.n_slot = 1;
            target.slots = RT_SLOTS_C1P;
            test_walk(xyz, &all[i], length);
        }
        expect_ok(rt_dataset_writer_add(writer, &target, all[i].fold ? xyz : NULL, &err), &err);
        free(xyz);
    }
    expect_ok(rt_dataset_writer_commit(writer, &err), &err);
    expect_ok(rt_dataset_open(&set, folder, &err), &err);
    return set;
}

#endif
