#include "confidence/rank.h"
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE_ROWS = 8, TILE_ATOMS = 256 };

/* ---- bins ---------------------------------------------------------------------------------------------------- */

/* Centres in single precision by the same steps as torch.linspace, which counts from both ends: a threshold that is
 * compared with a centre must not depend on how it was rounded. */
static void bin_centres(float *out_centre, double min, double max, int64_t bins)
{
    double width = (max - min) / (double)bins;
    float start = (float)min, end = (float)(max - width);
    float step = bins > 1 ? (end - start) / (float)(bins - 1) : 0;
    for (int64_t i = 0; i < bins; i++) {
        float edge = i < bins / 2 ? start + step * (float)i : end - step * (float)(bins - 1 - i);
        out_centre[i] = edge + (float)(0.5 * width);
    }
}

/* weight of a bin in pTM for n tokens; single precision as in the reference. */
static void tm_weights(float *out_weight, const float *centre, int64_t bins, int64_t n)
{
    float norm = (float)(1.24 * cbrt((double)(n > 19 ? n : 19) - 15) - 1.8);
    for (int64_t b = 0; b < bins; b++) {
        float x = centre[b] / norm;
        out_weight[b] = 1 / (1 + x * x);
    }
}

/* out[b] = exp(logit[b] - max), unnormalised; returns their sum. */
static double exponentials(float *out, const float *logit, int64_t bins)
{
    float max = logit[0];
    for (int64_t b = 1; b < bins; b++) max = logit[b] > max ? logit[b] : max;
    double sum = 0;
    for (int64_t b = 0; b < bins; b++) {
        out[b] = expf(logit[b] - max);
        sum += out[b];
    }
    return sum;
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

static void run_tiles(rt_pool *opt_pool, int64_t n_tile, rt_task *task, void *argument)
{
    if (opt_pool) {
        rt_pool_run(opt_pool, n_tile, task, argument);
        return;
    }
    for (int64_t tile = 0; tile < n_tile; tile++) task(argument, tile, 0);
}

/* ---- the pass over logits ------------------------------------------------------------------------------------ */

/* out[i] = expected value of row i's bins. */
typedef struct {
    const float *logit, *value;
    float *out;
    int64_t rows, bins, tile;
} expect_job;

static void expect_tile(void *argument, int64_t tile, int worker)
{
    (void)worker;
    const expect_job *job = argument;
    float p[job->bins];
    int64_t end = (tile + 1) * job->tile < job->rows ? (tile + 1) * job->tile : job->rows;
    for (int64_t i = tile * job->tile; i < end; i++) {
        double sum = exponentials(p, job->logit + i * job->bins, job->bins);
        job->out[i] = (float)(dot(p, job->value, job->bins) / sum);
    }
}

static void expect(float *out, rt_pool *opt_pool, rt_tensor logits, const float *value, int64_t tile)
{
    expect_job job = {logits.data, value, out, rt_rows(logits), rt_last(logits), tile};
    run_tiles(opt_pool, (job.rows + tile - 1) / tile, expect_tile, &job);
}

void rt_contact_probs(rt_tensor out_probs, rt_pool *opt_pool, const rt_config *config, rt_tensor logits)
{
    int64_t n = out_probs.dim[0], bins = config->distogram_bins;
    RT_SHAPE(out_probs, n, n);
    RT_SHAPE(logits, n, n, bins);
    RT_REQUIRE(out_probs.dtype == RT_F32 && logits.dtype == RT_F32 && bins > 0);
    float centre[bins];
    bin_centres(centre, config->distogram_min, config->distogram_max, bins);
    for (int64_t b = 0; b < bins; b++) centre[b] = centre[b] < 8 ? 1 : 0;
    expect(out_probs.data, opt_pool, logits, centre, n * TILE_ROWS);
}

/* What one row of the PAE says about pTM: sums over the row's tokens of the weighted probabilities. */
typedef struct {
    const float *logit, *centre, *weight_all;
    const int64_t *asym, *chain_count;   /* (N), (C) */
    int64_t n, bins, n_chain;
    float *pae;                          /* (N,N) */
    double *row_all, *row_other;         /* (N): all tokens, tokens of other chains; normalised for all N */
    double *row_chain;                   /* (N,C): tokens of chain c; normalised for the row's chain, or both chains */
    float *weight;                       /* (workers,C,bins) */
} pae_job;

static void pae_tile(void *argument, int64_t tile, int worker)
{
    const pae_job *job = argument;
    int64_t n = job->n, bins = job->bins, end = (tile + 1) * TILE_ROWS < n ? (tile + 1) * TILE_ROWS : n;
    float p[bins], *weight = job->weight + worker * job->n_chain * bins;
    for (int64_t i = tile * TILE_ROWS, chain = -1; i < end; i++) {
        if (job->asym[i] != chain) {
            chain = job->asym[i];
            for (int64_t c = 0; c < job->n_chain; c++)
                tm_weights(weight + c * bins, job->centre, bins,
                           job->chain_count[chain] + (c == chain ? 0 : job->chain_count[c]));
        }
        double *sum = job->row_chain + i * job->n_chain, all = 0, other = 0;
        for (int64_t c = 0; c < job->n_chain; c++) sum[c] = 0;
        for (int64_t j = 0; j < n; j++) {
            int64_t c = job->asym[j];
            double total = exponentials(p, job->logit + (i * n + j) * bins, bins);
            double tm = dot(p, job->weight_all, bins) / total;
            job->pae[i * n + j] = (float)(dot(p, job->centre, bins) / total);
            all += tm;
            if (c != chain) other += tm;
            sum[c] += job->n_chain == 1 ? tm : dot(p, weight + c * bins, bins) / total;
        }
        job->row_all[i] = all;
        job->row_other[i] = other;
    }
}

/* ---- chains -------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t n, n_atom, n_chain;
    const int64_t *asym, *has_frame, *atom_token;
    int64_t *chain_count, *chain_atoms;   /* (C) */
    bool *chain_has_frame;                /* (C) */
    double *row_all, *row_other, *row_chain;
} view;

