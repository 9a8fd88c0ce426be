#include "confidence/structure_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/clash.h"
#include "score/tm.h"

/* IUPAC numbers of the elements that nucleotides have, less one as the features count */
static char element_of(uint8_t element)
{
    switch (element) {
    case 5: return 'C';
    case 6: return 'N';
    case 7: return 'O';
    case 14: return 'P';
    default: return '?';
    }
}

static void fill_atom(rt_molecule_atom *out, const rt_features *f, rt_tensor x, int64_t atom)
{
    const uint8_t *name = (const uint8_t *)f->ref_atom_name_chars.data + 4 * atom;
    *out = (rt_molecule_atom){.residue = (int32_t)((const int64_t *)f->atom_to_token_idx.data)[atom],
                              .element = element_of(((const uint8_t *)f->ref_element.data)[atom])};
    for (int c = 0; c < 4 && name[c]; c++) out->name[c] = (char)(name[c] + 32);
    for (int d = 0; d < 3; d++) out->xyz[d] = rt_get(x, 3 * atom + d);
}

static bool is_finite(rt_tensor x)
{
    for (int64_t i = 0; i < rt_count(x); i++)
        if (!isfinite(rt_get(x, i))) return false;
    return true;
}

rt_status rt_structure_clash(double *out_score, const rt_features *features, rt_tensor x, rt_err *err)
{
    rt_status status = RT_OK;
    rt_molecule m = {0};
    const rt_features *f = features;
    *out_score = NAN;
    if (!is_finite(x)) return RT_OK;
    RT_TRY(rt_molecule_create(&m, f->n_token, 1, f->n_atom, err));
    for (int64_t i = 0; i < f->n_token; i++) m.residue[i].chain = (int32_t)((const int64_t *)f->asym_id.data)[i];
    for (int64_t a = 0; a < f->n_atom; a++) fill_atom(&m.atom[a], f, x, a);
    RT_TRY(rt_clash(out_score, NULL, &m, err));
done:
    rt_molecule_free_members(&m);
    return status;
}

void rt_structure_c1(double *out_c1, const rt_features *features, rt_tensor x)
{
    const int64_t *centre = features->centre_atom.data;
    for (int64_t i = 0; i < features->n_token; i++)
        for (int d = 0; d < 3; d++) out_c1[3 * i + d] = rt_get(x, 3 * centre[i] + d);
}

typedef struct {
    rt_tm **tm; /* one per worker */
    const double *c1;
    double *out;
    int64_t n, n_token;
    rt_status *status; /* one per worker */
    rt_err *err;
} job;

/* All pairs of structure `a` with those before it. */
static void compare_one(void *argument, int64_t a, int worker)
{
    job *j = argument;
    for (int64_t b = 0; b < a && j->status[worker] == RT_OK; b++) {
        const double *x = j->c1 + 3 * j->n_token * a, *y = j->c1 + 3 * j->n_token * b;
        rt_tm_result result = {0};
        bool finite = true;
        for (int64_t i = 0; i < 3 * j->n_token; i++) finite = finite && isfinite(x[i]) && isfinite(y[i]);
        if (finite)
            j->status[worker] = rt_tm_paired(j->tm[worker], &result, NULL, x, y, j->n_token, j->n_token, &j->err[worker]);
        j->out[a * j->n + b] = j->out[b * j->n + a] = result.score;
    }
}

rt_status rt_structure_similarity(double *out_tm, rt_pool *pool, const double *c1, int64_t n, int64_t n_token,
                                  rt_err *err)
{
    rt_status status = RT_OK;
    int threads = rt_pool_threads(pool);
    job j = {.c1 = c1, .out = out_tm, .n = n, .n_token = n_token};
    RT_TRY_ALLOC(j.tm, threads);
    RT_TRY_ALLOC(j.status, threads);
    RT_TRY_ALLOC(j.err, threads);
    for (int t = 0; t < threads; t++) RT_TRY(rt_tm_create(&j.tm[t], err));
    for (int64_t i = 0; i < n; i++) out_tm[i * n + i] = 1;
    rt_pool_run(pool, n, compare_one, &j);
    for (int t = 0; t < threads && status == RT_OK; t++)
        if (j.status[t] != RT_OK) status = j.status[t], *err = j.err[t];
done:
    for (int t = 0; j.tm && t < threads; t++) rt_tm_free(j.tm[t]);
    free(j.tm);
    free(j.status);
    free(j.err);
    return status;
}

void rt_structure_consensus(double *out_consensus, const double *tm, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++) sum += k == i ? 0 : tm[i * n + k];
        out_consensus[i] = n > 1 ? sum / (double)(n - 1) : NAN;
    }
}
