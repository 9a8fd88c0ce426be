/* cpu_ref.c - the plain reference of every forward op, compiled for float and for double
 *
 * One thread, straight loops, no tricks: everything fast is held against it, and gradient checks run on the double one.
 */
#include "op/cpu_ref.h"

OP(linear)(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor opt_bias, rt_epilogue epilogue)
{
    (void)ctx;
    int64_t in = rt_last(x), rows = rt_count(x) / in, out = w.dim[0];
    int64_t mul_rows = epilogue.mul.data ? rt_count(epilogue.mul) / out : 1;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t o = 0; o < out; o++) {
            double sum = 0;
            for (int64_t i = 0; i < in; i++) {
                double value = (double)R(x)[m * in + i];
                if (w.dtype == RT_BF16) value = (double)rt_bf16_to_f32(rt_f32_to_bf16((float)value));
                sum += value * weight_at(w, o * in + i);
            }
            if (opt_bias.data) sum += (double)R(opt_bias)[o];
            real value = activate(epilogue.act, (real)sum);
            if (epilogue.mul.data) value *= R(epilogue.mul)[(m % mul_rows) * out + o];
            R(y)[m * out + o] = epilogue.add ? R(y)[m * out + o] + value : value;
        }
}

static void normalise(real *y, const real *x, int64_t n)
{
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; i++) mean += (double)x[i];
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++) variance += ((double)x[i] - mean) * ((double)x[i] - mean);
    double scale = 1 / sqrt(variance / (double)n + 1e-5);
    for (int64_t i = 0; i < n; i++) y[i] = (real)(((double)x[i] - mean) * scale);
}

OP(epilogue)(rt_ctx *ctx, rt_tensor y, rt_tensor pre, rt_epilogue epilogue)
{
    (void)ctx;
    int64_t shared = epilogue.mul.data ? rt_count(epilogue.mul) : 1;
    for (int64_t i = 0; i < rt_count(y); i++) {
        real value = activate(epilogue.act, R(pre)[i]);
        if (epilogue.mul.data) value *= R(epilogue.mul)[i % shared];
        R(y)[i] = epilogue.add ? R(y)[i] + value : value;
    }
}

OP(layer_norm)(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor opt_gain, rt_tensor opt_offset)
{
    (void)ctx;
    int64_t n = rt_last(x), rows = rt_count(x) / n;
    for (int64_t m = 0; m < rows; m++) {
        real *row = R(y) + m * n;
        normalise(row, R(x) + m * n, n);
        for (int64_t i = 0; i < n; i++) {
            if (opt_gain.data) row[i] *= R(opt_gain)[i];
            if (opt_offset.data) row[i] += R(opt_offset)[i];
        }
    }
}

OP(adaptive_layer_norm)(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor gate, rt_tensor shift)
{
    (void)ctx;
    int64_t n = rt_last(x), rows = rt_count(x) / n, shared = rt_count(gate) / n;
    for (int64_t m = 0; m < rows; m++) {
        real *row = R(y) + m * n;
        normalise(row, R(x) + m * n, n);
        for (int64_t i = 0; i < n; i++)
            row[i] = R(gate)[(m % shared) * n + i] * row[i] + R(shift)[(m % shared) * n + i];
    }
}

OP(add)(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    (void)ctx;
    int64_t shared = rt_count(x);
    for (int64_t i = 0; i < rt_count(y); i++) R(y)[i] += R(x)[i % shared];
}

OP(axpby)(rt_ctx *ctx, rt_tensor y, double alpha, rt_tensor x, double beta)
{
    (void)ctx;
    for (int64_t i = 0; i < rt_count(y); i++)
        R(y)[i] = (alpha != 0 ? (real)alpha * R(y)[i] : 0) + (real)beta * R(x)[i];
}

OP(multiply)(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor g)
{
    (void)ctx;
    for (int64_t i = 0; i < rt_count(y); i++) R(y)[i] = R(x)[i] * R(g)[i];
}

OP(clamp)(rt_ctx *ctx, rt_tensor y, rt_tensor x, double low, double high)
{
    (void)ctx;
    for (int64_t i = 0; i < rt_count(y); i++) {
        real v = R(x)[i];
        R(y)[i] = v < (real)low ? (real)low : v > (real)high ? (real)high : v;
    }
}

