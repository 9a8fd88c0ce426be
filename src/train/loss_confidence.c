#include "train/loss_confidence.h"

#include <math.h>
#include <string.h>

#include "feat/feature_tensor.h"
#include "train/cross_entropy.h"

enum { PLDDT_BINS = 50, ERROR_BINS = 64, TILE = 16 };
static const double radius = 30.0, bin_width = 0.5;   /* Angstrom */

const rt_resolution_rule rt_resolution_default = {.least = 0.1, .most = 4.0, .unknown = 1.0};

double rt_loss_confidence_weight(const rt_resolution_rule *rule, double resolution)
{
    if (!(resolution >= 0)) return rule->unknown;
    return resolution >= rule->least && resolution <= rule->most ? 1.0 : 0.0;
}

double rt_loss_confidence_total(const rt_confidence_terms *loss, const rt_confidence_terms *weight)
{
    return weight->plddt * loss->plddt + weight->pae * loss->pae + weight->pde * loss->pde +
           weight->resolved * loss->resolved;
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */
typedef struct {
    const rt_features *features;
    const rt_label *label;
    rt_tensor x;
    rt_confidence_label *out;
    float edge[PLDDT_BINS + 1];
} label_job;

/* The edges as torch.linspace(0, 1, 51) rounds them in float32: an lDDT of k/(4n) often lies exactly on one. */
static void plddt_edges(float edge[PLDDT_BINS + 1])
{
    const float step = 1.0f / PLDDT_BINS;
    for (int i = 0; i <= PLDDT_BINS; i++)
        edge[i] = i < (PLDDT_BINS + 1) / 2 ? step * (float)i : 1.0f - step * (float)(PLDDT_BINS - i);
}

static void point(double out[3], rt_tensor t, int64_t atom)
{
    for (int d = 0; d < 3; d++) out[d] = rt_get(t, 3 * atom + d);
}

static double distance(const double a[3], const double b[3])
{
    double sum = 0;
    for (int d = 0; d < 3; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sqrt(sum);
}

static double pair_distance(rt_tensor t, int64_t a, int64_t b)
{
    double p[3], q[3];
    point(p, t, a);
    point(q, t, b);
    return distance(p, q);
}

static bool seen(const rt_label *label, int64_t atom) { return ((const uint8_t *)label->coordinate_mask.data)[atom]; }

static void atom_lddt(const label_job *j, int64_t a)
{
    const int64_t *centre = j->features->centre_atom.data;
    rt_tensor y = j->label->coordinate;
    float within = 0, count = 0;
    uint8_t *bin = (uint8_t *)j->out->plddt.data + a;
    float *lddt = (float *)j->out->lddt.data + a;
    *bin = RT_CROSS_ENTROPY_SKIP;
    *lddt = 0;
    if (!seen(j->label, a)) return;
    for (int64_t n = 0; n < j->features->n_token; n++) {
        int64_t c = centre[n];
        if (c == a || !seen(j->label, c)) continue;
        double truth = pair_distance(y, a, c);
        if (!(truth < radius)) continue;
        double delta = fabs(pair_distance(j->x, a, c) - truth);
        within += 0.25f * (float)((delta < 0.5) + (delta < 1) + (delta < 2) + (delta < 4));
        count += 1;
    }
    *lddt = within / (count + 1e-6f);
    int n_below = 0;
    for (int i = 0; i <= PLDDT_BINS; i++) n_below += *lddt > j->edge[i];
    *bin = (uint8_t)((n_below < 1 ? 1 : n_below > PLDDT_BINS ? PLDDT_BINS : n_below) - 1);
}

/* Class of an error in Angstrom: how many of the 65 edges 0, 0.5, ... 32 lie below it, at least 1, at most 64; from
 * 0. */
static uint8_t error_bin(double error)
{
    double steps = ceil(error / bin_width) - 1;
    return (uint8_t)(steps < 0 ? 0 : steps > ERROR_BINS - 1 ? ERROR_BINS - 1 : steps);
}

static void normalise(double v[3])
{
    double length = fmax(sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]), 1e-8);
    for (int d = 0; d < 3; d++) v[d] /= length;
}

