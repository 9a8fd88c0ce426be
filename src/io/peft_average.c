/* peft_average.c - the mean of several adapters: see io/peft.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/peft.h"

/* ---- singular values ---------------------------------------------------------------------------------------------- */

enum { MOST_SWEEPS = 60 };

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void rotate(double *a, double *b, int64_t n, double c, double s)
{
    for (int64_t i = 0; i < n; i++) {
        double x = a[i];
        a[i] = c * x - s * b[i];
        b[i] = s * x + c * b[i];
    }
}

/* The k rows of x (k,n) become S U^T, orthogonal, and v (k,k) V^T, where the x given is V S U^T (one-sided Jacobi,
 * Golub and Van Loan 8.6.3).  Rows in any order. */
static void make_orthogonal(double *x, double *v, int64_t k, int64_t n)
{
    bool changed = true;
    memset(v, 0, (size_t)(k * k) * sizeof *v);
    for (int64_t i = 0; i < k; i++) v[i * k + i] = 1;
    for (int sweep = 0; changed && sweep < MOST_SWEEPS; sweep++) {
        changed = false;
        for (int64_t p = 0; p < k; p++)
            for (int64_t q = p + 1; q < k; q++) {
                double a = dot(x + p * n, x + p * n, n), b = dot(x + q * n, x + q * n, n), c = dot(x + p * n, x + q * n, n);
                if (fabs(c) <= 1e-14 * sqrt(a * b)) continue;
                double zeta = (b - a) / (2 * c), t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                double cosine = 1 / sqrt(1 + t * t);
                rotate(x + p * n, x + q * n, n, cosine, cosine * t);
                rotate(v + p * k, v + q * k, k, cosine, cosine * t);
                changed = true;
            }
    }
}

/* ---- one layer ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double *a, *b;     /* (k,in) and (k,out): the change is the sum over k of b[k]^T a[k] */
    int64_t k, in, out;
} stacked;

static rt_status stack(stacked *s, rt_peft *const *peft, int n, const char *module, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_peft_pair *first = rt_peft_find(peft[0], module);
    *s = (stacked){.in = first->a.dim[1], .out = first->b.dim[0]};
    for (int i = 0; i < n; i++) s->k += rt_peft_find(peft[i], module)->a.dim[0];
    RT_TRY_ALLOC(s->a, s->k * s->in);
    RT_TRY_ALLOC(s->b, s->k * s->out);
    int64_t row = 0;
    for (int i = 0; i < n; i++) {
        const rt_peft_pair *p = rt_peft_find(peft[i], module);
        int64_t rank = p->a.dim[0];
        for (int64_t r = 0; r < rank; r++, row++) {
            for (int64_t c = 0; c < s->in; c++) s->a[row * s->in + c] = rt_get(p->a, r * s->in + c);
            for (int64_t c = 0; c < s->out; c++) s->b[row * s->out + c] = p->scale / n * rt_get(p->b, c * rank + r);
        }
    }
done:
    return status;
}

typedef struct { double value; int64_t row; } singular;

