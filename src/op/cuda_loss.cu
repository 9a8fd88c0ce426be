/* cuda_loss.cu - see cuda_loss.h */
#include "op/cuda_device.h"

extern "C" {
#include "op/cuda_loss.h"
}

/* A block is a part, a warp a row at a time; every 8th row is a warp's own. */
static __global__ void cross_entropy(double *part, float *d_logits, const float *logits, const uint8_t *row_class, int64_t rows,
                                     int classes, int skip, float scale)
{
    RT_SHARED(double, sums);   /* of warps */
    int warp = (int)threadIdx.x / 32, warps = (int)blockDim.x / 32, lane = (int)threadIdx.x % 32;
    int64_t first = (int64_t)blockIdx.x * RT_CUDA_ENTROPY_ROWS, last = first + RT_CUDA_ENTROPY_ROWS;
    double total = 0;
    if (last > rows) last = rows;
    for (int64_t row = first + warp; row < last; row += warps) {
        int own = row_class[row];
        if (own == skip) continue;   /* the whole warp */
        const float *x = logits + row * classes;
        float top = -INFINITY, sum = 0;
        for (int i = lane; i < classes; i += 32) top = fmaxf(top, x[i]);
        top = rt_warp_max(top);
        for (int i = lane; i < classes; i += 32) sum += expf(x[i] - top);
        sum = rt_warp_sum(sum);
        if (lane == 0) total += (double)(top - x[own]) + log((double)sum);
        for (int i = lane; d_logits && i < classes; i += 32)
            d_logits[row * classes + i] += scale * (expf(x[i] - top) / sum - (i == own ? 1.0f : 0.0f));
    }
    if (lane == 0) sums[warp] = total;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int w = 1; w < warps; w++) total += sums[w];
    part[blockIdx.x] = total;
}

void rt_cuda_cross_entropy(rt_ctx *ctx, double *part, float *opt_d_logits, const float *logits, const uint8_t *row_class,
                           int64_t rows, int64_t classes, uint8_t skip, double scale)
{
    RT_LAUNCH(ctx, cross_entropy, rt_blocks(rows, RT_CUDA_ENTROPY_ROWS), RT_THREADS, RT_THREADS / 32 * sizeof(double), part,
              opt_d_logits, logits, row_class, rows, (int)classes, (int)skip, (float)scale);
}

/* A thread is a resolved atom of one structure; the others pass through shared memory, RT_CUDA_LDDT_ATOMS at a time.  Which
 * pairs count is decided in double, as on the CPU.  sigmoid(t - delta) = u / (1 + u) with u = exp(t) exp(-delta). */
static __global__ void smooth_lddt(double *part, int64_t *count, float *force, const float *x, const double *y,
                                   const int64_t *atom, int64_t atoms, int64_t resolved, double radius, int64_t parts)
{
    enum { WIDTH = RT_CUDA_LDDT_ATOMS };
    RT_SHARED(double, truth);                       /* (3, WIDTH) of y, then (3, WIDTH) floats of x, then sums */
    float *place = (float *)(truth + 3 * WIDTH);
    int own = (int)threadIdx.x;
    int64_t copy = (int64_t)blockIdx.x / parts, r = (int64_t)blockIdx.x % parts * WIDTH + own;
    const float grow[4] = {1.6487212707f, 2.7182818285f, 7.3890560989f, 54.5981500331f};   /* exp of 0.5, 1, 2, 4 */
    double at_y[3] = {0, 0, 0};
    float at_x[3] = {0, 0, 0}, sum = 0, pull[3] = {0, 0, 0};
    int pairs = 0;
    x += copy * atoms * 3;
    for (int d = 0; r < resolved && d < 3; d++) at_y[d] = y[3 * r + d], at_x[d] = x[3 * atom[r] + d];
    for (int64_t base = 0; base < resolved; base += WIDTH) {
        int here = resolved - base < WIDTH ? (int)(resolved - base) : WIDTH;
        __syncthreads();   /* the atoms before are read */
        for (int d = 0; own < here && d < 3; d++) {
            truth[d * WIDTH + own] = y[3 * (base + own) + d];
            place[d * WIDTH + own] = x[3 * atom[base + own] + d];
        }
        __syncthreads();
        for (int s = 0; r < resolved && s < here; s++) {
            double square = 0;
            for (int d = 0; d < 3; d++) square += (at_y[d] - truth[d * WIDTH + s]) * (at_y[d] - truth[d * WIDTH + s]);
            if (base + s == r || !(square < radius * radius)) continue;
            float by[3], length = 0, mean = 0, slope = 0;
            for (int d = 0; d < 3; d++) by[d] = at_x[d] - place[d * WIDTH + s], length += by[d] * by[d];
            length = sqrtf(length);
            float delta = length - sqrtf((float)square), shrink = expf(-fabsf(delta));
            for (int t = 0; t < 4; t++) {
                float rest = 1.0f / (1.0f + grow[t] * shrink);   /* 1 - sigmoid */
                mean += 0.25f * (1.0f - rest);
                slope += 0.25f * (rest * rest - rest);
            }
            if (delta < 0) slope = -slope;
            slope = length > 0 && delta != 0 ? slope / length : 0.0f;
            sum += mean;
            pairs++;
            for (int d = 0; d < 3; d++) pull[d] += slope * by[d];
        }
    }
    for (int d = 0; r < resolved && d < 3; d++) force[(copy * resolved + r) * 3 + d] = pull[d];
    double *sums = truth + 3 * WIDTH + 3 * WIDTH / 2, *counts = sums + WIDTH;
    sums[own] = (double)sum;
    counts[own] = (double)pairs;
    __syncthreads();
    for (int half = WIDTH / 2; half; half /= 2) {
        if (own < half) sums[own] += sums[own + half], counts[own] += counts[own + half];
        __syncthreads();
    }
    if (own != 0) return;
    part[blockIdx.x] = sums[0];
    if (copy == 0) count[blockIdx.x] = (int64_t)counts[0];
}

void rt_cuda_smooth_lddt(rt_ctx *ctx, double *part, int64_t *count, float *force, const float *x, const double *y,
                         const int64_t *atom, int64_t copies, int64_t atoms, int64_t resolved, double radius)
{
    int64_t parts = rt_blocks(resolved, RT_CUDA_LDDT_ATOMS);
    RT_LAUNCH(ctx, smooth_lddt, copies * parts, RT_CUDA_LDDT_ATOMS,
              RT_CUDA_LDDT_ATOMS * (5 * sizeof(double) + 3 * sizeof(float)), part, count, force, x, y, atom, atoms, resolved,
              radius, parts);
}

static __global__ void add_forces(float *d_x, const float *force, const int64_t *atom, int64_t atoms, int64_t resolved,
                                  int64_t count, float factor)
{
    int64_t i = rt_thread();
    if (i >= count) return;
    int64_t d = i % 3, r = i / 3 % resolved, copy = i / 3 / resolved;
    d_x[(copy * atoms + atom[r]) * 3 + d] += factor * force[i];
}

void rt_cuda_add_forces(rt_ctx *ctx, float *d_x, const float *force, const int64_t *atom, int64_t copies, int64_t atoms,
                        int64_t resolved, double factor)
{
    int64_t count = copies * resolved * 3;
    RT_LAUNCH(ctx, add_forces, rt_blocks(count, RT_THREADS), RT_THREADS, 0, d_x, force, atom, atoms, resolved, count,
              (float)factor);
}