/* AF3 SI Algorithm 29: axes (rows of e) and origin b of the frame of atoms a, b, c. */
static void frame(double e[3][3], double b[3], rt_tensor t, const int64_t atom[3])
{
    double a[3], c[3];
    point(a, t, atom[0]);
    point(b, t, atom[1]);
    point(c, t, atom[2]);
    for (int d = 0; d < 3; d++) a[d] -= b[d], c[d] -= b[d];
    normalise(a);
    normalise(c);
    for (int d = 0; d < 3; d++) e[0][d] = a[d] + c[d], e[1][d] = c[d] - a[d];
    normalise(e[0]);
    normalise(e[1]);
    for (int d = 0; d < 3; d++) e[2][d] = e[0][(d + 1) % 3] * e[1][(d + 2) % 3] - e[0][(d + 2) % 3] * e[1][(d + 1) % 3];
}

static void in_frame(double out[3], const double e[3][3], const double origin[3], rt_tensor t, int64_t atom)
{
    double p[3];
    point(p, t, atom);
    for (int i = 0; i < 3; i++) {
        out[i] = 0;
        for (int d = 0; d < 3; d++) out[i] += e[i][d] * (p[d] - origin[d]);
    }
}

/* Frame i in prediction and label. */
typedef struct {
    double ex[3][3], ey[3][3], ox[3], oy[3];
} frame_pair;

static frame_pair frames_of(const label_job *j, int64_t i)
{
    const int64_t *atom = (const int64_t *)j->features->frame_atom_index.data + 3 * i;
    frame_pair f;
    frame(f.ex, f.ox, j->x, atom);
    frame(f.ey, f.oy, j->label->coordinate, atom);
    return f;
}

static double frame_error(const label_job *j, const frame_pair *f, int64_t centre)
{
    double p[3], q[3];
    in_frame(p, f->ex, f->ox, j->x, centre);
    in_frame(q, f->ey, f->oy, j->label->coordinate, centre);
    return distance(p, q);
}

static void row_pae(const label_job *j, int64_t i)
{
    const rt_features *f = j->features;
    const int64_t *centre = f->centre_atom.data, *atom = (const int64_t *)f->frame_atom_index.data + 3 * i;
    uint8_t *bin = (uint8_t *)j->out->pae.data + i * f->n_token;
    memset(bin, RT_CROSS_ENTROPY_SKIP, (size_t)f->n_token);
    if (!((const int64_t *)f->has_frame.data)[i]) return;
    for (int k = 0; k < 3; k++)
        if (!seen(j->label, atom[k])) return;
    frame_pair pair = frames_of(j, i);
    for (int64_t n = 0; n < f->n_token; n++)
        if (seen(j->label, centre[n])) bin[n] = error_bin(frame_error(j, &pair, centre[n]));
}

void rt_loss_confidence_frame_errors(rt_tensor out, const rt_features *features, const rt_label *label, rt_tensor x)
{
    const int64_t *centre = features->centre_atom.data, n = features->n_token;
    label_job j = {.features = features, .label = label, .x = x};
    RT_SHAPE(out, n, n);
    for (int64_t i = 0; i < n; i++) {
        bool framed = ((const int64_t *)features->has_frame.data)[i];
        frame_pair pair = framed ? frames_of(&j, i) : (frame_pair){0};
        for (int64_t k = 0; k < n; k++) ((double *)out.data)[i * n + k] = framed ? pow(frame_error(&j, &pair, centre[k]), 2) : 0;
    }
}