/* The best row counts, among tokens that have a frame. */
static double larger(double best, double x) { return x > best || isnan(x) ? x : best; }

static void set_ptm(rt_summary *out, const view *v)
{
    int64_t n = v->n, n_chain = v->n_chain;
    memset(out->chain_ptm, 0, (size_t)n_chain * sizeof(double));
    memset(out->chain_pair_iptm, 0, (size_t)(n_chain * n_chain) * sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        if (!v->has_frame[i]) continue;
        int64_t a = v->asym[i], others = n - v->chain_count[a];
        const double *sum = v->row_chain + i * n_chain;
        out->ptm = larger(out->ptm, v->row_all[i] / (double)n);
        if (others) out->iptm = larger(out->iptm, v->row_other[i] / (double)others);
        out->chain_ptm[a] = larger(out->chain_ptm[a], sum[a] / (double)v->chain_count[a]);
        for (int64_t b = 0; b < n_chain; b++) {
            if (b == a) continue;
            double *pair = &out->chain_pair_iptm[a < b ? a * n_chain + b : b * n_chain + a];
            *pair = larger(*pair, sum[b] / (double)v->chain_count[b]);
        }
    }
    for (int64_t a = 0; a < n_chain; a++)
        for (int64_t b = 0; b < a; b++) out->chain_pair_iptm[a * n_chain + b] = out->chain_pair_iptm[b * n_chain + a];
}

