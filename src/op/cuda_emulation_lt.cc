/* cuda_emulation_lt.cc - cuBLASLt's products on the processor, see cuda_emulation.h */
#include <stdlib.h>

#include <vector>

#include "op/cuda_emulation.h"

struct rt_emulated_lt { int unused; };
struct rt_emulated_matmul { cublasOperation_t a, b; cublasLtEpilogue_t epilogue; const float *bias; };
struct rt_emulated_layout { cudaDataType type; uint64_t rows, cols; int64_t ld; int32_t batch; int64_t step; };
struct rt_emulated_preference { uint32_t alignment[4]; };

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) { *handle = new rt_emulated_lt{}; return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { delete handle; return CUBLAS_STATUS_SUCCESS; }
size_t cublasLtGetVersion(void) { return 130000; }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t, cudaDataType_t)
{
    *desc = new rt_emulated_matmul{CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, NULL};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) { delete desc; return CUBLAS_STATUS_SUCCESS; }

static void take(void *to, size_t wanted, const void *value, size_t size)
{
    if (wanted != size) rt_emulated_fail("cublasLt: an attribute of %zu bytes was given %zu", wanted, size);
    memcpy(to, value, size);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size)
{
    switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA: take(&desc->a, sizeof desc->a, value, size); break;
    case CUBLASLT_MATMUL_DESC_TRANSB: take(&desc->b, sizeof desc->b, value, size); break;
    case CUBLASLT_MATMUL_DESC_EPILOGUE: take(&desc->epilogue, sizeof desc->epilogue, value, size); break;
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: take(&desc->bias, sizeof desc->bias, value, size); break;
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows, uint64_t cols,
                                          int64_t ld)
{
    if (ld < (int64_t)rows) rt_emulated_fail("cublasLt: %lu rows in columns of %ld", (unsigned long)rows, (long)ld);
    *layout = new rt_emulated_layout{type, rows, cols, ld, 1, 0};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { delete layout; return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t size)
{
    if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) take(&layout->batch, sizeof layout->batch, value, size);
    else take(&layout->step, sizeof layout->step, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference)
{
    *preference = new rt_emulated_preference{{256, 256, 256, 256}};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    delete preference;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void *value,
                                                    size_t size)
{
    int which = attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES && size != sizeof(uint64_t))
        rt_emulated_fail("cublasLt: the workspace's size is a uint64_t");
    if (which >= 0) take(&preference->alignment[which], sizeof *preference->alignment, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

/* The algorithm carries the alignment that it was chosen for; of a bias, that of the pointer it was shown. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t *results, int *returned)
{
    if (requested < 1 || getenv("RT_EMULATED_NO_PRODUCTS")) return CUBLAS_STATUS_NOT_SUPPORTED;
    *results = cublasLtMatmulHeuristicResult_t{};
    for (int i = 0; i < 4; i++) results->algo.data[i] = preference->alignment[i];
    uintptr_t bias = (uintptr_t)desc->bias | 256;
    results->algo.data[4] = bias & (~bias + 1);
    *returned = 1;
    return CUBLAS_STATUS_SUCCESS;
}

/* Element (row, column) of op(matrix) number `batch`. */
static float element(const void *data, const rt_emulated_layout &l, cublasOperation_t op, int64_t batch, int64_t row, int64_t col)
{
    int64_t at = batch * l.step + (op == CUBLAS_OP_N ? row + col * l.ld : col + row * l.ld);
    if (l.type == CUDA_R_32F) return ((const float *)data)[at];
    return __uint_as_float((unsigned int)((const uint16_t *)data)[at] << 16);
}

__attribute__((target_clones("arch=haswell", "default")))
static void add_scaled(float *sum, const float *a, float b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) sum[i] += a[i] * b;
}

static void multiply(rt_emulated_matmul m, float alpha, const void *a, rt_emulated_layout la, const void *b,
                     rt_emulated_layout lb, float beta, const float *c, rt_emulated_layout lc, float *d, rt_emulated_layout ld)
{
    int64_t rows = (int64_t)ld.rows, cols = (int64_t)ld.cols, inner = (int64_t)(m.a == CUBLAS_OP_N ? la.cols : la.rows);
    std::vector<float> left((size_t)(rows * inner)), sum((size_t)rows);
    for (int64_t batch = 0; batch < ld.batch; batch++) {
        for (int64_t k = 0; k < inner; k++)
            for (int64_t i = 0; i < rows; i++) left[(size_t)(k * rows + i)] = element(a, la, m.a, batch, i, k);
        for (int64_t j = 0; j < cols; j++) {
            sum.assign((size_t)rows, 0.0f);
            for (int64_t k = 0; k < inner; k++)
                add_scaled(sum.data(), &left[(size_t)(k * rows)], element(b, lb, m.b, batch, k, j), rows);
            for (int64_t i = 0; i < rows; i++) {
                float value = alpha * sum[(size_t)i];
                if (beta != 0) value += beta * c[batch * lc.step + i + j * lc.ld];
                if (m.epilogue & CUBLASLT_EPILOGUE_BIAS) value += m.bias[i];
                if (m.epilogue & CUBLASLT_EPILOGUE_RELU) value = value > 0 ? value : 0;
                d[batch * ld.step + i + j * ld.ld] = value;
            }
        }
    }
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t la, const void *b, cublasLtMatrixLayout_t lb, const void *beta,
                              const void *c, cublasLtMatrixLayout_t lc, void *d, cublasLtMatrixLayout_t ld,
                              const cublasLtMatmulAlgo_t *algo, void *, size_t, cudaStream_t stream)
{
    rt_emulated_matmul m = *desc;
    rt_emulated_layout A = *la, B = *lb, C = *lc, D = *ld;
    float scale = *(const float *)alpha, keep = *(const float *)beta;
    uint64_t inner_a = m.a == CUBLAS_OP_N ? A.cols : A.rows, inner_b = m.b == CUBLAS_OP_N ? B.rows : B.cols;
    uint64_t rows = m.a == CUBLAS_OP_N ? A.rows : A.cols, cols = m.b == CUBLAS_OP_N ? B.cols : B.rows;
    if (inner_a != inner_b || rows != D.rows || cols != D.cols || C.rows != D.rows || C.cols != D.cols || A.type != B.type ||
        D.type != CUDA_R_32F || A.batch != D.batch || B.batch != D.batch)
        rt_emulated_fail("cublasLt: operands that do not fit: (%lu,%lu) by (%lu,%lu) into (%lu,%lu)", (unsigned long)rows,
                         (unsigned long)inner_a, (unsigned long)inner_b, (unsigned long)cols, (unsigned long)D.rows,
                         (unsigned long)D.cols);
    const void *operand[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        rt_emulated_check_pointer("cublasLtMatmul", i, operand[i]);
        if ((uintptr_t)operand[i] % algo->data[i]) rt_emulated_fail("cublasLt: operand %d is not aligned as was said", i);
    }
    if (m.epilogue & CUBLASLT_EPILOGUE_BIAS) {
        rt_emulated_check_pointer("cublasLtMatmul", 4, m.bias);
        if ((uintptr_t)m.bias % algo->data[4])
            rt_emulated_fail("cublasLt: the bias is less aligned than the one it was planned for");
    }
    rt_emulated_queue_call(stream, "cublasLtMatmul",
                           [=]() { multiply(m, scale, a, A, b, B, keep, (const float *)c, C, (float *)d, D); });
    return CUBLAS_STATUS_SUCCESS;
}
