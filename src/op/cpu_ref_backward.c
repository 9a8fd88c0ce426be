/* cpu_ref_backward.c - the plain reference of every backward op, compiled for float and for double */
#include <string.h>

#include "op/cpu_ref.h"

/* A value as a product with w takes it in. */
static double rounded(rt_tensor w, real value)
{
    return w.dtype == RT_BF16 ? (double)rt_bf16_to_f32(rt_f32_to_bf16((float)value)) : (double)value;
}

OP(linear_backward)(rt_ctx *ctx, rt_tensor opt_dx, bool add, rt_tensor opt_dw, rt_tensor opt_db, rt_tensor dy, rt_tensor opt_x,
                    rt_tensor w)
{
    (void)ctx;
    int64_t out = w.dim[0], in = w.dim[1], rows = rt_count(dy) / out;
    for (int64_t m = 0; opt_dx.data && m < rows; m++)
        for (int64_t i = 0; i < in; i++) {
            double sum = 0;
            for (int64_t o = 0; o < out; o++) sum += rounded(w, R(dy)[m * out + o]) * weight_at(w, o * in + i);
            R(opt_dx)[m * in + i] = (real)(add ? (double)R(opt_dx)[m * in + i] + sum : sum);
        }
    for (int64_t o = 0; o < out; o++) {
        double column = 0;
        for (int64_t m = 0; opt_db.data && m < rows; m++) column += (double)R(dy)[m * out + o];
        if (opt_db.data) R(opt_db)[o] += (real)column;
        for (int64_t i = 0; opt_dw.data && i < in; i++) {
            double sum = 0;
            for (int64_t m = 0; m < rows; m++) sum += rounded(w, R(dy)[m * out + o]) * rounded(w, R(opt_x)[m * in + i]);
            R(opt_dw)[o * in + i] += (real)sum;
        }
    }
}

static real slope(rt_act act, real x)
{
    double s = 1 / (1 + exp((double)-x));
    switch (act) {
    case RT_ACT_RELU: return x > 0 ? 1 : 0;
    case RT_ACT_SIGMOID: return (real)(s * (1 - s));
    case RT_ACT_SILU: return (real)(s * (1 + (double)x * (1 - s)));
    case RT_ACT_NONE: break;
    }
    return 1;
}

OP(epilogue_backward)(rt_ctx *ctx, rt_tensor opt_dpre, rt_tensor opt_dmul, rt_tensor dy, rt_tensor opt_pre, rt_epilogue epilogue)
{
    (void)ctx;
    int64_t shared = epilogue.mul.data ? rt_count(epilogue.mul) : 1;
    for (int64_t i = 0; i < rt_count(dy); i++) {
        real pre = opt_pre.data ? R(opt_pre)[i] : 0, d = R(dy)[i];
        if (opt_dmul.data) R(opt_dmul)[i % shared] += d * activate(epilogue.act, pre);
        if (opt_dpre.data)
            R(opt_dpre)[i] = d * (epilogue.mul.data ? R(epilogue.mul)[i % shared] : 1) * slope(epilogue.act, pre);
    }
}

/* One row: dx [+]= the gradient through (x - mean) * scale, given g, the gradient of the normed row. */
static void normalise_backward(real *dx, bool add, const double *g, const real *x, int64_t n, double *out_normed)
{
    double mean = 0, variance = 0, sum = 0, product = 0;
    for (int64_t i = 0; i < n; i++) mean += (double)x[i];
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++) variance += ((double)x[i] - mean) * ((double)x[i] - mean);
    double scale = 1 / sqrt(variance / (double)n + 1e-5);
    for (int64_t i = 0; i < n; i++) {
        out_normed[i] = ((double)x[i] - mean) * scale;
        sum += g[i];
        product += g[i] * out_normed[i];
    }
    for (int64_t i = 0; dx && i < n; i++) {
        double d = scale * (g[i] - sum / (double)n - out_normed[i] * product / (double)n);
        dx[i] = (real)(add ? (double)dx[i] + d : d);
    }
}

