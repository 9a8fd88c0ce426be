/* cuda_table.cu - the CUDA backend's table: one row for every row of ops.def, a null pointer where it is NOT_YET written
 *
 * It compiles with the seam, so that a kernel is added by writing it and replacing its NOT_YET; rt_cuda_unavailable()
 * refuses the device as long as any row is missing.
 */
#include <cuda_runtime.h>

extern "C" {
#include "op/backend.h"
}

#define NOT_YET nullptr

extern "C" {

extern const rt_backend rt_backend_cuda = {
    "cuda",
#define RT_OP(name, parameters, arguments, help) NOT_YET,
#include "op/ops.def"
#undef RT_OP
};

int rt_cuda_missing(void)
{
    int missing = 0;
#define RT_OP(name, parameters, arguments, help) missing += rt_backend_cuda.name == nullptr;
#include "op/ops.def"
#undef RT_OP
    return missing;
}

const char *rt_cuda_unavailable(void)
{
    int count = 0;
    if (rt_cuda_missing()) return "its kernels are not written yet (op/ops.def has rows that the CUDA table lacks)";
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return "no CUDA device or driver was found";
    return nullptr;
}

}