/* Mean over the ordered pairs that a chain belongs to, whose first chain has a frame. */
static void set_chain_iptm(rt_summary *out, const view *v)
{
    int64_t n_chain = v->n_chain;
    for (int64_t a = 0; a < n_chain; a++) {
        double sum = 0;
        int64_t count = 0;
        for (int64_t b = 0; b < n_chain; b++) {
            if (b == a) continue;
            int times = v->chain_has_frame[a] + v->chain_has_frame[b];
            sum += times * out->chain_pair_iptm[a * n_chain + b];
            count += times;
        }
        out->chain_iptm[a] = count ? sum / (double)count : 0;
    }
    /* The reference takes a chain for a ligand when its ligand tokens reach half its tokens, rounded down: a polymer of
     * one token does, with none.  Kept, so that its numbers are ours. */
    for (int64_t a = 0; a < n_chain; a++)
        for (int64_t b = 0; b < n_chain; b++) {
            double *global = &out->chain_pair_iptm_global[a * n_chain + b];
            if (a == b) *global = 0;
            else if (v->chain_count[a] == 1) *global = out->chain_iptm[a];
            else if (v->chain_count[b] == 1) *global = out->chain_iptm[b];
            else *global = 0.5 * (out->chain_iptm[a] + out->chain_iptm[b]);
        }
}

/* chain_pair_gpde takes the weighted sums first; `weight` (C,C) is scratch for the sums of weights. */
static void set_gpde(rt_summary *out, const view *v, const float *contact, double *weight)
{
    int64_t n = v->n, n_chain = v->n_chain;
    const float *pde = out->token_pair_pde.data;
    double *pair = out->chain_pair_gpde, sum = 0, total = 0;
    memset(pair, 0, (size_t)(n_chain * n_chain) * sizeof(double));
    memset(weight, 0, (size_t)(n_chain * n_chain) * sizeof(double));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t at = v->asym[i] * n_chain + v->asym[j];
            pair[at] += (double)pde[i * n + j] * contact[i * n + j];
            weight[at] += contact[i * n + j];
        }
    for (int64_t k = 0; k < n_chain * n_chain; k++) {
        sum += pair[k];
        total += weight[k];
        pair[k] /= weight[k] + 1e-8;
    }
    out->gpde = sum / total;
    for (int64_t a = 0; a < n_chain; a++) {
        out->chain_gpde[a] = pair[a * n_chain + a];
        pair[a * n_chain + a] = 0;
        for (int64_t b = 0; b < a; b++) pair[a * n_chain + b] = pair[b * n_chain + a];   /* rows of the lower chain */
    }
}

static void set_plddt(rt_summary *out, const view *v)
{
    int64_t n_chain = v->n_chain;
    const float *plddt = out->atom_plddt.data;
    double *sum = out->chain_plddt, total = 0;
    memset(sum, 0, (size_t)n_chain * sizeof(double));
    for (int64_t a = 0; a < v->n_atom; a++) sum[v->asym[v->atom_token[a]]] += plddt[a];
    for (int64_t a = 0; a < n_chain; a++) {
        total += sum[a];
        for (int64_t b = 0; b < n_chain; b++)
            out->chain_pair_plddt[a * n_chain + b] =
                a == b ? 0 : (sum[a] + sum[b]) / (double)(v->chain_atoms[a] + v->chain_atoms[b]);
    }
    for (int64_t a = 0; a < n_chain; a++) sum[a] /= (double)v->chain_atoms[a];
    out->plddt = 100 * total / (double)v->n_atom;
}

/* ---- clashes ------------------------------------------------------------------------------------------------- */

typedef struct { float xyz[3]; int32_t chain; } point;

static int by_x(const void *a, const void *b)
{
    float x = ((const point *)a)->xyz[0], y = ((const point *)b)->xyz[0];
    return (x > y) - (x < y);
}

/* Atoms in the order of x, each compared with those that follow within the threshold; count (C,C), upper half.  A
 * coordinate that is not finite is near nothing. */
