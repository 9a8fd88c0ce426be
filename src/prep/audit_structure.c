/* audit_structure.c - the audit's checks of coordinates between parts: close 3D copies, copied coordinates */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/progress.h"
#include "prep/audit_internal.h"
#include "score/tm.h"

/* The structure that stands for a family of a component in a part: the one with the most resolved residues. */
typedef struct {
    int64_t target, n;
    double *xyz;             /* (n,3) resolved C1' */
    char *letters;           /* (n) */
} representative;

typedef struct { int64_t target, n_resolved; const char *component, *family; rt_part part; } candidate;

typedef struct { int64_t model; double tm; int64_t n_aligned; double rmsd; } found;
typedef struct { found *found; int64_t n, capacity, n_pair; bool failed; } task_result;

typedef struct {
    rt_auditor *auditor;
    representative *rep;
    int64_t n;
    rt_tm **tm;              /* per worker */
    task_result *result;     /* per representative as the held-out one */
    int32_t done;
} check;

static bool resolved(const rt_target *t, int64_t residue)
{
    const float *p = rt_target_c1(t, 0, residue);
    return isfinite(p[0]) && isfinite(p[1]) && isfinite(p[2]);
}

static int by_group(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    int order = (int)x->part - (int)y->part;
    if (!order) order = strcmp(x->component, y->component);
    if (!order) order = strcmp(x->family, y->family);
    if (order) return order;
    if (x->n_resolved != y->n_resolved) return x->n_resolved > y->n_resolved ? -1 : 1;
    return x->target < y->target ? -1 : x->target > y->target;
}

static rt_status take_representative(check *c, int64_t target, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_target *t = rt_dataset_at(c->auditor->in->set, target);
    representative *r = &c->rep[c->n++];
    *r = (representative){.target = target};
    RT_TRY_ALLOC(r->xyz, 3 * n);
    RT_TRY_ALLOC(r->letters, n + 1);
    for (int64_t i = 0; i < t->length; i++) {
        if (!resolved(t, i)) continue;
        const float *p = rt_target_c1(t, 0, i);
        for (int d = 0; d < 3; d++) r->xyz[3 * r->n + d] = (double)p[d];
        r->letters[r->n++] = t->sequence[i];
    }
done:
    return status;
}

static rt_status choose(check *c, rt_err *err)
{
    rt_status status = RT_OK;
    rt_auditor *a = c->auditor;
    candidate *all = NULL;
    int64_t n = 0;
    RT_TRY_ALLOC(all, a->n);
    RT_TRY_ALLOC(c->rep, a->n);
    for (int64_t i = 0; i < a->n; i++) {
        const rt_target *t = rt_dataset_at(a->in->set, i);
        int64_t count = 0;
        if (a->part[i] == RT_PART_NONE || !t->n_conformation) continue;
        for (int64_t r = 0; r < t->length; r++) count += resolved(t, r);
        if (count < a->in->tm_residues) continue;
        all[n++] = (candidate){i, count, a->family[i]->component, a->family[i]->family, a->part[i]};
    }
    if (n > 1) qsort(all, (size_t)n, sizeof *all, by_group);
    for (int64_t k = 0; k < n; k++) {
        bool first = k == 0 || all[k].part != all[k - 1].part || strcmp(all[k].component, all[k - 1].component) != 0 ||
                     strcmp(all[k].family, all[k - 1].family) != 0;
        if (first) RT_TRY(take_representative(c, all[k].target, all[k].n_resolved, err));
    }
done:
    free(all);
    return status;
}

/* Representative `task` as the held-out one, every earlier part's as its possible copy. */
static void compare(void *argument, int64_t task, int worker)
{
    check *c = argument;
    const rt_auditor *a = c->auditor;
    task_result *out = &c->result[task];
    const representative *held = &c->rep[task];
    int32_t *map = rt_alloc(held->n, sizeof *map, NULL);
    out->failed = !map;
    for (int64_t k = 0; k < task && !out->failed && !rt_stop_requested(); k++) {
        const representative *model = &c->rep[k];
        rt_tm_result result;
        if (a->part[model->target] >= a->part[held->target]) break;         /* sorted by part */
        if ((double)model->n < a->in->tm * (double)held->n) continue;       /* cannot cover enough of it */
        rt_tm_chain x = {model->xyz, model->letters, model->n}, y = {held->xyz, held->letters, held->n};
        out->failed = rt_tm_align(c->tm[worker], &result, map, &x, &y, RT_TM_USALIGN, NULL, NULL) != RT_OK;
        out->n_pair++;
        if (out->failed || result.score < a->in->tm) continue;
        void *all = out->found;
        out->failed = rt_grow(&all, &out->capacity, out->n + 1, sizeof *out->found, NULL) != RT_OK;
        out->found = all;
        if (!out->failed) out->found[out->n++] = (found){k, result.score, result.n_aligned, result.rmsd};
    }
    free(map);
    rt_progress_step(__atomic_add_fetch(&c->done, 1, __ATOMIC_RELAXED));
}

