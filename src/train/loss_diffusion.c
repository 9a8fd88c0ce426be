#include "train/loss_diffusion.h"

#include <math.h>
#include <string.h>

#include "op/cpu_math.h"
#include "op/cuda_loss.h"
#include "score/superpose.h"

enum { TILE = 8 };
static const double radius = 30.0;       /* Angstrom: every atom is a nucleotide's */
static const double atom_weight = 6.0;   /* 1 + 5 for RNA */
static const double sigma_data = 16.0;   /* Angstrom */

double rt_loss_diffusion_scale(double sigma)
{
    return (sigma * sigma + sigma_data * sigma_data) / (sigma_data * sigma_data * sigma * sigma);
}

double rt_loss_diffusion_total(const rt_diffusion_terms *loss, const rt_diffusion_terms *weight)
{
    return weight->mse * loss->mse + weight->smooth_lddt * loss->smooth_lddt + weight->bond * loss->bond;
}

typedef struct {
    rt_tensor d_x, sigma, bonds;
    int64_t n_copy, n_atom, n_resolved, n_bond, n_pair;
    double *x;                           /* (B,A,3) */
    double *y;                           /* (R,3): the resolved atoms of the label */
    int64_t *atom;                       /* (R): which atoms these are */
    const uint8_t *mask;
    const rt_diffusion_terms *weight;    /* each divided by B */
    double *sum;                         /* per task: (tasks) or (tiles, B) */
    double *place, *truth;               /* per worker: (3,R) and (TILE,R), for a tile's neighbours */
    int32_t *near;                       /* per worker: (TILE,R) */
} job;

static double scale_of(const job *j, int64_t copy)
{
    return j->sigma.data ? rt_loss_diffusion_scale(rt_get(j->sigma, copy)) : 1.0;
}

static void push(const job *j, int64_t copy, int64_t atom, const double force[3])
{
    int64_t at = 3 * (copy * j->n_atom + atom);
    for (int d = 0; d < 3; d++)
        if (j->d_x.dtype == RT_F64) ((double *)j->d_x.data)[at + d] += force[d];
        else ((float *)j->d_x.data)[at + d] += (float)force[d];
}

/* ---- mean squared error and bonds: one task per structure -------------------------------------------------------- */
/* The motion that lays the label on the structure. */
static void align(rt_rigid *out, const job *j, const double *x)
{
    const double *y0 = j->y, *x0 = x + 3 * j->atom[0];
    rt_superpose_sums sums = {.n = (double)j->n_resolved};
    for (int64_t r = 0; r < j->n_resolved; r++)
        for (int p = 0; p < 3; p++) {
            double from = j->y[3 * r + p] - y0[p];
            sums.x[p] += from;
            sums.y[p] += x[3 * j->atom[r] + p] - x0[p];
            for (int q = 0; q < 3; q++) sums.xy[p][q] += from * (x[3 * j->atom[r] + q] - x0[q]);
        }
    rt_superpose_from_sums(out, &sums);
    for (int p = 0; p < 3; p++) {
        out->t[p] += x0[p];
        for (int q = 0; q < 3; q++) out->t[p] -= out->u[p][q] * y0[q];
    }
}

static void run_mse(void *argument, int64_t copy, int worker)
{
    const job *j = argument;
    const double *x = j->x + 3 * copy * j->n_atom;
    double factor = atom_weight / 3 * scale_of(j, copy) / ((double)j->n_resolved + 1e-6), sum = 0;
    rt_rigid rigid;
    (void)worker;
    align(&rigid, j, x);
    for (int64_t r = 0; r < j->n_resolved; r++) {
        double target[3], force[3];
        rt_superpose_apply(target, &rigid, j->y + 3 * r);
        for (int d = 0; d < 3; d++) {
            double delta = x[3 * j->atom[r] + d] - target[d];
            sum += delta * delta;
            force[d] = 2 * factor * j->weight->mse * delta;   /* the best motion's own change adds nothing here */
        }
        if (j->d_x.data && j->weight->mse != 0) push(j, copy, j->atom[r], force);
    }
    j->sum[copy] = sum * factor;
}