static void softmax_row(real *y, const real *x, int64_t n)
{
    real top = x[0];
    double sum = 0;
    for (int64_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (int64_t i = 0; i < n; i++) sum += (double)(y[i] = (real)exp((double)(x[i] - top)));
    for (int64_t i = 0; i < n; i++) y[i] = (real)((double)y[i] / sum);
}

OP(softmax)(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    (void)ctx;
    int64_t n = rt_last(x), rows = rt_count(x) / n;
    for (int64_t m = 0; m < rows; m++) softmax_row(R(y) + m * n, R(x) + m * n, n);
}

OP(concat)(rt_ctx *ctx, rt_tensor y, rt_tensor a, rt_tensor b)
{
    (void)ctx;
    int64_t na = rt_last(a), nb = rt_last(b), rows = rt_count(a) / na;
    for (int64_t m = 0; m < rows; m++) {
        for (int64_t i = 0; i < na; i++) R(y)[m * (na + nb) + i] = R(a)[m * na + i];
        for (int64_t i = 0; i < nb; i++) R(y)[m * (na + nb) + na + i] = R(b)[m * nb + i];
    }
}

OP(place)(rt_ctx *ctx, rt_tensor y, rt_tensor x, int64_t first)
{
    (void)ctx;
    int64_t width = rt_last(y), columns = rt_last(x), rows = rt_count(x) / columns;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t i = 0; i < columns; i++) R(y)[m * width + first + i] = R(x)[m * columns + i];
}

OP(transpose)(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    (void)ctx;
    int64_t columns = rt_last(x), rows = rt_count(x) / columns;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t c = 0; c < columns; c++) R(y)[c * rows + m] = R(x)[m * columns + c];
}

OP(transpose_pair)(rt_ctx *ctx, rt_tensor y, rt_tensor x, bool add)
{
    (void)ctx;
    int64_t n = x.dim[0], c = x.dim[2];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < c; p++)
                R(y)[(j * n + i) * c + p] = R(x)[(i * n + j) * c + p] + (add ? R(x)[(j * n + i) * c + p] : 0);
}

OP(pair_sum)(rt_ctx *ctx, rt_tensor z, rt_tensor a, rt_tensor b, bool add)
{
    (void)ctx;
    int64_t n = z.dim[0], c = z.dim[2];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < c; p++) {
                real *out = R(z) + (i * n + j) * c + p;
                *out = (add ? *out : 0) + R(a)[i * c + p] + R(b)[j * c + p];
            }
}

OP(embed)(rt_ctx *ctx, rt_tensor y, rt_tensor w, rt_tensor index, bool add)
{
    (void)ctx;
    int64_t c = w.dim[0], classes = w.dim[1], per_row = rt_last(index), rows = rt_count(index) / per_row;
    const int32_t *at = index.data;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t p = 0; p < c; p++) {
            double sum = add ? (double)R(y)[m * c + p] : 0;
            for (int64_t k = 0; k < per_row; k++)
                if (at[m * per_row + k] >= 0) sum += weight_at(w, p * classes + at[m * per_row + k]);
            R(y)[m * c + p] = (real)sum;
        }
}

/* One query against a list of keys; logits is scratch of n_key numbers. */
static void attend(real *o, const real *q, const real *k, const real *v, const real *bias, int64_t n_key, int64_t stride,
                   int64_t d, double scale, real *logits)
{
    for (int64_t j = 0; j < n_key; j++) {
        double dot = 0;
        for (int64_t c = 0; c < d; c++) dot += (double)q[c] * (double)k[j * stride + c];
        logits[j] = (real)(dot * scale) + (bias ? bias[j] : 0);
    }
    softmax_row(logits, logits, n_key);
    for (int64_t c = 0; c < d; c++) {
        double sum = 0;
        for (int64_t j = 0; j < n_key; j++) sum += (double)logits[j] * (double)v[j * stride + c];
        o[c] = (real)sum;
    }
}

