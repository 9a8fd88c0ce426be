/* cuda_gemm.cu - one way to multiply matrices on the device, and the plans of the products that were asked for so far */
#ifndef RT_CUDA_EMULATED
#include <cublasLt.h>
#include <dlfcn.h>
#endif
#include "op/cuda_gemm.h"

#include <stdio.h>
#include <stdlib.h>

extern "C" {
#include "base/log.h"
#include "base/memory.h"
}

#define LIBRARY(X)                                                                                                  \
    X(cublasLtCreate) X(cublasLtDestroy) X(cublasLtMatmulDescCreate) X(cublasLtMatmulDescDestroy)                   \
    X(cublasLtMatmulDescSetAttribute) X(cublasLtMatrixLayoutCreate) X(cublasLtMatrixLayoutDestroy)                  \
    X(cublasLtMatrixLayoutSetAttribute) X(cublasLtMatmulPreferenceCreate) X(cublasLtMatmulPreferenceDestroy)        \
    X(cublasLtMatmulPreferenceSetAttribute) X(cublasLtMatmulAlgoGetHeuristic) X(cublasLtMatmul)

/* A product with everything that the library wants to know of it. */
struct plan {
    rt_cuda_product shape;
    uint32_t alignment;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t left, right, out;
    cublasLtMatmulAlgo_t algo;
    bool plain;          /* the library has none: our own kernel */
    int64_t next;        /* of the same hash; -1: none */
};

/* PLANS_KEPT: a length has hundreds of products, and a training set thousands of counts of atoms; 1 or 2 KB each. */
enum { BUCKETS = 1024, PLANS_KEPT = 8 * BUCKETS };

struct rt_cuda_products {
#define X(name) decltype(&::name) name;
    LIBRARY(X)
#undef X
    void *library;
    cublasLtHandle_t handle;
    void *workspace;
    int64_t workspace_bytes;
    plan *plans;
    int64_t n_plan, capacity;
    bool said_plain;
    int64_t bucket[BUCKETS];
};

#ifdef RT_CUDA_EMULATED
const char *rt_cuda_products_missing(void) { return NULL; }

static rt_status load(rt_cuda_products *p, rt_err *err)
{
    (void)err;
#define X(name) p->name = ::name;
    LIBRARY(X)
#undef X
    return RT_OK;
}
#else
#if CUDART_VERSION >= 13000
#define FILE_NAME "libcublasLt.so.13"
#else
#define FILE_NAME "libcublasLt.so.12"
#endif

/* Beside the program (its rpath is lib/), where the system looks, and where CUDA's own installer puts it.  It stays
 * once it is there: with its kernels it registers at a CUDA runtime of its own, and to read it again takes long. */
static void *open_library(void)
{
    enum { HOW = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE };
    void *library = dlopen(FILE_NAME, HOW);
    return library ? library : dlopen("/usr/local/cuda/lib64/" FILE_NAME, HOW);
}

const char *rt_cuda_products_missing(void)
{
    void *library = open_library();
    if (!library) return FILE_NAME " was not found, with which the CUDA backend multiplies";
    dlclose(library);
    return NULL;
}

static rt_status load(rt_cuda_products *p, rt_err *err)
{
    p->library = open_library();
    if (!p->library) return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s", rt_cuda_products_missing());
#define X(name)                                                                                                       \
    p->name = (decltype(p->name))dlsym(p->library, #name);                                                            \
    if (!p->name) return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, FILE_NAME " lacks " #name);
    LIBRARY(X)
#undef X
    return RT_OK;
}
#endif

static void forget(rt_cuda_products *p, plan *plan)
{
    if (plan->desc) p->cublasLtMatmulDescDestroy(plan->desc);
    if (plan->left) p->cublasLtMatrixLayoutDestroy(plan->left);
    if (plan->right) p->cublasLtMatrixLayoutDestroy(plan->right);
    if (plan->out) p->cublasLtMatrixLayoutDestroy(plan->out);
}

/* What is queued needs them no more: cublasLtMatmul has read them. */
static void clear_plans(rt_cuda_products *p)
{
    for (int64_t i = 0; i < p->n_plan; i++) forget(p, &p->plans[i]);
    p->n_plan = 0;
    for (int i = 0; i < BUCKETS; i++) p->bucket[i] = -1;
}

rt_status rt_cuda_products_create(rt_cuda_products **ret_products, void *workspace, int64_t bytes, rt_err *err)
{
    rt_cuda_products *p = (rt_cuda_products *)rt_alloc(1, sizeof *p, err);
    *ret_products = p;
    if (!p) return RT_ERR_MEMORY;
    p->workspace = workspace;
    p->workspace_bytes = bytes;
    clear_plans(p);
    rt_status status = load(p, err);
    if (status != RT_OK) return status;
    cublasStatus_t made = p->cublasLtCreate(&p->handle);
    if (made != CUBLAS_STATUS_SUCCESS)
        return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "cuBLASLt does not start (error %d)", (int)made);
    return RT_OK;
}