static bool find_clash(const view *v, const float *xyz, double threshold, point *points, int64_t *count)
{
    int64_t n_chain = v->n_chain, n = 0;
    if (n_chain < 2) return false;
    memset(count, 0, (size_t)(n_chain * n_chain) * sizeof *count);
    for (int64_t a = 0; a < v->n_atom; a++) {
        const float *x = xyz + 3 * a;
        if (!isfinite(x[0]) || !isfinite(x[1]) || !isfinite(x[2])) continue;
        points[n++] = (point){{x[0], x[1], x[2]}, (int32_t)v->asym[v->atom_token[a]]};
    }
    qsort(points, (size_t)n, sizeof *points, by_x);
    for (int64_t p = 0; p < n; p++)
        for (int64_t q = p + 1; q < n && (double)points[q].xyz[0] - points[p].xyz[0] < threshold; q++) {
            int64_t a = points[p].chain, b = points[q].chain;
            if (a == b) continue;
            double square = 0;
            for (int k = 0; k < 3; k++) {
                double d = (double)points[p].xyz[k] - points[q].xyz[k];
                square += d * d;
            }
            if (square < threshold * threshold) count[a < b ? a * n_chain + b : b * n_chain + a]++;
        }
    bool clash = false;
    for (int64_t a = 0; a < n_chain; a++)
        for (int64_t b = a + 1; b < n_chain; b++) {
            int64_t found = count[a * n_chain + b];
            int64_t smaller = v->chain_atoms[a] < v->chain_atoms[b] ? v->chain_atoms[a] : v->chain_atoms[b];
            clash = clash || found > 100 || 2 * found > smaller;
        }
    return clash;
}

/* ---- the summary --------------------------------------------------------------------------------------------- */

/* Pushes or, after a failure, gives NULL: the caller checks *ok once. */
static void *push(rt_arena *arena, int64_t count, int64_t size, bool *ok)
{
    int64_t bytes = 0;
    void *memory = *ok && !__builtin_mul_overflow(count, size, &bytes) ? rt_arena_push_host(arena, bytes) : NULL;
    *ok = memory != NULL;
    return memory;
}

static rt_status no_memory(const rt_arena *arena, rt_err *err)
{
    return rt_fail(err, RT_ERR_MEMORY, NULL, 0,
                   "the %s arena holds %lld bytes; the confidence scores need %lld or more", rt_arena_name(arena),
                   (long long)rt_arena_capacity(arena), (long long)rt_arena_wanted(arena));
}

static void check_input(const rt_config *config, const rt_rank_input *in)
{
    int64_t n = in->asym_id.dim[0], n_atom = in->coordinate.dim[0];
    RT_SHAPE(in->pae_logits, n, n, config->pae_bins);
    RT_SHAPE(in->pde_logits, n, n, config->pde_bins);
    RT_SHAPE(in->plddt_logits, n_atom, config->plddt_bins);
    RT_SHAPE(in->contact_probs, n, n);
    RT_SHAPE(in->coordinate, n_atom, 3);
    RT_SHAPE(in->asym_id, n);
    RT_SHAPE(in->has_frame, n);
    RT_SHAPE(in->atom_to_token_idx, n_atom);
    RT_REQUIRE(in->pae_logits.dtype == RT_F32 && in->pde_logits.dtype == RT_F32 && in->plddt_logits.dtype == RT_F32);
    RT_REQUIRE(in->contact_probs.dtype == RT_F32 && in->coordinate.dtype == RT_F32);
    RT_REQUIRE(in->asym_id.dtype == RT_I64 && in->has_frame.dtype == RT_I64 && in->atom_to_token_idx.dtype == RT_I64);
    RT_REQUIRE(n > 0 && n_atom > 0 && config->pae_bins > 0 && config->pde_bins > 0 && config->plddt_bins > 0);
}

static bool push_outputs(rt_summary *out, rt_arena *arena, int64_t n, int64_t n_atom, int64_t n_chain)
{
    bool ok = true;
    double **const vector[] = {&out->chain_gpde, &out->chain_ptm, &out->chain_iptm, &out->chain_plddt};
    double **const matrix[] = {&out->chain_pair_gpde, &out->chain_pair_iptm, &out->chain_pair_iptm_global,
                               &out->chain_pair_plddt};
    for (int i = 0; i < 4; i++) *vector[i] = push(arena, n_chain, sizeof(double), &ok);
    for (int i = 0; i < 4; i++) *matrix[i] = push(arena, n_chain * n_chain, sizeof(double), &ok);
    out->atom_plddt = RT_WRAP(push(arena, n_atom, sizeof(float), &ok), RT_F32, n_atom);
    out->token_pair_pae = RT_WRAP(push(arena, n * n, sizeof(float), &ok), RT_F32, n, n);
    out->token_pair_pde = RT_WRAP(push(arena, n * n, sizeof(float), &ok), RT_F32, n, n);
    return ok;
}