static int by_value(const void *a, const void *b)
{
    const singular *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? 1 : -1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The best change of `rank` in place of s; what the squares of all and of the kept singular values sum up to. */
static rt_status truncate_rank(stacked *s, int64_t rank, double *out_all, double *out_kept, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t k = s->k, in = s->in, out = s->out;
    double *v = NULL, *m = NULL, *w = NULL, *a = NULL, *b = NULL;
    singular *order = NULL;
    RT_TRY_ALLOC(v, k * k);
    RT_TRY_ALLOC(w, k * k);
    RT_TRY_ALLOC(m, k * in);
    RT_TRY_ALLOC(a, rank * in);
    RT_TRY_ALLOC(b, rank * out);
    RT_TRY_ALLOC(order, k);
    make_orthogonal(s->b, v, k, out);             /* the given b is V^T times this one */
    for (int64_t i = 0; i < k; i++)               /* so the change is b^T m, m = v a, rows of b orthogonal */
        for (int64_t j = 0; j < k; j++)
            for (int64_t c = 0; c < in; c++) m[i * in + c] += v[i * k + j] * s->a[j * in + c];
    for (int64_t i = 0; i < k; i++) {             /* lengths of b's rows move to m */
        double length = sqrt(dot(s->b + i * out, s->b + i * out, out));
        for (int64_t c = 0; c < out; c++) s->b[i * out + c] = length > 0 ? s->b[i * out + c] / length : 0;
        for (int64_t c = 0; c < in; c++) m[i * in + c] *= length;
    }
    make_orthogonal(m, w, k, in);                 /* m = W^T m': the change is the sum over i of (w b)[i]^T m'[i] */
    for (int64_t i = 0; i < k; i++) order[i] = (singular){dot(m + i * in, m + i * in, in), i};
    qsort(order, (size_t)k, sizeof *order, by_value);
    for (int64_t i = 0; i < k; i++) {
        *out_all += order[i].value;
        if (i < rank) *out_kept += order[i].value;
    }
    for (int64_t i = 0; i < rank; i++) {
        int64_t row = order[i].row;
        double share = sqrt(sqrt(order[i].value));   /* both factors get the root of the singular value */
        for (int64_t c = 0; c < in; c++) a[i * in + c] = share > 0 ? m[row * in + c] / share : 0;
        for (int64_t j = 0; j < k; j++)
            for (int64_t c = 0; c < out; c++) b[i * out + c] += share * w[row * k + j] * s->b[j * out + c];
    }
    free(s->a);
    free(s->b);
    *s = (stacked){a, b, rank, in, out};
    a = b = NULL;
done:
    free(v);
    free(m);
    free(w);
    free(a);
    free(b);
    free(order);
    return status;
}

/* As the pair that is written: F32, the change whole in B, scale 1 over what `alpha` will say. */
static rt_status as_pair(rt_peft_pair *pair, const stacked *s, const char *module, rt_err *err)
{
    rt_status status = RT_OK;
    float *a = NULL, *b = NULL;
    RT_TRY_ALLOC(a, s->k * s->in);
    RT_TRY_ALLOC(b, s->out * s->k);
    for (int64_t i = 0; i < s->k * s->in; i++) a[i] = (float)s->a[i];
    for (int64_t o = 0; o < s->out; o++)
        for (int64_t i = 0; i < s->k; i++) b[o * s->k + i] = (float)(s->b[i * s->out + o]);
    *pair = (rt_peft_pair){module, RT_WRAP(a, RT_F32, s->k, s->in), RT_WRAP(b, RT_F32, s->out, s->k), 1};
    a = NULL;
done:
    free(a);
    return status;
}

/* ---- all layers --------------------------------------------------------------------------------------------------- */

static rt_status check_same(rt_peft *const *peft, int n, rt_err *err)
{
    for (int i = 1; i < n; i++) {
        if (rt_peft_count(peft[i]) != rt_peft_count(peft[0]) || rt_peft_weight_count(peft[i]) != rt_peft_weight_count(peft[0]))
            return rt_fail(err, RT_ERR_MISMATCH, rt_peft_path(peft[i]), 0,
                           "holds %lld adapters and %lld whole weights, %.200s %lld and %lld", (long long)rt_peft_count(peft[i]),
                           (long long)rt_peft_weight_count(peft[i]), rt_peft_path(peft[0]), (long long)rt_peft_count(peft[0]),
                           (long long)rt_peft_weight_count(peft[0]));
        for (int64_t k = 0; k < rt_peft_count(peft[0]); k++) {
            const rt_peft_pair *a = rt_peft_at(peft[0], k), *b = rt_peft_find(peft[i], a->module);
            if (!b || a->a.dim[1] != b->a.dim[1] || a->b.dim[0] != b->b.dim[0])
                return rt_fail(err, RT_ERR_MISMATCH, rt_peft_path(peft[i]), 0, "has no adapter of '%.200s' of the size in %.200s",
                               a->module, rt_peft_path(peft[0]));
        }
        for (int64_t k = 0; k < rt_peft_weight_count(peft[0]); k++) {
            const rt_weight *a = rt_peft_weight_at(peft[0], k), *b = rt_peft_find_weight(peft[i], a->name);
            if (!b || rt_count(a->tensor) != rt_count(b->tensor))
                return rt_fail(err, RT_ERR_MISMATCH, rt_peft_path(peft[i]), 0, "has no '%.200s' of the size in %.200s", a->name,
                               rt_peft_path(peft[0]));
        }
    }
    return RT_OK;
}

static rt_status mean_weight(rt_weight *out, rt_peft *const *peft, int n, const rt_weight *first, rt_err *err)
{
    int64_t count = rt_count(first->tensor);
    float *mean = rt_alloc(count, sizeof *mean, err);
    if (!mean) return RT_ERR_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < n; k++) sum += rt_get(rt_peft_find_weight(peft[k], first->name)->tensor, i);
        mean[i] = (float)(sum / n);
    }
    *out = (rt_weight){first->name, rt_wrap(mean, RT_F32, first->tensor.ndim, first->tensor.dim)};
    return RT_OK;
}