static void row_pde(const label_job *j, int64_t i)
{
    const rt_features *f = j->features;
    const int64_t *rep = f->distogram_rep_atom.data;
    uint8_t *bin = (uint8_t *)j->out->pde.data + i * f->n_token;
    memset(bin, RT_CROSS_ENTROPY_SKIP, (size_t)f->n_token);
    for (int64_t n = 0; n < f->n_token && seen(j->label, rep[i]); n++)
        if (seen(j->label, rep[n]))
            bin[n] = error_bin(fabs(pair_distance(j->x, rep[i], rep[n]) -
                                    pair_distance(j->label->coordinate, rep[i], rep[n])));
}

static void run_atoms(void *argument, int64_t tile, int worker)
{
    const label_job *j = argument;
    (void)worker;
    for (int64_t a = tile * TILE; a < (tile + 1) * TILE && a < j->label->n_atom; a++) atom_lddt(j, a);
}

static void run_tokens(void *argument, int64_t token, int worker)
{
    (void)worker;
    row_pae(argument, token);
    row_pde(argument, token);
}

static int64_t count_used(rt_tensor bin)
{
    int64_t n = 0;
    for (int64_t i = 0; i < rt_count(bin); i++) n += ((const uint8_t *)bin.data)[i] != RT_CROSS_ENTROPY_SKIP;
    return n;
}

rt_status rt_loss_confidence_label(rt_confidence_label *out, rt_arena *arena, rt_pool *pool,
                                   const rt_features *features, const rt_label *label, rt_tensor x, rt_err *err)
{
    rt_status status = RT_OK;
    const int64_t n = features->n_token, n_atom = features->n_atom;
    RT_SHAPE(x, n_atom, 3);
    RT_SHAPE(label->coordinate, n_atom, 3);
    RT_FEATURE_PUSH(&out->plddt, RT_U8, n_atom);
    RT_FEATURE_PUSH(&out->resolved, RT_U8, n_atom);
    RT_FEATURE_PUSH(&out->lddt, RT_F32, n_atom);
    RT_FEATURE_PUSH(&out->pae, RT_U8, n, n);
    RT_FEATURE_PUSH(&out->pde, RT_U8, n, n);
    memcpy(out->resolved.data, label->coordinate_mask.data, (size_t)n_atom);
    label_job j = {.features = features, .label = label, .x = x, .out = out};
    plddt_edges(j.edge);
    rt_pool_run(pool, (n_atom + TILE - 1) / TILE, run_atoms, &j);
    rt_pool_run(pool, n, run_tokens, &j);
    out->n_plddt = count_used(out->plddt);
    out->n_pae = count_used(out->pae);
    out->n_pde = count_used(out->pde);
done:
    return status;
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */
static double term(rt_ctx *ctx, rt_tensor d_logits, rt_tensor logits, rt_tensor bin, double weight, double count)
{
    if (!(count > 0)) return 0;
    if (weight == 0) d_logits.data = NULL;
    return rt_cross_entropy_rows(ctx, d_logits, logits, bin, weight / count) / count;
}

void rt_loss_confidence(rt_ctx *ctx, rt_confidence_terms *out_loss, const rt_confidence_logits *opt_d_logits,
                        const rt_confidence_logits *logits, const rt_confidence_label *label,
                        const rt_confidence_terms *weight)
{
    rt_confidence_logits d = opt_d_logits ? *opt_d_logits : (rt_confidence_logits){0};
    double pae = label->n_pae ? (double)label->n_pae + 1e-6 : 0, pde = label->n_pde ? (double)label->n_pde + 1e-6 : 0;
    out_loss->plddt = term(ctx, d.plddt, logits->plddt, label->plddt, weight->plddt, (double)label->n_plddt);
    out_loss->resolved =
        term(ctx, d.resolved, logits->resolved, label->resolved, weight->resolved, (double)rt_count(label->resolved));
    out_loss->pae = term(ctx, d.pae, logits->pae, label->pae, weight->pae, pae);
    out_loss->pde = term(ctx, d.pde, logits->pde, label->pde, weight->pde, pde);
}