/* Counts tokens and atoms of each chain. */
static bool push_chains(view *v, rt_arena *arena)
{
    bool ok = true;
    v->chain_count = push(arena, v->n_chain, sizeof(int64_t), &ok);
    v->chain_atoms = push(arena, v->n_chain, sizeof(int64_t), &ok);
    v->chain_has_frame = push(arena, v->n_chain, sizeof(bool), &ok);
    v->row_all = push(arena, v->n, sizeof(double), &ok);
    v->row_other = push(arena, v->n, sizeof(double), &ok);
    v->row_chain = push(arena, v->n * v->n_chain, sizeof(double), &ok);
    if (!ok) return false;
    for (int64_t c = 0; c < v->n_chain; c++) {
        v->chain_count[c] = v->chain_atoms[c] = 0;
        v->chain_has_frame[c] = false;
    }
    for (int64_t i = 0; i < v->n; i++) {
        v->chain_count[v->asym[i]]++;
        if (v->has_frame[i]) v->chain_has_frame[v->asym[i]] = true;
    }
    for (int64_t a = 0; a < v->n_atom; a++) {
        RT_REQUIRE(v->atom_token[a] >= 0 && v->atom_token[a] < v->n);
        v->chain_atoms[v->asym[v->atom_token[a]]]++;
    }
    for (int64_t c = 0; c < v->n_chain; c++) RT_REQUIRE(v->chain_count[c] > 0 && v->chain_atoms[c] > 0);
    return true;
}

static bool run_passes(rt_summary *out, const view *v, rt_arena *arena, rt_pool *opt_pool, const rt_config *config,
                       const rt_rank_input *in)
{
    bool ok = true;
    int64_t bins = config->pae_bins;
    float *plddt_centre = push(arena, config->plddt_bins, sizeof(float), &ok);
    float *pde_centre = push(arena, config->pde_bins, sizeof(float), &ok);
    float *pae_centre = push(arena, bins, sizeof(float), &ok);
    float *weight_all = push(arena, bins, sizeof(float), &ok);
    int64_t workers = opt_pool ? rt_pool_threads(opt_pool) : 1;
    float *weight = push(arena, workers * v->n_chain * bins, sizeof(float), &ok);
    if (!ok) return false;
    bin_centres(plddt_centre, config->plddt_min, config->plddt_max, config->plddt_bins);
    bin_centres(pde_centre, config->pde_min, config->pde_max, config->pde_bins);
    bin_centres(pae_centre, config->pae_min, config->pae_max, bins);
    tm_weights(weight_all, pae_centre, bins, v->n);
    expect(out->atom_plddt.data, opt_pool, in->plddt_logits, plddt_centre, TILE_ATOMS);
    expect(out->token_pair_pde.data, opt_pool, in->pde_logits, pde_centre, v->n * TILE_ROWS);
    pae_job job = {.logit = in->pae_logits.data, .centre = pae_centre, .weight_all = weight_all, .asym = v->asym,
                   .chain_count = v->chain_count, .n = v->n, .bins = bins, .n_chain = v->n_chain,
                   .pae = out->token_pair_pae.data, .row_all = v->row_all, .row_other = v->row_other,
                   .row_chain = v->row_chain, .weight = weight};
    run_tiles(opt_pool, (v->n + TILE_ROWS - 1) / TILE_ROWS, pae_tile, &job);
    return true;
}