static rt_status mean_pair(rt_peft_pair *out, rt_peft *const *peft, int n, const char *module, int64_t rank,
                           double sums[2], rt_peft_average_report *report, rt_err *err)
{
    rt_status status = RT_OK;
    stacked s;
    double all = 0, kept = 0;
    RT_TRY(stack(&s, peft, n, module, err));
    if (rank > 0 && rank < s.k) {
        RT_TRY(truncate_rank(&s, rank, &all, &kept, err));
        if (all > 0 && kept / all < report->least_kept) report->least_kept = kept / all;
        sums[0] += all, sums[1] += kept;
    }
    if (s.k > report->rank) report->rank = s.k;
    RT_TRY(as_pair(out, &s, module, err));
done:
    free(s.a);
    free(s.b);
    return status;
}

/* One alpha serves every rank: B takes the rest, so that alpha / r B A is the change. */
static void share_alpha(rt_peft_pair *pair, int64_t n, double alpha)
{
    for (int64_t i = 0; i < n; i++) {
        pair[i].scale = alpha / (double)pair[i].a.dim[0];
        for (int64_t k = 0; k < rt_count(pair[i].b); k++) rt_set(pair[i].b, k, rt_get(pair[i].b, k) / pair[i].scale);
    }
}

rt_status rt_peft_average(const char *folder, rt_peft *const *peft, int n, int64_t rank, rt_peft_average_report *out_report,
                          rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n_pair = 0, n_weight = 0;
    rt_peft_pair *pair = NULL;
    rt_weight *weight = NULL;
    double sums[2] = {0};
    *out_report = (rt_peft_average_report){.n_layer = rt_peft_count(peft[0]), .n_weight = rt_peft_weight_count(peft[0]),
                                           .kept = 1, .least_kept = 1};
    RT_TRY(check_same(peft, n, err));
    RT_TRY_ALLOC(pair, out_report->n_layer);
    RT_TRY_ALLOC(weight, out_report->n_weight);
    for (; n_pair < out_report->n_layer; n_pair++)
        RT_TRY(mean_pair(&pair[n_pair], peft, n, rt_peft_at(peft[0], n_pair)->module, rank, sums, out_report, err));
    for (; n_weight < out_report->n_weight; n_weight++)
        RT_TRY(mean_weight(&weight[n_weight], peft, n, rt_peft_weight_at(peft[0], n_weight), err));
    if (sums[0] > 0) out_report->kept = sums[1] / sums[0];
    rt_peft_about about = {.alpha = n_pair ? (double)pair[0].a.dim[0] : 1, .step = -1,
                           .modules = rt_peft_modules(peft[0])};
    share_alpha(pair, n_pair, about.alpha);
    RT_TRY(rt_peft_write(folder, pair, n_pair, weight, n_weight, &about, err));
done:
    for (int64_t i = 0; i < n_pair; i++) free(pair[i].a.data), free(pair[i].b.data);
    for (int64_t i = 0; i < n_weight; i++) free(weight[i].tensor.data);
    free(pair);
    free(weight);
    return status;
}
