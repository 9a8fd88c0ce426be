#define _GNU_SOURCE
#include "base/rng.h"

#include <math.h>
#include <string.h>

static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t n0 = (uint32_t)(b >> 32) ^ c[1] ^ k0, n2 = (uint32_t)(a >> 32) ^ c[3] ^ k1;
        c[1] = (uint32_t)b;
        c[3] = (uint32_t)a;
        c[0] = n0;
        c[2] = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static uint64_t mix(uint64_t x)   /* splitmix64's finaliser */
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

rt_rng rt_rng_make(uint64_t seed, uint64_t stream, uint64_t step, rt_draw purpose)
{
    return (rt_rng){
        .seed = mix(seed + 0x9E3779B97F4A7C15ull) ^ mix(stream), .step = step, .purpose = (uint32_t)purpose};
}

/* The counter is (element, step, purpose); `half` selects one of the two 64-bit words of a block. */
static void block(const rt_rng *rng, uint64_t element, uint64_t out[2])
{
    uint32_t c[4] = {(uint32_t)element, (uint32_t)(element >> 32) ^ (rng->purpose << 16), (uint32_t)rng->step,
                     (uint32_t)(rng->step >> 32)};
    philox(c, (uint32_t)rng->seed, (uint32_t)(rng->seed >> 32));
    out[0] = (uint64_t)c[1] << 32 | c[0];
    out[1] = (uint64_t)c[3] << 32 | c[2];
}

uint64_t rt_rng_bits(const rt_rng *rng, uint64_t element)
{
    uint64_t word[2];
    block(rng, element, word);
    return word[0];
}

double rt_rng_uniform(const rt_rng *rng, uint64_t element)
{
    return (double)(rt_rng_bits(rng, element) >> 11) * 0x1p-53;
}

double rt_rng_normal(const rt_rng *rng, uint64_t element)
{
    uint64_t word[2];
    block(rng, element, word);
    double u = ((double)(word[0] >> 11) + 1.0) * 0x1p-53, angle = (double)(word[1] >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * angle);
}

void rt_rng_normals(const rt_rng *rng, uint64_t first, int64_t count, float *out)
{
    for (int64_t i = 0; i < count;) {
        uint64_t word[2], element = first + (uint64_t)i;
        block(rng, element / 2, word);
        double u = ((double)(word[0] >> 11) + 1.0) * 0x1p-53, angle = (double)(word[1] >> 11) * 0x1p-53, sine, cosine;
        double radius = sqrt(-2.0 * log(u));
        sincos(2.0 * M_PI * angle, &sine, &cosine);
        if (element % 2 == 0) out[i++] = (float)(radius * cosine);
        if (i < count) out[i++] = (float)(radius * sine);
    }
}

int64_t rt_rng_below(const rt_rng *rng, uint64_t element, int64_t bound)
{
    return (int64_t)(((unsigned __int128)rt_rng_bits(rng, element) * (uint64_t)bound) >> 64);
}

void rt_rng_rotation(const rt_rng *rng, uint64_t element, double out[9])
{
    double q[4], norm = 0;
    for (int i = 0; i < 4; i++) {
        q[i] = rt_rng_normal(rng, element * 4 + (uint64_t)i);
        norm += q[i] * q[i];
    }
    norm = sqrt(norm);
    double w = q[0] / norm, x = q[1] / norm, y = q[2] / norm, z = q[3] / norm;
    out[0] = 1 - 2 * (y * y + z * z), out[1] = 2 * (x * y - z * w), out[2] = 2 * (x * z + y * w);
    out[3] = 2 * (x * y + z * w), out[4] = 1 - 2 * (x * x + z * z), out[5] = 2 * (y * z - x * w);
    out[6] = 2 * (x * z - y * w), out[7] = 2 * (y * z + x * w), out[8] = 1 - 2 * (x * x + y * y);
}

void rt_rng_permutation(const rt_rng *rng, int64_t n, int64_t *out_index)
{
    for (int64_t i = 0; i < n; i++) out_index[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = rt_rng_below(rng, (uint64_t)i, i + 1), t = out_index[i];
        out_index[i] = out_index[j];
        out_index[j] = t;
    }
}

uint64_t rt_hash_name(const char *name, int64_t length)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    for (int64_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)name[i]) * 0x100000001B3ull;
    return hash;
}

uint64_t rt_hash_text(const char *text) { return rt_hash_name(text, (int64_t)strlen(text)); }