OP(layer_norm_backward)(rt_ctx *ctx, rt_tensor opt_dx, bool add, rt_tensor opt_dgain, rt_tensor opt_doffset, rt_tensor dy,
                        rt_tensor x, rt_tensor opt_gain)
{
    int64_t n = rt_last(x), rows = rt_count(x) / n, mark = rt_arena_mark(ctx->step);
    double *g = RT_NEW_TYPE(ctx, RT_F64, n).data, *normed = RT_NEW_TYPE(ctx, RT_F64, n).data;
    for (int64_t m = 0; normed && m < rows; m++) {
        for (int64_t i = 0; i < n; i++) {
            g[i] = (double)R(dy)[m * n + i] * (opt_gain.data ? (double)R(opt_gain)[i] : 1);
            if (opt_doffset.data) R(opt_doffset)[i] += R(dy)[m * n + i];
        }
        if (opt_dgain.data) {   /* before dx, which may be dy */
            normalise_backward(NULL, false, g, R(x) + m * n, n, normed);
            for (int64_t i = 0; i < n; i++) R(opt_dgain)[i] += R(dy)[m * n + i] * (real)normed[i];
        }
        if (opt_dx.data) normalise_backward(R(opt_dx) + m * n, add, g, R(x) + m * n, n, normed);
    }
    rt_arena_reset(ctx->step, mark);
}

OP(adaptive_layer_norm_backward)(rt_ctx *ctx, rt_tensor dx, bool add, rt_tensor opt_dgate, rt_tensor opt_dshift, rt_tensor dy,
                                 rt_tensor x, rt_tensor gate)
{
    int64_t n = rt_last(x), rows = rt_count(x) / n, shared = rt_count(gate) / n, mark = rt_arena_mark(ctx->step);
    double *g = RT_NEW_TYPE(ctx, RT_F64, n).data, *normed = RT_NEW_TYPE(ctx, RT_F64, n).data;
    for (int64_t m = 0; normed && m < rows; m++) {
        int64_t at = m % shared * n;
        normalise_backward(NULL, false, g, R(x) + m * n, n, normed);
        for (int64_t i = 0; i < n; i++) {
            g[i] = (double)R(dy)[m * n + i] * (double)R(gate)[at + i];
            if (opt_dshift.data) R(opt_dshift)[at + i] += R(dy)[m * n + i];
            if (opt_dgate.data) R(opt_dgate)[at + i] += R(dy)[m * n + i] * (real)normed[i];
        }
        normalise_backward(R(dx) + m * n, add, g, R(x) + m * n, n, normed);
    }
    rt_arena_reset(ctx->step, mark);
}

OP(add_backward)(rt_ctx *ctx, rt_tensor dx, rt_tensor dy)
{
    (void)ctx;
    int64_t shared = rt_count(dx);
    for (int64_t i = 0; i < rt_count(dy); i++) R(dx)[i % shared] += R(dy)[i];
}

OP(clamp_backward)(rt_ctx *ctx, rt_tensor dx, bool add, rt_tensor dy, rt_tensor x, double low, double high)
{
    (void)ctx;
    for (int64_t i = 0; i < rt_count(x); i++) {
        real d = (double)R(x)[i] > low && (double)R(x)[i] < high ? R(dy)[i] : 0;
        R(dx)[i] = add ? R(dx)[i] + d : d;
    }
}

OP(softmax_backward)(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor y)
{
    (void)ctx;
    int64_t n = rt_last(y), rows = rt_count(y) / n;
    for (int64_t m = 0; m < rows; m++) {
        double sum = 0;
        for (int64_t i = m * n; i < (m + 1) * n; i++) sum += (double)R(y)[i] * (double)R(dy)[i];
        for (int64_t i = m * n; i < (m + 1) * n; i++) R(dx)[i] = R(y)[i] * (R(dy)[i] - (real)sum);
    }
}

OP(concat_backward)(rt_ctx *ctx, rt_tensor opt_da, rt_tensor opt_db, rt_tensor dy, int64_t a)
{
    (void)ctx;
    int64_t n = rt_last(dy), rows = rt_count(dy) / n;
    for (int64_t m = 0; m < rows; m++) {
        for (int64_t i = 0; opt_da.data && i < a; i++) R(opt_da)[m * a + i] += R(dy)[m * n + i];
        for (int64_t i = a; opt_db.data && i < n; i++) R(opt_db)[m * (n - a) + i - a] += R(dy)[m * n + i];
    }
}

OP(pair_sum_backward)(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dz)
{
    (void)ctx;
    int64_t n = dz.dim[0], c = dz.dim[2];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < c; p++) {
                R(da)[i * c + p] += R(dz)[(i * n + j) * c + p];
                R(db)[j * c + p] += R(dz)[(i * n + j) * c + p];
            }
}

OP(embed_backward)(rt_ctx *ctx, rt_tensor dw, rt_tensor dy, rt_tensor index)
{
    (void)ctx;
    int64_t c = dw.dim[0], classes = dw.dim[1], per_row = rt_last(index), rows = rt_count(index) / per_row;
    const int32_t *at = index.data;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t k = 0; k < per_row; k++)
            for (int64_t p = 0; at[m * per_row + k] >= 0 && p < c; p++)
                R(dw)[p * classes + at[m * per_row + k]] += R(dy)[m * c + p];
}

