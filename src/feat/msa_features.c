#include "feat/msa_features.h"

#include <math.h>
#include <string.h>

#include "feat/feature_tensor.h"
#include "io/msa.h"

int rt_restype_class(int base)
{
    static const int class_of[4] = {21, 23, 22, 24};
    RT_REQUIRE(base >= 0 && base < 4);
    return class_of[base];
}

float rt_msa_deletion_value(void) { return (float)(2.0 / M_PI) * atanf(1.0f / 3.0f); }

static void class_table(uint8_t table[256])
{
    memset(table, RT_MSA_UNKNOWN, 256);
    table['A'] = table['a'] = 21;
    table['G'] = table['g'] = 22;
    table['C'] = table['c'] = 23;
    table['U'] = table['u'] = 24;
    table['-'] = RT_MSA_GAP;
}

static void encode_row(uint8_t *out, const char *row, int64_t n, const uint8_t table[256])
{
    int64_t i = 0;
    for (; i < n && row[i]; i++) out[i] = table[(uint8_t)row[i]];
    memset(out + i, RT_MSA_UNKNOWN, (size_t)(n - i));
}

/* The classes that are counted; what is none of them is unknown. */
#define COUNTED 5
static const uint8_t counted[COUNTED] = {21, 22, 23, 24, RT_MSA_GAP};

/* count[c][i] += how often column i holds class c in a block of at most 255 rows, so that bytes can hold the sums: the
 * compiler then handles 16 or more columns at once. */
static void count_block(int32_t *count, uint8_t *restrict sum, const uint8_t *msa, int64_t rows, int64_t n)
{
    memset(sum, 0, (size_t)(COUNTED * n));
    for (int64_t m = 0; m < rows; m++)
        for (int c = 0; c < COUNTED; c++) {
            const uint8_t *restrict row = msa + m * n, class = counted[c];
            uint8_t *restrict s = sum + c * n;
#pragma omp simd
            for (int64_t i = 0; i < n; i++) s[i] = (uint8_t)(s[i] + (row[i] == class));
        }
    for (int64_t i = 0; i < COUNTED * n; i++) count[i] += sum[i];
}

/* The mean of deletion_value over a column with k gaps among m rows.  The reference adds them up in float32, row after
 * row, so with thousands of rows its mean depends on that rounding: table[k] repeats the same additions. */
static void deletion_table(float *table, int64_t m)
{
    const float value = rt_msa_deletion_value();
    table[0] = 0;
    for (int64_t k = 1; k <= m; k++) table[k] = table[k - 1] + value;
    for (int64_t k = 0; k <= m; k++) table[k] /= (float)m;
}

static rt_status profile_build(rt_features *f, rt_arena *arena, rt_err *err)
{
    const int64_t n = f->n_token, m = f->n_msa, block = 255;
    const int64_t mark = rt_arena_mark(arena);
    rt_tensor count, sum, table;
    rt_status status = RT_OK;
    RT_FEATURE_PUSH(&count, RT_I32, COUNTED, n);
    RT_FEATURE_PUSH(&sum, RT_U8, COUNTED, n);
    RT_FEATURE_PUSH(&table, RT_F32, m + 1);
    memset(count.data, 0, (size_t)rt_bytes(count));
    for (int64_t from = 0; from < m; from += block) {
        int64_t rows = m - from < block ? m - from : block;
        count_block(count.data, sum.data, (const uint8_t *)f->msa.data + from * n, rows, n);
    }
    deletion_table(table.data, m);
    float *profile = f->profile.data, *mean = f->deletion_mean.data;
    for (int64_t i = 0; i < n; i++) {
        int64_t unknown = m;
        for (int c = 0; c < COUNTED; c++) {
            int32_t k = ((const int32_t *)count.data)[c * n + i];
            profile[32 * i + counted[c]] = (float)((double)k / (double)m);
            unknown -= k;
            if (counted[c] == RT_MSA_GAP) mean[i] = ((const float *)table.data)[k];
        }
        profile[32 * i + RT_MSA_UNKNOWN] = (float)((double)unknown / (double)m);
    }
done:
    rt_arena_reset(arena, mark);
    return status;
}

rt_status rt_msa_features_build(rt_features *features, rt_arena *arena, const rt_input *input, rt_err *err)
{
    rt_features *f = features;
    const int64_t n = f->n_token;
    rt_status status = RT_OK;
    f->has_msa = input->n_msa > 0;
    f->n_msa = !f->has_msa ? 1 : input->n_msa < RT_MSA_ROW_LIMIT ? input->n_msa : RT_MSA_ROW_LIMIT;
    RT_FEATURE_PUSH(&f->msa, RT_U8, f->n_msa, n);
    RT_FEATURE_PUSH(&f->profile, RT_F32, n, 32);
    RT_FEATURE_PUSH(&f->deletion_mean, RT_F32, n);
    memset(f->profile.data, 0, (size_t)rt_bytes(f->profile));
    uint8_t table[256], *msa = f->msa.data;
    class_table(table);
    for (int64_t m = 0; m < f->n_msa; m++)
        encode_row(msa + m * n, f->has_msa ? input->msa_row[m] : input->sequence, n, table);
    status = profile_build(f, arena, err);
done:
    return status;
}