rt_status rt_rank_summary(rt_summary *out_summary, rt_arena *arena, rt_pool *opt_pool, const rt_config *config,
                          const rt_rank_input *input, rt_err *err)
{
    check_input(config, input);
    view v = {.n = input->asym_id.dim[0], .n_atom = input->coordinate.dim[0], .asym = input->asym_id.data,
              .has_frame = input->has_frame.data, .atom_token = input->atom_to_token_idx.data};
    for (int64_t i = 0; i < v.n; i++) {
        RT_REQUIRE(v.asym[i] >= 0 && v.asym[i] < v.n);
        if (v.asym[i] >= v.n_chain) v.n_chain = v.asym[i] + 1;
    }
    rt_summary out = {.n_chain = v.n_chain, .num_recycles = input->n_cycle};
    int64_t before = rt_arena_mark(arena);
    bool ok = push_outputs(&out, arena, v.n, v.n_atom, v.n_chain);
    int64_t mark = rt_arena_mark(arena);
    ok = ok && push_chains(&v, arena) && run_passes(&out, &v, arena, opt_pool, config, input);
    double *weight = push(arena, v.n_chain * v.n_chain, sizeof(double), &ok);
    point *points = push(arena, v.n_atom, sizeof(point), &ok);
    int64_t *count = push(arena, v.n_chain * v.n_chain, sizeof(int64_t), &ok);
    if (!ok) {
        rt_arena_reset(arena, before);
        return no_memory(arena, err);
    }
    set_plddt(&out, &v);
    set_gpde(&out, &v, input->contact_probs.data, weight);
    set_ptm(&out, &v);
    set_chain_iptm(&out, &v);
    out.has_clash = find_clash(&v, input->coordinate.data, config->af3_clash_threshold, points, count);
    out.ranking_score = 0.8 * out.iptm + 0.2 * out.ptm + 0.5 * out.disorder - (out.has_clash ? 100 : 0);
    rt_arena_reset(arena, mark);
    *out_summary = out;
    return RT_OK;
}

/* ---- results ------------------------------------------------------------------------------------------------- */

static json_t *number(double x) { return rt_json_number((float)x); }

static json_t *vector(const double *x, int64_t n)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(array, number(x[i]));
    return array;
}

static json_t *matrix(const double *x, int64_t n)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(array, vector(x + i * n, n));
    return array;
}

char *rt_summary_json(const rt_summary *summary, rt_err *err)
{
    const rt_summary *s = summary;
    int64_t n = s->n_chain;
    json_t *root = json_object();
    int bad = json_object_set_new(root, "plddt", number(s->plddt));
    bad |= json_object_set_new(root, "gpde", number(s->gpde));
    bad |= json_object_set_new(root, "ptm", number(s->ptm));
    bad |= json_object_set_new(root, "iptm", number(s->iptm));
    bad |= json_object_set_new(root, "chain_gpde", vector(s->chain_gpde, n));
    bad |= json_object_set_new(root, "chain_pair_gpde", matrix(s->chain_pair_gpde, n));
    bad |= json_object_set_new(root, "chain_ptm", vector(s->chain_ptm, n));
    bad |= json_object_set_new(root, "chain_iptm", vector(s->chain_iptm, n));
    bad |= json_object_set_new(root, "chain_pair_iptm", matrix(s->chain_pair_iptm, n));
    bad |= json_object_set_new(root, "chain_pair_iptm_global", matrix(s->chain_pair_iptm_global, n));
    bad |= json_object_set_new(root, "chain_plddt", vector(s->chain_plddt, n));
    bad |= json_object_set_new(root, "chain_pair_plddt", matrix(s->chain_pair_plddt, n));
    bad |= json_object_set_new(root, "has_clash", json_boolean(s->has_clash));
    bad |= json_object_set_new(root, "disorder", number(s->disorder));
    bad |= json_object_set_new(root, "ranking_score", number(s->ranking_score));
    bad |= json_object_set_new(root, "num_recycles", json_integer(s->num_recycles));
    char *text = bad ? NULL : json_dumps(root, JSON_INDENT(4) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    json_decref(root);
    if (!text) rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the summary's JSON");
    return text;
}

/* Insertion keeps equal scores in the order of their indices; samples are few. */
void rt_rank_order(int64_t *out_order, const rt_summary *summaries, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double score = summaries[i].ranking_score;
        int64_t at = i;
        for (; at > 0; at--) {
            double before = summaries[out_order[at - 1]].ranking_score;
            if (isnan(score) || before >= score) break;
            out_order[at] = out_order[at - 1];
        }
        out_order[at] = i;
    }
}