/* One query against `n_key` keys; p and dp are scratch of n_key numbers. */
typedef struct {
    const real *q, *k, *v, *bias, *gate, *d_o;
    real *dq, *dk, *dv, *dbias, *dgate, *o;
    int64_t n_key, stride, d;
    double scale;
} query;

static void attend_backward(query a, double *p, double *dp)
{
    double top = -INFINITY, sum = 0, mean = 0;
    for (int64_t j = 0; j < a.n_key; j++) {
        double dot = 0;
        for (int64_t c = 0; c < a.d; c++) dot += (double)a.q[c] * (double)a.k[j * a.stride + c];
        p[j] = dot * a.scale + (a.bias ? (double)a.bias[j] : 0);
        top = fmax(top, p[j]);
    }
    for (int64_t j = 0; j < a.n_key; j++) sum += p[j] = exp(p[j] - top);
    for (int64_t j = 0; j < a.n_key; j++) p[j] /= sum, dp[j] = 0;
    for (int64_t c = 0; c < a.d; c++) {
        double o = 0, gate = a.gate ? (double)a.gate[c] : 1, d = (double)a.d_o[c] * gate;
        for (int64_t j = 0; j < a.n_key; j++) {
            o += p[j] * (double)a.v[j * a.stride + c];
            dp[j] += d * (double)a.v[j * a.stride + c];
            a.dv[j * a.stride + c] += (real)(p[j] * d);
        }
        if (a.dgate) a.dgate[c] = (real)((double)a.d_o[c] * o);
        if (a.o) a.o[c] = (real)(o * gate);
        a.dq[c] = 0;
    }
    for (int64_t j = 0; j < a.n_key; j++) mean += p[j] * dp[j];
    for (int64_t j = 0; j < a.n_key; j++) {
        double ds = p[j] * (dp[j] - mean);
        if (a.dbias) a.dbias[j] += (real)ds;
        for (int64_t c = 0; c < a.d; c++) {
            a.dq[c] += (real)(ds * a.scale * (double)a.k[j * a.stride + c]);
            a.dk[j * a.stride + c] += (real)(ds * a.scale * (double)a.q[c]);
        }
    }
}

#define AT(t, i) ((t).data ? R(t) + (i) : NULL)

OP(attention_backward)(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q, rt_tensor k, rt_tensor v,
                       rt_tensor opt_bias, rt_tensor opt_gate, int64_t heads, double scale)
{
    int64_t batch = q.dim[0], nq = q.dim[1], width = q.dim[2], nk = k.dim[1], d = width / heads;
    int64_t mark = rt_arena_mark(ctx->step);
    double *p = RT_NEW_TYPE(ctx, RT_F64, nk).data, *dp = RT_NEW_TYPE(ctx, RT_F64, nk).data;
    rt_zero(ctx, grad->dk);
    rt_zero(ctx, grad->dv);
    for (int64_t b = 0; dp && b < batch; b++)
        for (int64_t h = 0; h < heads; h++)
            for (int64_t i = 0; i < nq; i++) {
                int64_t at = (b * nq + i) * width + h * d, keys = b * nk * width + h * d, pair = (h * nq + i) * nk;
                attend_backward((query){.q = R(q) + at, .k = R(k) + keys, .v = R(v) + keys, .bias = AT(opt_bias, pair),
                                        .gate = AT(opt_gate, at), .d_o = R(d_o) + at, .dq = R(grad->dq) + at,
                                        .dk = R(grad->dk) + keys, .dv = R(grad->dv) + keys, .dbias = AT(grad->opt_dbias, pair),
                                        .dgate = AT(grad->opt_dgate, at), .o = AT(grad->opt_o, at), .n_key = nk,
                                        .stride = width, .d = d, .scale = scale}, p, dp);
            }
    rt_arena_reset(ctx->step, mark);
}