/* Length of a - b; *out_unit its direction, 0 for a length of 0. */
static double span(double out_unit[3], const double *a, const double *b)
{
    double square = 0;
    for (int d = 0; d < 3; d++) out_unit[d] = a[d] - b[d], square += out_unit[d] * out_unit[d];
    double length = sqrt(square);
    for (int d = 0; d < 3; d++) out_unit[d] = length > 0 ? out_unit[d] / length : 0;
    return length;
}

static void run_bonds(void *argument, int64_t copy, int worker)
{
    const job *j = argument;
    const double *x = j->x + 3 * copy * j->n_atom;
    const int64_t *bond = j->bonds.data;
    double factor = scale_of(j, copy) / (double)j->n_bond, sum = 0;
    (void)worker;
    for (int64_t b = 0; b < j->bonds.dim[0]; b++) {
        int64_t l = bond[2 * b], m = bond[2 * b + 1];
        if (!j->mask[l] || !j->mask[m]) continue;
        double unit[3], nothing[3], pull[3], back[3];
        double truth = span(nothing, j->y + 3 * j->atom[j->n_resolved + l], j->y + 3 * j->atom[j->n_resolved + m]);
        double delta = span(unit, x + 3 * l, x + 3 * m) - truth;
        sum += delta * delta;
        if (!j->d_x.data || j->weight->bond == 0) continue;
        for (int d = 0; d < 3; d++) pull[d] = 2 * factor * j->weight->bond * delta * unit[d], back[d] = -pull[d];
        push(j, copy, l, pull);
        push(j, copy, m, back);
    }
    j->sum[copy] = sum * factor;
}

/* ---- smooth lDDT: one task per tile of atoms, each writing its own atoms' gradient ------------------------------- */
/* exp for vector code, relative error below 1e-15 on -709 .. 709 (clamped).  Written out: the compiler's vectoriser
 * leaves an inner loop over the coefficients alone. */
static inline __attribute__((always_inline)) double vector_exp(double x)
{
    double clamped = x < -709 ? -709 : x > 709 ? 709 : x;
    double shifted = clamped * 0x1.71547652b82fep+0 + 0x1.8p52;      /* round(x / ln 2) in the low bits */
    double n = shifted - 0x1.8p52;
    double r = clamped - n * 0x1.62e42fefa39efp-1 - n * 0x1.abc9e3b39803fp-56;
    double p = 1.0 / 6227020800;                                     /* Taylor: |r| <= 0.35 */
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 52) + 0x3ff0000000000000ull;
    double power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* One atom at `at` against `count` neighbours (x, y, z, true distance): returns the sum of their mean sigmoids;
 * force is the derivative of that sum with respect to the atom's place.
 * sigmoid(t - delta) = u / (1 + u) with u = exp(t) exp(-delta); one division serves all four t. */
RT_CLONES static double neighbours(double force[3], const double at[3], const double *x, const double *y,
                                   const double *z, const double *truth, int64_t count)
{
    double sum = 0, fx = 0, fy = 0, fz = 0;
    const double grow_a = 0x1.a61298e1e069cp+0, grow_b = 0x1.5bf0a8b145769p+1;   /* exp(0.5), exp(1) */
    const double grow_c = 0x1.d8e64b8d4ddaep+2, grow_d = 0x1.b4c902e273a58p+5;   /* exp(2), exp(4) */
#pragma omp simd reduction(+ : sum, fx, fy, fz)
    for (int64_t m = 0; m < count; m++) {
        double dx = at[0] - x[m], dy = at[1] - y[m], dz = at[2] - z[m];
        double length = sqrt(dx * dx + dy * dy + dz * dz), signed_delta = length - truth[m];
        double shrink = vector_exp(-fabs(signed_delta));
        double a = 1 + grow_a * shrink, b = 1 + grow_b * shrink, c = 1 + grow_c * shrink, d = 1 + grow_d * shrink;
        double ab = a * b, cd = c * d, inverse = 1 / (ab * cd);
        double va = inverse * b * cd, vb = inverse * a * cd, vc = inverse * ab * d,
               vd = inverse * ab * c; /* 1 - sigmoid */
        sum += 1 - 0.25 * (va + vb + vc + vd);
        double slope = 0.25 * (va * va - va + vb * vb - vb + vc * vc - vc + vd * vd - vd);
        slope = signed_delta > 0 ? slope : signed_delta < 0 ? -slope : 0;
        double pull = slope / (length > 0 ? length : 1);   /* where length is 0 the differences are too */
        fx += pull * dx;
        fy += pull * dy;
        fz += pull * dz;
    }
    force[0] = fx, force[1] = fy, force[2] = fz;
    return sum;
}