OP(attention)(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor opt_bias, rt_tensor opt_gate,
              int64_t heads, double scale)
{
    int64_t batch = q.dim[0], nq = q.dim[1], width = q.dim[2], nk = k.dim[1], d = width / heads;
    int64_t mark = rt_arena_mark(ctx->step);
    real *logits = RT_NEW(ctx, nk).data;
    if (!logits) return;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t h = 0; h < heads; h++)
            for (int64_t i = 0; i < nq; i++) {
                real *out = R(o) + (b * nq + i) * width + h * d;
                attend(out, R(q) + (b * nq + i) * width + h * d, R(k) + b * nk * width + h * d, R(v) + b * nk * width + h * d,
                       opt_bias.data ? R(opt_bias) + (h * nq + i) * nk : NULL, nk, width, d, scale, logits);
                if (opt_gate.data)
                    for (int64_t c = 0; c < d; c++) out[c] *= R(opt_gate)[(b * nq + i) * width + h * d + c];
            }
    rt_arena_reset(ctx->step, mark);
}

OP(local_attention)(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor bias, rt_tensor opt_gate,
                    int64_t heads, double scale)
{
    int64_t samples = q.dim[0], atoms = q.dim[1], width = q.dim[2], d = width / heads, windows = rt_window_count(atoms);
    int64_t mark = rt_arena_mark(ctx->step);
    real *logits = RT_NEW(ctx, RT_WINDOW_KEYS).data;
    if (!logits) return;
    for (int64_t s = 0; s < samples; s++)
        for (int64_t a = 0; a < atoms; a++)
            for (int64_t h = 0; h < heads; h++) {
                int64_t w = a / RT_WINDOW_QUERIES, row = a % RT_WINDOW_QUERIES, first = rt_window_key(w, 0);
                int64_t from = first < 0 ? -first : 0, to = first + RT_WINDOW_KEYS > atoms ? atoms - first : RT_WINDOW_KEYS;
                int64_t at = (s * atoms + first + from) * width + h * d;
                real *out = R(o) + (s * atoms + a) * width + h * d;
                attend(out, R(q) + (s * atoms + a) * width + h * d, R(k) + at, R(v) + at,
                       R(bias) + ((h * windows + w) * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + from, to - from, width, d,
                       scale, logits);
                if (opt_gate.data)
                    for (int64_t c = 0; c < d; c++) out[c] *= R(opt_gate)[(s * atoms + a) * width + h * d + c];
            }
    rt_arena_reset(ctx->step, mark);
}

OP(triangle_product)(rt_ctx *ctx, rt_tensor x, rt_tensor a, rt_tensor b, bool outgoing)
{
    (void)ctx;
    int64_t n = a.dim[0], c = a.dim[2];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < c; p++) {
                double sum = 0;
                for (int64_t k = 0; k < n; k++)
                    sum += outgoing ? (double)R(a)[(i * n + k) * c + p] * (double)R(b)[(j * n + k) * c + p]
                                    : (double)R(a)[(k * n + i) * c + p] * (double)R(b)[(k * n + j) * c + p];
                R(x)[(i * n + j) * c + p] = (real)sum;
            }
}

OP(outer_product)(rt_ctx *ctx, rt_tensor y, rt_tensor a, rt_tensor b, int64_t first)
{
    (void)ctx;
    int64_t rows = y.dim[0], n = a.dim[1], c = a.dim[2], msa = a.dim[0];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < c; p++)
                for (int64_t q = 0; q < c; q++) {
                    double sum = 0;
                    for (int64_t m = 0; m < msa; m++)
                        sum += (double)R(a)[(m * n + first + i) * c + p] * (double)R(b)[(m * n + j) * c + q];
                    R(y)[((i * n + j) * c + p) * c + q] = (real)sum;
                }
}

OP(outer_linear)(rt_ctx *ctx, rt_tensor z, rt_tensor x, rt_tensor w, rt_tensor opt_bias, bool add)
{
    (void)ctx;
    int64_t n = x.dim[0], c = x.dim[1], out = w.dim[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < out; p++) {
                double sum = opt_bias.data ? (double)R(opt_bias)[p] : 0;
                for (int64_t q = 0; q < c; q++)
                    for (int64_t r = 0; r < c; r++)
                        sum += weight_at(w, (p * c + q) * c + r) * (double)R(x)[j * c + q] * (double)R(x)[i * c + r];
                real *at = R(z) + (i * n + j) * out + p;
                *at = (add ? *at : 0) + (real)sum;
            }
}