OP(local_attention_backward)(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q, rt_tensor k, rt_tensor v,
                             rt_tensor bias, rt_tensor opt_gate, int64_t heads, double scale)
{
    int64_t samples = q.dim[0], atoms = q.dim[1], width = q.dim[2], d = width / heads, windows = rt_window_count(atoms);
    int64_t mark = rt_arena_mark(ctx->step);
    double *p = RT_NEW_TYPE(ctx, RT_F64, RT_WINDOW_KEYS).data, *dp = RT_NEW_TYPE(ctx, RT_F64, RT_WINDOW_KEYS).data;
    rt_zero(ctx, grad->dk);
    rt_zero(ctx, grad->dv);
    for (int64_t s = 0; dp && s < samples; s++)
        for (int64_t a = 0; a < atoms; a++)
            for (int64_t h = 0; h < heads; h++) {
                int64_t w = a / RT_WINDOW_QUERIES, row = a % RT_WINDOW_QUERIES, first = rt_window_key(w, 0);
                int64_t from = first < 0 ? -first : 0, to = first + RT_WINDOW_KEYS > atoms ? atoms - first : RT_WINDOW_KEYS;
                int64_t at = (s * atoms + a) * width + h * d, keys = (s * atoms + first + from) * width + h * d;
                int64_t pair = ((h * windows + w) * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + from;
                attend_backward((query){.q = R(q) + at, .k = R(k) + keys, .v = R(v) + keys, .bias = R(bias) + pair,
                                        .gate = AT(opt_gate, at), .d_o = R(d_o) + at, .dq = R(grad->dq) + at,
                                        .dk = R(grad->dk) + keys, .dv = R(grad->dv) + keys, .dbias = AT(grad->opt_dbias, pair),
                                        .dgate = AT(grad->opt_dgate, at), .o = AT(grad->opt_o, at), .n_key = to - from,
                                        .stride = width, .d = d, .scale = scale}, p, dp);
            }
    rt_arena_reset(ctx->step, mark);
}

OP(triangle_product_backward)(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dx, rt_tensor a, rt_tensor b, bool outgoing)
{
    (void)ctx;
    int64_t n = a.dim[0], c = a.dim[2];
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            for (int64_t p = 0; p < c; p++) {
                double sum_a = 0, sum_b = 0;
                int64_t at = outgoing ? (i * n + k) * c + p : (k * n + i) * c + p;   /* a[i,k] or a[k,i], b likewise */
                for (int64_t j = 0; j < n; j++) {
                    int64_t other = outgoing ? (j * n + k) * c + p : (k * n + j) * c + p;
                    sum_a += (double)R(dx)[(i * n + j) * c + p] * (double)R(b)[other];
                    sum_b += (double)R(dx)[(j * n + i) * c + p] * (double)R(a)[other];
                }
                R(da)[at] = (real)sum_a;
                R(db)[at] = (real)sum_b;
            }
}

OP(outer_product_backward)(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dy, rt_tensor a, rt_tensor b, int64_t first)
{
    (void)ctx;
    int64_t rows = dy.dim[0], n = a.dim[1], c = a.dim[2], msa = a.dim[0];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < c; p++)
                for (int64_t q = 0; q < c; q++) {
                    real d = R(dy)[((i * n + j) * c + p) * c + q];
                    for (int64_t m = 0; m < msa; m++) {
                        R(da)[(m * n + first + i) * c + p] += d * R(b)[(m * n + j) * c + q];
                        R(db)[(m * n + j) * c + q] += d * R(a)[(m * n + first + i) * c + p];
                    }
                }
}

OP(pair_average_backward)(rt_ctx *ctx, rt_tensor dw, rt_tensor dv, rt_tensor dy, rt_tensor w, rt_tensor v)
{
    int64_t heads = w.dim[0], n = w.dim[1], msa = v.dim[0], width = v.dim[2], c = width / heads;
    rt_zero(ctx, dv);
    for (int64_t m = 0; m < msa; m++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t h = 0; h < heads; h++)
                for (int64_t j = 0; j < n; j++) {
                    double sum = 0;
                    for (int64_t p = h * c; p < (h + 1) * c; p++) {
                        real d = R(dy)[(m * n + i) * width + p];
                        sum += (double)d * (double)R(v)[(m * n + j) * width + p];
                        R(dv)[(m * n + j) * width + p] += R(w)[(h * n + i) * n + j] * d;
                    }
                    R(dw)[(h * n + i) * n + j] += (real)sum;
                }
}

OP(distance_embed_backward)(rt_ctx *ctx, rt_tensor dw_bin, rt_tensor dw_raw, rt_tensor dz, rt_tensor d, rt_tensor opt_mask,
                            rt_tensor lower, rt_tensor upper)
{
    (void)ctx;
    int64_t n = d.dim[0], c = dw_bin.dim[0], bins = dw_bin.dim[1];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            real distance = R(d)[i * n + j], weight = opt_mask.data ? R(opt_mask)[i] * R(opt_mask)[j] : 1;
            for (int64_t p = 0; p < c; p++) {
                real value = R(dz)[(i * n + j) * c + p] * weight;
                R(dw_raw)[p] += distance * value;
                for (int64_t k = 0; k < bins; k++)
                    if (distance > R(lower)[k] && distance < R(upper)[k]) R(dw_bin)[p * bins + k] += value;
            }
        }
}