/* Squares of the distances from the r-th resolved atom to all. */
RT_CLONES static void true_squares(double *out, const double *y, int64_t r, int64_t count)
{
    double at[3] = {y[3 * r], y[3 * r + 1], y[3 * r + 2]};
    for (int64_t s = 0; s < count; s++) {
        double dx = at[0] - y[3 * s], dy = at[1] - y[3 * s + 1], dz = at[2] - y[3 * s + 2];
        out[s] = dx * dx + dy * dy + dz * dz;
    }
}

/* Resolved atoms within the radius of the r-th one, which is left out; returns how many. truth: of all atoms' length. */
static int64_t list_near(const job *j, int64_t r, int32_t *near, double *truth)
{
    int64_t count = 0;
    true_squares(truth, j->y, r, j->n_resolved);
    for (int64_t s = 0; s < j->n_resolved; s++) {
        if (s == r || !(truth[s] < radius * radius)) continue;
        truth[count] = sqrt(truth[s]);
        near[count++] = (int32_t)s;
    }
    return count;
}

/* Neighbours are listed once for all structures, and a structure serves all atoms of the tile while it is in the
 * cache. */
static void run_pairs(void *argument, int64_t tile, int worker)
{
    const job *j = argument;
    const int64_t most = j->n_resolved, first = tile * TILE, rows = most - first < TILE ? most - first : TILE;
    double *place = j->place + 3 * worker * most, *truth = j->truth + TILE * worker * most;
    int32_t *near = j->near + TILE * worker * most;
    int64_t count[TILE];
    double factor = -2 * j->weight->smooth_lddt / (double)j->n_pair;   /* a pair counts from both ends */
    for (int64_t k = 0; k < rows; k++) count[k] = list_near(j, first + k, near + k * most, truth + k * most);
    for (int64_t copy = 0; copy < j->n_copy; copy++) {
        const double *x = j->x + 3 * copy * j->n_atom;
        double sum = 0, force[3];
        for (int64_t k = 0; k < rows; k++) {
            int64_t atom = j->atom[first + k];
            for (int64_t m = 0; m < count[k]; m++)
                for (int d = 0; d < 3; d++) place[d * most + m] = x[3 * j->atom[near[k * most + m]] + d];
            sum += neighbours(force, x + 3 * atom, place, place + most, place + 2 * most, truth + k * most, count[k]);
            for (int d = 0; d < 3; d++) force[d] *= factor;
            if (j->d_x.data && j->weight->smooth_lddt != 0) push(j, copy, atom, force);
        }
        j->sum[tile * j->n_copy + copy] = sum;
    }
}

static void count_pairs(void *argument, int64_t tile, int worker)
{
    const job *j = argument;
    double *square = j->truth + TILE * worker * j->n_resolved;
    int64_t count = 0;
    for (int64_t r = tile * TILE; r < (tile + 1) * TILE && r < j->n_resolved; r++) {
        true_squares(square, j->y, r, j->n_resolved);
        for (int64_t s = 0; s < j->n_resolved; s++) count += s != r && square[s] < radius * radius;
    }
    j->sum[tile] = (double)count;
}

/* ---- together ---------------------------------------------------------------------------------------------------- */
static double add_up(const double *sum, int64_t count)
{
    double total = 0;
    for (int64_t i = 0; i < count; i++) total += sum[i];
    return total;
}