OP(pair_average)(rt_ctx *ctx, rt_tensor y, rt_tensor w, rt_tensor v)
{
    (void)ctx;
    int64_t heads = w.dim[0], n = w.dim[1], msa = v.dim[0], width = v.dim[2], c = width / heads;
    for (int64_t m = 0; m < msa; m++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t h = 0; h < heads; h++)
                for (int64_t p = 0; p < c; p++) {
                    double sum = 0;
                    for (int64_t j = 0; j < n; j++)
                        sum += (double)R(w)[(h * n + i) * n + j] * (double)R(v)[(m * n + j) * width + h * c + p];
                    R(y)[(m * n + i) * width + h * c + p] = (real)sum;
                }
}

OP(distances)(rt_ctx *ctx, rt_tensor d, rt_tensor x, rt_tensor opt_mask)
{
    (void)ctx;
    int64_t n = x.dim[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            real u = R(x)[3 * i] - R(x)[3 * j], v = R(x)[3 * i + 1] - R(x)[3 * j + 1], w = R(x)[3 * i + 2] - R(x)[3 * j + 2];
            R(d)[i * n + j] = (real)sqrt((double)(u * u + v * v + w * w)) * (opt_mask.data ? R(opt_mask)[i] * R(opt_mask)[j] : 1);
        }
}

OP(distance_embed)(rt_ctx *ctx, rt_tensor z, rt_tensor d, rt_tensor opt_mask, rt_tensor lower, rt_tensor upper,
                   rt_tensor w_bin, rt_tensor w_raw)
{
    (void)ctx;
    int64_t n = d.dim[0], c = w_bin.dim[0], bins = w_bin.dim[1];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            real distance = R(d)[i * n + j], weight = opt_mask.data ? R(opt_mask)[i] * R(opt_mask)[j] : 1;
            for (int64_t p = 0; p < c; p++) {
                double sum = (double)distance * weight_at(w_raw, p);
                for (int64_t k = 0; k < bins; k++)
                    if (distance > R(lower)[k] && distance < R(upper)[k]) sum += weight_at(w_bin, p * bins + k);
                R(z)[(i * n + j) * c + p] += (real)sum * weight;
            }
        }
}

OP(gather)(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor index, bool add)
{
    (void)ctx;
    int64_t c = rt_last(x), n = x.dim[1], atoms = index.dim[0], samples = rt_count(y) / (atoms * c);
    for (int64_t s = 0; s < samples; s++)
        for (int64_t a = 0; a < atoms; a++)
            for (int64_t p = 0; p < c; p++) {
                real *at = R(y) + (s * atoms + a) * c + p;
                *at = (add ? *at : 0) + R(x)[((x.dim[0] == 1 ? 0 : s) * n + I64(index)[a]) * c + p];
            }
}

OP(segment_mean)(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor index)
{
    (void)ctx;
    int64_t samples = x.dim[0], atoms = x.dim[1], c = x.dim[2], n = y.dim[1];
    for (int64_t s = 0; s < samples; s++)
        for (int64_t t = 0; t < n; t++)
            for (int64_t p = 0; p < c; p++) {
                double sum = 0;
                int64_t count = 0;
                for (int64_t a = 0; a < atoms; a++)
                    if (I64(index)[a] == t) sum += (double)R(x)[(s * atoms + a) * c + p], count++;
                R(y)[(s * n + t) * c + p] = (real)(count ? sum / (double)count : 0);
            }
}