void rt_cuda_products_free(rt_cuda_products *p)
{
    if (!p) return;
    clear_plans(p);
    if (p->handle) p->cublasLtDestroy(p->handle);
    free(p->plans);
    free(p);
}

extern "C" int64_t rt_cuda_plans(const rt_ctx *ctx) { return rt_cuda_products_of(ctx)->n_plan; }

static bool same(const rt_cuda_product *a, const rt_cuda_product *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->a_ld == b->a_ld && a->b_ld == b->b_ld && a->c_ld == b->c_ld &&
           a->batch == b->batch && a->a_step == b->a_step && a->b_step == b->b_step && a->c_step == b->c_step &&
           a->a_t == b->a_t && a->b_t == b->b_t && a->bf16 == b->bf16 && a->bias == b->bias && a->relu == b->relu;
}

static unsigned int hash(const rt_cuda_product *s, uint32_t alignment)
{
    const int64_t of[] = {s->m, s->n, s->k, s->a_ld, s->b_ld, s->c_ld, s->batch, s->a_step, s->b_step, s->c_step, s->a_t,
                          s->b_t, s->bf16, s->bias, s->relu, alignment};
    uint64_t h = 1469598103934665603ull;
    for (int64_t value : of) h = (h ^ (uint64_t)value) * 1099511628211ull;
    return (unsigned int)(h >> 32) % BUCKETS;
}

static bool lay_out(rt_cuda_products *p, cublasLtMatrixLayout_t *out, cudaDataType type, int64_t rows, int64_t cols, int64_t ld,
                    int64_t batch, int64_t step)
{
    int32_t count = (int32_t)batch;
    return p->cublasLtMatrixLayoutCreate(out, type, (uint64_t)rows, (uint64_t)cols, ld) == CUBLAS_STATUS_SUCCESS &&
           p->cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count) ==
               CUBLAS_STATUS_SUCCESS &&
           p->cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof step) ==
               CUBLAS_STATUS_SUCCESS;
}

/* The library is column-major, where a row-major C is C^T = B^T A^T: B is its first operand. */
static bool describe(rt_cuda_products *p, plan *plan)
{
    const rt_cuda_product *s = &plan->shape;
    cudaDataType type = s->bf16 ? CUDA_R_16BF : CUDA_R_32F;
    cublasOperation_t first = s->b_t ? CUBLAS_OP_T : CUBLAS_OP_N, second = s->a_t ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasLtEpilogue_t epilogue = s->relu ? s->bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU
                                          : s->bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    return p->cublasLtMatmulDescCreate(&plan->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
           p->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first) ==
               CUBLAS_STATUS_SUCCESS &&
           p->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second) ==
               CUBLAS_STATUS_SUCCESS &&
           p->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue) ==
               CUBLAS_STATUS_SUCCESS &&
           lay_out(p, &plan->left, type, s->b_t ? s->k : s->n, s->b_t ? s->n : s->k, s->b_ld, s->batch, s->b_step) &&
           lay_out(p, &plan->right, type, s->a_t ? s->m : s->k, s->a_t ? s->k : s->m, s->a_ld, s->batch, s->a_step) &&
           lay_out(p, &plan->out, CUDA_R_32F, s->n, s->m, s->c_ld, s->batch, s->c_step);
}