static void list_resolved(job *j, const rt_label *label)
{
    const float *y = label->coordinate.data;
    int64_t *place = j->atom + j->n_resolved, r = 0;   /* of each atom among the resolved ones */
    for (int64_t a = 0; a < j->n_atom; a++) {
        place[a] = r;
        if (!j->mask[a]) continue;
        j->atom[r] = a;
        for (int d = 0; d < 3; d++) j->y[3 * r + d] = y[3 * a + d];
        r++;
    }
    RT_REQUIRE(r == j->n_resolved);
}

static int64_t count_bonds(const job *j)
{
    const int64_t *bond = j->bonds.data;
    int64_t count = 0;
    for (int64_t b = 0; bond && b < j->bonds.dim[0]; b++) count += j->mask[bond[2 * b]] && j->mask[bond[2 * b + 1]];
    return count;
}

/* The resolved atoms of the label, and room for the structures; false: no memory. */
static bool set_up(job *j, rt_ctx *ctx, rt_tensor x, const rt_label *label)
{
    j->n_copy = x.dim[0], j->n_atom = label->n_atom, j->n_resolved = label->n_resolved;
    j->mask = label->coordinate_mask.data;
    RT_SHAPE(x, j->n_copy, j->n_atom, 3);
    j->x = RT_NEW_HOST(ctx, RT_F64, j->n_copy, j->n_atom, 3).data;
    j->y = RT_NEW_HOST(ctx, RT_F64, j->n_resolved, 3).data;
    j->atom = RT_NEW_HOST(ctx, RT_I64, j->n_resolved + j->n_atom).data;
    if (ctx->status != RT_OK) return false;
    list_resolved(j, label);
    return true;
}

/* The structures in double: what is queued on a device is done after this. */
static bool fetch(job *j, rt_ctx *ctx, rt_tensor x)
{
    rt_ctx_sync(ctx);
    if (ctx->status != RT_OK) return false;
    rt_convert(j->x, RT_F64, x.data, x.dtype, rt_count(x));
    return true;
}

void rt_loss_diffusion_targets(rt_ctx *ctx, rt_diffusion_targets *out, rt_tensor x, const rt_label *label)
{
    job j = {0};
    out->aligned = RT_NEW_HOST(ctx, RT_F64, x.dim[0], label->n_atom, 3);
    out->weight = RT_NEW_HOST(ctx, RT_F64, label->n_atom);
    out->neighbours = RT_NEW_HOST(ctx, RT_I64, label->n_atom);
    rt_tensor near = RT_NEW_HOST(ctx, RT_I32, label->n_resolved), truth = RT_NEW_HOST(ctx, RT_F64, label->n_resolved);
    if (!set_up(&j, ctx, x, label) || !fetch(&j, ctx, x)) return;
    memset(out->aligned.data, 0, (size_t)rt_bytes(out->aligned));
    memset(out->weight.data, 0, (size_t)rt_bytes(out->weight));
    memset(out->neighbours.data, 0, (size_t)rt_bytes(out->neighbours));
    for (int64_t copy = 0; copy < j.n_copy; copy++) {
        rt_rigid rigid;
        align(&rigid, &j, j.x + 3 * copy * j.n_atom);
        for (int64_t r = 0; r < j.n_resolved; r++)
            rt_superpose_apply((double *)out->aligned.data + 3 * (copy * j.n_atom + j.atom[r]), &rigid, j.y + 3 * r);
    }
    for (int64_t r = 0; r < j.n_resolved; r++) {
        ((double *)out->weight.data)[j.atom[r]] = atom_weight;
        ((int64_t *)out->neighbours.data)[j.atom[r]] = list_near(&j, r, near.data, truth.data);
    }
}

/* Smooth lDDT where the structures are: a number for every RT_CUDA_LDDT_ATOMS atoms comes back. */
typedef struct {
    int64_t parts;
    rt_tensor atom, part, count, force;
} device_pairs;

