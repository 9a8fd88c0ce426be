/* cpu_layout.c - how numbers lie in memory: transposed blocks, rounding to bfloat16 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <string.h>

#include "op/cpu.h"

/* ---- rounding to bfloat16 -----------------------------------------------------------------------------------------
 */

static void round_to_bf16(uint16_t *out, const float *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, in + i, sizeof bits);
        uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, nan = (bits >> 16) | 0x40u;
        out[i] = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
    }
}

#if defined(__x86_64__)
/* The processor's own rounding: to nearest even too; numbers below 2^-126 become 0. */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) static void round_natively(uint16_t *out, const float *in,
                                                                                           int64_t n)
{
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512bh pair = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(in + i + 16), _mm512_loadu_ps(in + i));
        memcpy(out + i, &pair, sizeof pair);
    }
    if (i < n) {
        float rest[32] = {0};
        memcpy(rest, in + i, (size_t)(n - i) * sizeof *in);
        __m512bh pair = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(rest + 16), _mm512_loadu_ps(rest));
        memcpy(out + i, &pair, (size_t)(n - i) * sizeof *out);
    }
}
#endif

void rt_cpu_to_bf16(uint16_t *out, const float *in, int64_t n)
{
#if defined(__x86_64__)
    if (rt_cpu_has_bf16()) {
        round_natively(out, in, n);
        return;
    }
#endif
    round_to_bf16(out, in, n);
}

/* ---- transposed blocks --------------------------------------------------------------------------------------------
 */

/* out[c][r] = in[r][c], element by element. */
static void transpose_plainly(float *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) out[c * out_stride + r] = in[r * in_stride + c];
}

#if defined(__x86_64__)
/* In four-by-four squares: every x86-64 has these instructions. */
static void transpose_by_4(float *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows, int64_t columns)
{
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        int64_t c = 0;
        for (; c + 4 <= columns; c += 4) {
            const float *from = in + r * in_stride + c;
            float *to = out + c * out_stride + r;
            __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + in_stride), d = _mm_loadu_ps(from + 2 * in_stride),
                   e = _mm_loadu_ps(from + 3 * in_stride);
            _MM_TRANSPOSE4_PS(a, b, d, e);
            _mm_storeu_ps(to, a);
            _mm_storeu_ps(to + out_stride, b);
            _mm_storeu_ps(to + 2 * out_stride, d);
            _mm_storeu_ps(to + 3 * out_stride, e);
        }
        transpose_plainly(out + c * out_stride + r, out_stride, in + r * in_stride + c, in_stride, 4, columns - c);
    }
    transpose_plainly(out + r, out_stride, in + r * in_stride, in_stride, rows - r, columns);
}

enum { AHEAD = 32 };   /* rows fetched before they are wanted: a row's few columns are a cache line far from the last one's */

/* Sixteen rows and columns: quarters of four-by-four squares first, then the quarters among each other. */
__attribute__((target("avx512f"))) static void transpose_square(float *out, int64_t out_stride, const float *in,
                                                                int64_t in_stride)
{
    __m512 row[16], mixed[16];
    for (int i = 0; i < 16; i++) {
        row[i] = _mm512_loadu_ps(in + i * in_stride);
        _mm_prefetch((const char *)(in + (i + AHEAD) * in_stride), _MM_HINT_T0);
    }
    for (int i = 0; i < 16; i += 4) {
        __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(row[i], row[i + 1]));
        __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(row[i], row[i + 1]));
        __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(row[i + 2], row[i + 3]));
        __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(row[i + 2], row[i + 3]));
        mixed[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23));
        mixed[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23));
        mixed[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23));
        mixed[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23));
    }
    for (int i = 0; i < 4; i++) {   /* mixed[i + 4 q]: columns i, i + 4, i + 8, i + 12 of rows 4 q to 4 q + 3 */
        __m512 even01 = _mm512_shuffle_f32x4(mixed[i], mixed[i + 4], 0x88);
        __m512 odd01 = _mm512_shuffle_f32x4(mixed[i], mixed[i + 4], 0xdd);
        __m512 even23 = _mm512_shuffle_f32x4(mixed[i + 8], mixed[i + 12], 0x88);
        __m512 odd23 = _mm512_shuffle_f32x4(mixed[i + 8], mixed[i + 12], 0xdd);
        _mm512_storeu_ps(out + i * out_stride, _mm512_shuffle_f32x4(even01, even23, 0x88));
        _mm512_storeu_ps(out + (i + 4) * out_stride, _mm512_shuffle_f32x4(odd01, odd23, 0x88));
        _mm512_storeu_ps(out + (i + 8) * out_stride, _mm512_shuffle_f32x4(even01, even23, 0xdd));
        _mm512_storeu_ps(out + (i + 12) * out_stride, _mm512_shuffle_f32x4(odd01, odd23, 0xdd));
    }
}

static void transpose_by_16(float *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows, int64_t columns)
{
    int64_t r = 0;
    for (; r + 16 <= rows; r += 16) {
        int64_t c = 0;
        for (; c + 16 <= columns; c += 16)
            transpose_square(out + c * out_stride + r, out_stride, in + r * in_stride + c, in_stride);
        transpose_by_4(out + c * out_stride + r, out_stride, in + r * in_stride + c, in_stride, 16, columns - c);
    }
    transpose_by_4(out + r, out_stride, in + r * in_stride, in_stride, rows - r, columns);
}
#endif

void rt_cpu_transpose_block(float *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows, int64_t columns)
{
#if defined(__x86_64__)
    (__builtin_cpu_supports("avx512f") ? transpose_by_16 : transpose_by_4)(out, out_stride, in, in_stride, rows, columns);
#else
    transpose_plainly(out, out_stride, in, in_stride, rows, columns);
#endif
}