/* The first of the library's proposals, which is the same in every run; sums over parts of k in any order are ruled out. */
static bool choose(rt_cuda_products *p, plan *plan)
{
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t result;
    uint64_t workspace = (uint64_t)p->workspace_bytes;
    uint32_t sums = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE | CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE;
    static const cublasLtMatmulPreferenceAttributes_t ALIGNMENTS[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    int found = 0;
    bool ok = p->cublasLtMatmulPreferenceCreate(&preference) == CUBLAS_STATUS_SUCCESS &&
              p->cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                                      sizeof workspace) == CUBLAS_STATUS_SUCCESS &&
              p->cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &sums,
                                                      sizeof sums) == CUBLAS_STATUS_SUCCESS;
    for (int i = 0; i < 4 && ok; i++)
        ok = p->cublasLtMatmulPreferenceSetAttribute(preference, ALIGNMENTS[i], &plan->alignment, sizeof plan->alignment) ==
             CUBLAS_STATUS_SUCCESS;
    ok = ok && p->cublasLtMatmulAlgoGetHeuristic(p->handle, plan->desc, plan->left, plan->right, plan->out, plan->out,
                                                 preference, 1, &result, &found) == CUBLAS_STATUS_SUCCESS && found == 1 &&
         result.state == CUBLAS_STATUS_SUCCESS;
    if (ok) plan->algo = result.algo;
    if (preference) p->cublasLtMatmulPreferenceDestroy(preference);
    return ok;
}

static plan *find(rt_ctx *ctx, rt_cuda_product shape, uint32_t alignment)
{
    rt_cuda_products *p = rt_cuda_products_of(ctx);
    unsigned int at = hash(&shape, alignment);
    for (int64_t i = p->bucket[at]; i >= 0; i = p->plans[i].next)
        if (p->plans[i].alignment == alignment && same(&p->plans[i].shape, &shape)) return &p->plans[i];
    if (p->n_plan == PLANS_KEPT) clear_plans(p);
    rt_status status = rt_grow((void **)&p->plans, &p->capacity, p->n_plan + 1, sizeof *p->plans, &ctx->err);
    if (status != RT_OK) {
        ctx->status = status;
        return NULL;
    }
    plan made = {};
    made.shape = shape;
    made.alignment = alignment;
    made.next = p->bucket[at];
    bool ok = describe(p, &made);
    /* the library reads off this pointer, which it does not follow here, how later ones will be aligned */
    const void *like = (const void *)(uintptr_t)alignment;
    if (ok && shape.bias)
        ok = p->cublasLtMatmulDescSetAttribute(made.desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &like, sizeof like) ==
             CUBLAS_STATUS_SUCCESS;
    made.plain = !ok || !choose(p, &made);
    if (made.plain && !p->said_plain) {
        rt_warn("cuBLASLt has no product of (%lld,%lld) by (%lld,%lld) in %s on this device; a slower kernel computes it",
                (long long)shape.m, (long long)shape.k, (long long)shape.k, (long long)shape.n, shape.bf16 ? "BF16" : "F32");
        p->said_plain = true;
    }
    p->plans[p->n_plan] = made;
    p->bucket[at] = p->n_plan;
    return &p->plans[p->n_plan++];
}

/* ---- where the library has no product of a shape ---- */

enum { SIDE = 16 };   /* of the square of C that a block computes, one number a thread */

static __device__ __forceinline__ float number(float x) { return x; }
static __device__ __forceinline__ float number(uint16_t x) { return rt_widen(x); }