static device_pairs queue_smooth_lddt(rt_ctx *ctx, const job *j, rt_tensor x)
{
    int64_t n = j->n_resolved, parts = (n + RT_CUDA_LDDT_ATOMS - 1) / RT_CUDA_LDDT_ATOMS;
    rt_tensor y = rt_upload(ctx, RT_WRAP(j->y, RT_F64, n, 3));
    device_pairs p = {parts, rt_upload(ctx, RT_WRAP(j->atom, RT_I64, n)), RT_NEW_TYPE(ctx, RT_F64, j->n_copy * parts),
                      RT_NEW_TYPE(ctx, RT_I64, parts), RT_NEW_TYPE(ctx, RT_F32, j->n_copy, n, 3)};
    rt_cuda_smooth_lddt(ctx, p.part.data, p.count.data, p.force.data, x.data, y.data, p.atom.data, j->n_copy, j->n_atom, n,
                        radius);
    return p;
}

static double take_smooth_lddt(rt_ctx *ctx, const job *j, const device_pairs *p)
{
    int64_t pairs = 0;
    if (ctx->measuring) return 0;
    for (int64_t i = 0; i < p->parts; i++) pairs += ((const int64_t *)p->count.data)[i];
    if (pairs == 0) return 0;
    double sum = add_up(p->part.data, j->n_copy * p->parts);
    if (j->d_x.data && j->weight->smooth_lddt != 0)   /* a pair counts from both ends */
        rt_cuda_add_forces(ctx, j->d_x.data, p->force.data, p->atom.data, j->n_copy, j->n_atom, j->n_resolved,
                           -2 * j->weight->smooth_lddt / (double)pairs);
    return 1 - sum / (double)pairs / (double)j->n_copy;
}

void rt_loss_diffusion(rt_ctx *ctx, rt_diffusion_terms *out_loss, rt_tensor opt_d_x, rt_tensor x, rt_tensor opt_sigma,
                       const rt_label *label, rt_tensor opt_bonds, const rt_diffusion_terms *weight)
{
    const int64_t n_copy = x.dim[0], n_resolved = label->n_resolved;
    const int64_t n_tile = (n_resolved + TILE - 1) / TILE, mark = rt_arena_mark(ctx->step);
    *out_loss = (rt_diffusion_terms){0};
    if (n_resolved == 0 || ctx->status != RT_OK) return;
    rt_diffusion_terms share = {weight->mse / (double)n_copy, weight->smooth_lddt / (double)n_copy,
                                weight->bond / (double)n_copy};
    job j = {.d_x = opt_d_x, .sigma = opt_sigma, .bonds = opt_bonds, .weight = &share};
    if (!set_up(&j, ctx, x, label)) return;
    device_pairs pairs = {0};
    if (ctx->on_device) pairs = queue_smooth_lddt(ctx, &j, x);   /* first, so that the host waits once */
    if (!fetch(&j, ctx, x)) return;
    j.sum = RT_NEW_HOST(ctx, RT_F64, n_copy * (n_tile + 1)).data;
    int threads = rt_pool_threads(ctx->pool);
    j.place = RT_NEW_HOST(ctx, RT_F64, threads, 3, n_resolved).data;
    j.truth = RT_NEW_HOST(ctx, RT_F64, threads, TILE, n_resolved).data;
    j.near = RT_NEW_HOST(ctx, RT_I32, threads, TILE, n_resolved).data;
    if (ctx->status != RT_OK) return;
    rt_pool_run(ctx->pool, n_copy, run_mse, &j);
    out_loss->mse = add_up(j.sum, n_copy) / (double)n_copy;
    j.n_bond = count_bonds(&j);
    if (j.n_bond) {
        rt_pool_run(ctx->pool, n_copy, run_bonds, &j);
        out_loss->bond = add_up(j.sum, n_copy) / (double)n_copy;
    }
    if (ctx->on_device) {
        out_loss->smooth_lddt = take_smooth_lddt(ctx, &j, &pairs);
        rt_arena_reset(ctx->step, mark);
        return;
    }
    rt_pool_run(ctx->pool, n_tile, count_pairs, &j);
    j.n_pair = (int64_t)add_up(j.sum, n_tile);
    if (j.n_pair) {
        rt_pool_run(ctx->pool, n_tile, run_pairs, &j);
        out_loss->smooth_lddt = 1 - add_up(j.sum, n_tile * n_copy) / (double)j.n_pair / (double)n_copy;
    }
    rt_arena_reset(ctx->step, mark);
}
