/* cuda_emulation.h - what cuda_*.cu files use of CUDA, on the processor: how kernels are tested where there is no GPU
 * Room: op.  Uses: nothing; tests only (`make emulated`), never part of the program.
 *
 * The .cu files are compiled a second time, by g++, against this file.  The threads of a block are fibers: a barrier or a
 * shuffle switches to the next one, in an order that is shuffled, so that a barrier that is missing shows.  Shared memory
 * starts as NaNs and ends at a page that traps.  Work on a stream is queued, as on a device, and runs when the host waits
 * for it; until then all device memory is locked, so that host code which reads or writes it without waiting stops the
 * program with a message.  A pointer that a kernel is given and that is not device memory stops it too.
 *
 * Stricter than a device: a barrier must be reached by all threads of the block, a shuffle by all lanes of the warp.
 */
#ifndef RT_OP_CUDA_EMULATION_H
#define RT_OP_CUDA_EMULATION_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

/* ---- types ---- */
struct uint3 { unsigned int x, y, z; };
struct dim3 {
    unsigned int x, y, z;
    dim3(unsigned int x_ = 1, unsigned int y_ = 1, unsigned int z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct float2 { float x, y; };
struct uint2 { unsigned int x, y; };
struct __attribute__((aligned(16))) float4 { float x, y, z, w; };
struct int2 { int x, y; };
static inline float2 make_float2(float x, float y) { return float2{x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return float4{x, y, z, w}; }
static inline uint2 make_uint2(unsigned int x, unsigned int y) { return uint2{x, y}; }
static inline int2 make_int2(int x, int y) { return int2{x, y}; }

/* ---- where a thread is ---- */
struct rt_emulated_thread { uint3 thread; };
extern rt_emulated_thread *rt_emulated_here;
extern uint3 rt_emulated_block;
extern dim3 rt_emulated_block_size, rt_emulated_grid_size;
#define threadIdx (rt_emulated_here->thread)
#define blockIdx rt_emulated_block
#define blockDim rt_emulated_block_size
#define gridDim rt_emulated_grid_size
static const int warpSize = 32;

void *rt_emulated_shared(void);
void __syncthreads(void);
void __syncwarp(unsigned int mask = 0xffffffffu);
/* Every lane gives 8 bytes and gets those of lane `from`. */
uint64_t rt_emulated_exchange(unsigned int mask, uint64_t value, int from);
/* Every lane of the warp gives `count` (up to 8) words and gets those of all lanes: out (32, count). */
void rt_emulated_share(uint32_t *out, const uint32_t *own, int count);
unsigned int __ballot_sync(unsigned int mask, int predicate);
static inline int __any_sync(unsigned int mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
int __all_sync(unsigned int mask, int predicate);

int rt_emulated_lane(void);
template <typename T> static inline T rt_emulated_shuffle(unsigned int mask, T value, int from)
{
    static_assert(sizeof(T) <= 8, "a shuffle moves up to 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = rt_emulated_exchange(mask, bits, from);
    memcpy(&value, &bits, sizeof value);
    return value;
}
/* Lanes are cut into groups of `width`; a source outside of the group gives the lane's own value. */
template <typename T> static inline T __shfl_sync(unsigned int mask, T value, int lane, int width = 32)
{
    int here = rt_emulated_lane();
    return rt_emulated_shuffle(mask, value, here / width * width + lane % width);
}
template <typename T> static inline T __shfl_xor_sync(unsigned int mask, T value, int bits, int width = 32)
{
    int here = rt_emulated_lane(), from = here ^ bits;
    return rt_emulated_shuffle(mask, value, from / width > here / width ? here : from);
}
template <typename T> static inline T __shfl_down_sync(unsigned int mask, T value, unsigned int by, int width = 32)
{
    int here = rt_emulated_lane(), from = here + (int)by;
    return rt_emulated_shuffle(mask, value, from / width != here / width ? here : from);
}
template <typename T> static inline T __shfl_up_sync(unsigned int mask, T value, unsigned int by, int width = 32)
{
    int here = rt_emulated_lane(), from = here - (int)by;
    return rt_emulated_shuffle(mask, value, from < here / width * width ? here : from);
}

/* ---- arithmetic ---- */
/* glibc declares functions of these names */
#define __expf(x) expf(x)
#define __logf(x) logf(x)
static inline float __fdividef(float a, float b) { return a / b; }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline float cospif(float x) { return (float)cos(M_PI * (double)x); }
static inline float sinpif(float x) { return (float)sin(M_PI * (double)x); }
static inline unsigned int __float_as_uint(float x) { unsigned int u; memcpy(&u, &x, sizeof u); return u; }
static inline float __uint_as_float(unsigned int x) { float f; memcpy(&f, &x, sizeof f); return f; }
static inline int __float_as_int(float x) { return (int)__float_as_uint(x); }
static inline float __int_as_float(int x) { return __uint_as_float((unsigned int)x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __popc(unsigned int x) { return __builtin_popcount(x); }
template <typename T> static inline T __ldg(const T *p) { return *p; }
template <typename T> static inline T min(T a, T b) { return b < a ? b : a; }
template <typename T> static inline T max(T a, T b) { return a < b ? b : a; }

/* ---- the runtime ---- */
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2, cudaErrorNotReady = 600,
                   cudaErrorStreamCaptureUnsupported = 900, cudaErrorStreamCaptureInvalidated = 901 };
typedef struct rt_emulated_stream *cudaStream_t;
enum cudaMemcpyKind { cudaMemcpyDeviceToDevice = 3, cudaMemcpyDefault = 4 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaMemoryAdvise { cudaMemAdviseSetPreferredLocation };
enum cudaMemLocationType { cudaMemLocationTypeDevice = 1 };
struct cudaMemLocation { cudaMemLocationType type; int id; };
struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem;
    int major, minor, multiProcessorCount, pageableMemoryAccess, pciDomainID, pciBusID, pciDeviceID;
    struct { char bytes[16]; } uuid;
};
struct cudaFuncAttributes { int ptxVersion; };
enum { cudaMemAttachGlobal = 1, cudaStreamNonBlocking = 1 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone = 0, cudaStreamCaptureStatusActive = 1 };
typedef struct rt_emulated_graph *cudaGraph_t, *cudaGraphExec_t;
#define CUDART_VERSION 13010

cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *prop, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *out, const void *kernel);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaMemGetInfo(size_t *out_free, size_t *out_total);
cudaError_t cudaMalloc(void **out, size_t bytes);
cudaError_t cudaMallocManaged(void **out, size_t bytes, unsigned int flags);
cudaError_t cudaMallocHost(void **out, size_t bytes);   /* locked like a device's memory */
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMemAdvise(const void *memory, size_t bytes, cudaMemoryAdvise advice, cudaMemLocation location);
cudaError_t cudaMemPrefetchAsync(const void *memory, size_t bytes, cudaMemLocation location, unsigned int flags,
                                 cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned int flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
/* While a stream is captured nothing may wait, allocate or read device memory on the host: the first two fail, as on a
 * device; the last stops the program. */
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *out_status);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out_graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out_exec, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t error);
/* Environment: RT_EMULATED_DEVICES (1), RT_EMULATED_MIB of each (6144), RT_EMULATED_CAPABILITY (89), RT_EMULATED_DRIVER
 * (13010), RT_EMULATED_HMM (0; 1: the device reads the host's memory itself, and copies from there when their turn
 * comes), RT_EMULATED_NO_PRODUCTS (set: cuBLASLt has no product of any shape), RT_EMULATED_NO_GRAPHS (set: none can be
 * made), RT_EMULATED_TALLY (set: at its end the program writes to stderr how often each kernel was queued, how much of it
 * by graphs), RT_EMULATED_FIRST (0: number of the first device that this process sees), RT_EMULATED_NO_NCCL (set: there is
 * no such library), RT_EMULATED_NCCL_FAIL (init, send or run, and the rank: "send 1"; see cuda_emulation_nccl.cc). */

/* ---- launches ---- */
/* `kernel` runs one thread to its end. */
void rt_emulated_queue(cudaStream_t stream, const char *name, dim3 grid, dim3 block, size_t shared,
                       std::function<void()> kernel);
/* Work of a library's on the stream. */
void rt_emulated_queue_call(cudaStream_t stream, const char *name, std::function<void()> call);
/* Stops the program when `p` (not NULL) is not device memory. */
void rt_emulated_check_pointer(const char *kernel, int argument, const void *p);
/* What is queued fails when its turn comes, and with it all that follows. */
void rt_emulated_fail_stream(void);
bool rt_emulated_has_nccl(void);
void rt_emulated_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- cuBLASLt, as far as cuda_gemm.cu goes: column-major, F32 or BF16 in, F32 out ---- */
enum cublasStatus_t { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_NOT_SUPPORTED = 15 };
enum cudaDataType_t { CUDA_R_32F, CUDA_R_16BF };
typedef cudaDataType_t cudaDataType;
enum cublasComputeType_t { CUBLAS_COMPUTE_32F };
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasLtMatmulDescAttributes_t { CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSB, CUBLASLT_MATMUL_DESC_EPILOGUE,
                                      CUBLASLT_MATMUL_DESC_BIAS_POINTER };
enum cublasLtEpilogue_t { CUBLASLT_EPILOGUE_DEFAULT = 1, CUBLASLT_EPILOGUE_RELU = 2, CUBLASLT_EPILOGUE_BIAS = 4,
                          CUBLASLT_EPILOGUE_RELU_BIAS = 6 };
enum cublasLtMatrixLayoutAttribute_t { CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET };
enum cublasLtMatmulPreferenceAttributes_t {
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
};
enum cublasLtReductionScheme_t { CUBLASLT_REDUCTION_SCHEME_NONE = 0, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2,
                                 CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE = 4 };
typedef struct rt_emulated_lt *cublasLtHandle_t;
typedef struct rt_emulated_matmul *cublasLtMatmulDesc_t;
typedef struct rt_emulated_layout *cublasLtMatrixLayout_t;
typedef struct rt_emulated_preference *cublasLtMatmulPreference_t;
struct cublasLtMatmulAlgo_t { uint64_t data[8]; };
struct cublasLtMatmulHeuristicResult_t { cublasLtMatmulAlgo_t algo; size_t workspaceSize; cublasStatus_t state; };

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle);
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle);
size_t cublasLtGetVersion(void);
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute, cudaDataType_t scale);
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc);
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size);
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows, uint64_t cols,
                                          int64_t ld);
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout);
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t size);
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference);
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference);
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void *value,
                                                    size_t size);
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t *results, int *returned);
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout,
                              const void *beta, const void *c, cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algo, void *workspace,
                              size_t workspace_size, cudaStream_t stream);

#endif