template <typename T>
static __global__ void multiply_plain(rt_cuda_product s, const T *a, const T *b, float *c, const float *bias)
{
    RT_SHARED(float, left);   /* rows of SIDE + 1, so that columns fall into different banks */
    float *right = left + SIDE * (SIDE + 1), sum = 0;
    int64_t across = (s.n + SIDE - 1) / SIDE, tiles = (s.m + SIDE - 1) / SIDE * across;
    int64_t batch = blockIdx.x / tiles, tile = blockIdx.x % tiles;
    int x = (int)threadIdx.x, y = (int)threadIdx.y, here = y * (SIDE + 1) + x;
    int64_t row = tile / across * SIDE + y, column = tile % across * SIDE + x;
    a += batch * s.a_step, b += batch * s.b_step, c += batch * s.c_step;
    for (int64_t k = 0; k < s.k; k += SIDE) {
        bool in_a = row < s.m && k + x < s.k, in_b = column < s.n && k + y < s.k;
        __syncthreads();   /* the squares before are read */
        left[here] = in_a ? number(s.a_t ? a[(k + x) * s.a_ld + row] : a[row * s.a_ld + k + x]) : 0.0f;
        right[here] = in_b ? number(s.b_t ? b[column * s.b_ld + k + y] : b[(k + y) * s.b_ld + column]) : 0.0f;
        __syncthreads();
        for (int e = 0; e < SIDE; e++) sum += left[y * (SIDE + 1) + e] * right[e * (SIDE + 1) + x];
    }
    if (row >= s.m || column >= s.n) return;
    if (s.bias) sum += bias[column];
    if (s.relu) sum = fmaxf(sum, 0.0f);
    float *to = c + row * s.c_ld + column;
    *to = s.add ? *to + sum : sum;
}

template <typename T>
static void launch_plain(rt_ctx *ctx, rt_cuda_product s, const T *a, const T *b, float *c, const float *opt_bias)
{
    RT_LAUNCH(ctx, multiply_plain<T>, rt_blocks(s.m, SIDE) * rt_blocks(s.n, SIDE) * s.batch, dim3(SIDE, SIDE),
              2 * SIDE * (SIDE + 1) * sizeof(float), s, a, b, c, opt_bias);
}

void rt_cuda_multiply(rt_ctx *ctx, rt_cuda_product shape, const void *a, const void *b, float *c, const float *opt_bias)
{
    if (ctx->status != RT_OK || ctx->measuring || shape.m == 0 || shape.n == 0) return;
    RT_REQUIRE(shape.k > 0 && shape.bias == (opt_bias != NULL) && !(shape.relu && shape.add));
    if (shape.batch == 0) shape.batch = 1;
    uint32_t alignment = 16;
    while (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)opt_bias) % alignment) alignment /= 2;
    rt_cuda_products *p = rt_cuda_products_of(ctx);
    plan *plan = find(ctx, shape, alignment);
    if (!plan) return;
    if (plan->plain) {
        if (shape.bf16) launch_plain(ctx, shape, (const uint16_t *)a, (const uint16_t *)b, c, opt_bias);
        else launch_plain(ctx, shape, (const float *)a, (const float *)b, c, opt_bias);
        return;
    }
    const float one = 1, keep = shape.add ? 1 : 0;
    rt_cuda_count(ctx);
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    if (opt_bias)
        status = p->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &opt_bias, sizeof opt_bias);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = p->cublasLtMatmul(p->handle, plan->desc, &one, b, plan->left, a, plan->right, &keep, c, plan->out, c, plan->out,
                                   &plan->algo, p->workspace, (size_t)p->workspace_bytes, rt_cuda_stream(ctx));
    if (status != CUBLAS_STATUS_SUCCESS)
        ctx->status = rt_fail(&ctx->err, RT_ERR_UNSUPPORTED, NULL, 0, "cuBLASLt: a product failed (error %d)", (int)status);
}

static __global__ void to_bf16(uint16_t *out, const float *in, int64_t n)
{
    for (int64_t i = rt_thread(); i < n; i += rt_thread_count()) out[i] = rt_round_bf16(in[i]);
}

static __global__ void from_bf16(float *out, const uint16_t *in, int64_t n)
{
    for (int64_t i = rt_thread(); i < n; i += rt_thread_count()) out[i] = rt_widen(in[i]);
}

void rt_cuda_to_bf16(rt_ctx *ctx, uint16_t *out, const float *in, int64_t n)
{
    RT_LAUNCH(ctx, to_bf16, rt_blocks(n, 4 * RT_THREADS), RT_THREADS, 0, out, in, n);
}

void rt_cuda_from_bf16(rt_ctx *ctx, float *out, const uint16_t *in, int64_t n)
{
    RT_LAUNCH(ctx, from_bf16, rt_blocks(n, 4 * RT_THREADS), RT_THREADS, 0, out, in, n);
}