static rt_status report(check *c, rt_err *err)
{
    rt_status status = RT_OK;
    rt_auditor *a = c->auditor;
    for (int64_t t = 0; t < c->n; t++) {
        const task_result *r = &c->result[t];
        if (r->failed) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory while comparing structures");
        a->out->check[RT_LEAK_STRUCTURE].n_checked += r->n_pair;
        for (int64_t k = 0; k < r->n; k++) {
            int64_t x = c->rep[r->found[k].model].target, y = c->rep[t].target;
            RT_TRY(rt_audit_add(a, RT_LEAK_STRUCTURE, rt_dataset_at(a->in->set, x)->id, rt_part_name(a->part[x]),
                                rt_dataset_at(a->in->set, y)->id, rt_part_name(a->part[y]), r->found[k].tm, a->in->tm,
                                    err,
                                "%lld of %lld residues within %.2f Angstrom RMSD", (long long)r->found[k].n_aligned,
                                (long long)c->rep[t].n, r->found[k].rmsd));
        }
    }
done:
    return status;
}

/* ---- the same coordinates under another name or sequence --------------------------------------------------------- */

/* A training target with the coordinates of a held-out one of its length: masked, mutated or renamed, it holds the
 * answer. */
static rt_status copied_coordinates(rt_auditor *a, rt_tm *tm, rt_err *err)
{
    rt_status status = RT_OK;
    rt_audit_check_result *result = &a->out->check[RT_LEAK_HELD_OUT];
    bool *compared = NULL;
    RT_TRY_ALLOC(compared, a->n);
    for (int64_t i = 0; i < a->n; i++) {
        const rt_target *held = rt_dataset_at(a->in->set, i);
        if ((a->part[i] != RT_PART_VALIDATION && a->part[i] != RT_PART_TEST) || !held->n_conformation) continue;
        for (int64_t k = 0; k < a->n; k++) {
            const rt_target *t = rt_dataset_at(a->in->set, k);
            double score, rmsd;
            int64_t n;
            if (a->part[k] != RT_PART_TRAIN || t->length != held->length || !t->n_conformation) continue;
            compared[k] = true;
            RT_TRY(rt_template_match(tm, &score, &rmsd, &n, held, rt_target_c1(t, 0, 0), 3 * t->n_slot, INFINITY, err));
            if (n < RT_TEMPLATE_ANSWER_RESIDUES || rmsd > RT_TEMPLATE_ANSWER_RMSD) continue;
            RT_TRY(rt_audit_add(a, RT_LEAK_HELD_OUT, t->id, "train", held->id, rt_part_name(a->part[i]), rmsd,
                                RT_TEMPLATE_ANSWER_RMSD, err, "the same coordinates: %lld of %lld residues, %s",
                                (long long)n, (long long)held->length,
                                strcmp(t->sequence, held->sequence) == 0 ? "the same sequence" : "another sequence"));
        }
    }
    for (int64_t k = 0; k < a->n && result->not_checked; k++) result->n_checked += compared[k];   /* else all are counted */
done:
    free(compared);
    return status;
}

rt_status rt_audit_structures(rt_auditor *auditor, rt_err *err)
{
    rt_status status = RT_OK;
    check c = {.auditor = auditor};
    int threads = rt_pool_threads(auditor->pool);
    RT_TRY(choose(&c, err));
    RT_TRY_ALLOC(c.result, c.n);
    RT_TRY_ALLOC(c.tm, threads);
    for (int w = 0; w < threads; w++) RT_TRY(rt_tm_create(&c.tm[w], err));
    rt_progress_start("structure", c.n);
    rt_pool_run(auditor->pool, c.n, compare, &c);
    rt_progress_end();
    if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped while comparing structures"));
    RT_TRY(report(&c, err));
    RT_TRY(copied_coordinates(auditor, c.tm[0], err));
done:
    for (int64_t k = 0; c.rep && k < c.n; k++) free(c.rep[k].xyz), free(c.rep[k].letters);
    for (int64_t k = 0; c.result && k < c.n; k++) free(c.result[k].found);
    for (int w = 0; c.tm && w < threads; w++) rt_tm_free(c.tm[w]);
    free(c.rep);
    free(c.result);
    free(c.tm);
    return status;
}