OP(window_offsets)(rt_ctx *ctx, rt_tensor p, rt_tensor pos, rt_tensor uid, rt_tensor w_d, rt_tensor w_inv, rt_tensor w_v)
{
    (void)ctx;
    int64_t atoms = pos.dim[0], c = p.dim[3];
    for (int64_t w = 0; w < p.dim[0]; w++)
        for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++)
            for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
                int64_t q = w * RT_WINDOW_QUERIES + row, k = rt_window_key(w, key);
                bool has_q = q < atoms, has_k = k >= 0 && k < atoms;
                real d[3], square = 0;
                for (int x = 0; x < 3; x++) {
                    d[x] = (has_q ? R(pos)[3 * q + x] : 0) - (has_k ? R(pos)[3 * k + x] : 0);
                    square += d[x] * d[x];
                }
                bool same = (has_q ? I64(uid)[q] : 0) == (has_k ? I64(uid)[k] : 0);
                real *out = R(p) + ((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c;
                for (int64_t i = 0; i < c; i++) {
                    double sum = 0;
                    if (same && has_q && has_k)
                        for (int x = 0; x < 3; x++) sum += weight_at(w_d, i * 3 + x) * (double)d[x];
                    if (same) sum += weight_at(w_inv, i) / (1 + (double)square) + weight_at(w_v, i);
                    out[i] = (real)sum;
                }
            }
}

OP(window_pairs)(rt_ctx *ctx, rt_tensor p, rt_tensor opt_pair, rt_tensor token, rt_tensor a, rt_tensor b)
{
    (void)ctx;
    int64_t atoms = token.dim[0], c = p.dim[3], n = opt_pair.data ? opt_pair.dim[0] : 0;
    for (int64_t w = 0; w < p.dim[0]; w++)
        for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++)
            for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
                int64_t q = w * RT_WINDOW_QUERIES + row, k = rt_window_key(w, key);
                bool has_q = q < atoms, has_k = k >= 0 && k < atoms;
                int64_t tq = has_q ? I64(token)[q] : 0, tk = has_k ? I64(token)[k] : 0;
                real *out = R(p) + ((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c;
                for (int64_t i = 0; i < c; i++) {
                    if (opt_pair.data) out[i] += R(opt_pair)[(tq * n + tk) * c + i];
                    if (has_q) out[i] += R(a)[q * c + i];
                    if (has_k) out[i] += R(b)[k * c + i];
                }
            }
}

OP(atom_linear)(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor token, rt_tensor type)
{
    (void)ctx;
    int64_t atoms = token.dim[0], c = w.dim[1], bins = w.dim[2];
    for (int64_t a = 0; a < atoms; a++)
        for (int64_t o = 0; o < bins; o++) {
            double sum = 0;
            for (int64_t i = 0; i < c; i++)
                sum += (double)R(x)[I64(token)[a] * c + i] * weight_at(w, (I64(type)[a] * c + i) * bins + o);
            R(y)[a * bins + o] = (real)sum;
        }
}

OP(fourier)(rt_ctx *ctx, rt_tensor y, double t, rt_tensor w, rt_tensor b)
{
    (void)ctx;
    for (int64_t i = 0; i < rt_count(y); i++)
        R(y)[i] = (real)cos((double)((real)(2 * M_PI) * ((real)t * R(w)[i] + R(b)[i])));
}

OP(augment)(rt_ctx *ctx, rt_tensor x, rt_tensor rotation, rt_tensor translation)
{
    (void)ctx;
    int64_t samples = x.dim[0], atoms = x.dim[1];
    for (int64_t s = 0; s < samples; s++) {
        real *at = R(x) + s * atoms * 3;
        const real *r = R(rotation) + 9 * s, *t = R(translation) + 3 * s;
        double centre[3] = {0};
        for (int64_t a = 0; a < atoms; a++)
            for (int i = 0; i < 3; i++) centre[i] += (double)at[3 * a + i];
        for (int64_t a = 0; a < atoms; a++) {
            real p[3];
            for (int i = 0; i < 3; i++) p[i] = at[3 * a + i] - (real)(centre[i] / (double)atoms);
            for (int i = 0; i < 3; i++) at[3 * a + i] = r[3 * i] * p[0] + r[3 * i + 1] * p[1] + r[3 * i + 2] * p[2] + t[i];
        }
    }
}

#define TABLE_float rt_backend_ref_f32
#define TABLE_double rt_backend_ref_f64
const rt_backend JOIN(TABLE_, RT_REAL) = {
    .name = IS_DOUBLE ? "reference (double)" : "reference",
#define RT_OP(name, parameters, arguments, help) .name = REF_NAME(name),
#include "op/ops.def"
#undef RT_OP
};