OP(gather_backward)(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor index)
{
    (void)ctx;
    int64_t c = rt_last(dx), n = dx.dim[1], atoms = index.dim[0], samples = rt_count(dy) / (atoms * c);
    for (int64_t s = 0; s < samples; s++)
        for (int64_t a = 0; a < atoms; a++)
            for (int64_t p = 0; p < c; p++)
                R(dx)[((dx.dim[0] == 1 ? 0 : s) * n + I64(index)[a]) * c + p] += R(dy)[(s * atoms + a) * c + p];
}

OP(segment_mean_backward)(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor index)
{
    (void)ctx;
    int64_t samples = dx.dim[0], atoms = dx.dim[1], c = dx.dim[2], n = dy.dim[1];
    for (int64_t a = 0; a < atoms; a++) {
        int64_t count = 0, token = I64(index)[a];
        for (int64_t b = 0; b < atoms; b++) count += I64(index)[b] == token;
        for (int64_t s = 0; s < samples; s++)
            for (int64_t p = 0; p < c; p++)
                R(dx)[(s * atoms + a) * c + p] = R(dy)[(s * n + token) * c + p] / (real)count;
    }
}

OP(window_offsets_backward)(rt_ctx *ctx, rt_tensor dw_d, rt_tensor dw_inv, rt_tensor dw_v, rt_tensor dp, rt_tensor pos,
                            rt_tensor uid)
{
    (void)ctx;
    int64_t atoms = pos.dim[0], c = dp.dim[3];
    for (int64_t w = 0; w < dp.dim[0]; w++)
        for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++)
            for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
                int64_t q = w * RT_WINDOW_QUERIES + row, k = rt_window_key(w, key);
                bool has_q = q < atoms, has_k = k >= 0 && k < atoms;
                if ((has_q ? I64(uid)[q] : 0) != (has_k ? I64(uid)[k] : 0)) continue;
                real d[3], square = 0;
                for (int x = 0; x < 3; x++) {
                    d[x] = (has_q ? R(pos)[3 * q + x] : 0) - (has_k ? R(pos)[3 * k + x] : 0);
                    square += d[x] * d[x];
                }
                for (int64_t i = 0; i < c; i++) {
                    real value = R(dp)[((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c + i];
                    for (int x = 0; has_q && has_k && x < 3; x++) R(dw_d)[i * 3 + x] += value * d[x];
                    R(dw_inv)[i] += value / (1 + square);
                    R(dw_v)[i] += value;
                }
            }
}

OP(window_pairs_backward)(rt_ctx *ctx, rt_tensor opt_dpair, rt_tensor da, rt_tensor db, rt_tensor dp, rt_tensor token)
{
    (void)ctx;
    int64_t atoms = token.dim[0], c = dp.dim[3], n = opt_dpair.data ? opt_dpair.dim[0] : 0;
    for (int64_t w = 0; w < dp.dim[0]; w++)
        for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++)
            for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
                int64_t q = w * RT_WINDOW_QUERIES + row, k = rt_window_key(w, key);
                bool has_q = q < atoms, has_k = k >= 0 && k < atoms;
                int64_t tq = has_q ? I64(token)[q] : 0, tk = has_k ? I64(token)[k] : 0;
                for (int64_t i = 0; i < c; i++) {
                    real value = R(dp)[((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c + i];
                    if (opt_dpair.data) R(opt_dpair)[(tq * n + tk) * c + i] += value;
                    if (has_q) R(da)[q * c + i] += value;
                    if (has_k) R(db)[k * c + i] += value;
                }
            }
}

OP(atom_linear_backward)(rt_ctx *ctx, rt_tensor opt_dx, rt_tensor opt_dw, rt_tensor dy, rt_tensor x, rt_tensor w,
                         rt_tensor token, rt_tensor type)
{
    (void)ctx;
    int64_t atoms = token.dim[0], c = w.dim[1], bins = w.dim[2];
    for (int64_t a = 0; a < atoms; a++)
        for (int64_t i = 0; i < c; i++) {
            int64_t from = I64(token)[a] * c + i, row = (I64(type)[a] * c + i) * bins;
            double sum = 0;
            for (int64_t o = 0; o < bins; o++) {
                sum += weight_at(w, row + o) * (double)R(dy)[a * bins + o];
                if (opt_dw.data) R(opt_dw)[row + o] += R(x)[from] * R(dy)[a * bins + o];
            }
            if (opt_dx.data) R(opt_dx)[from] += (real)sum;
        }
}
