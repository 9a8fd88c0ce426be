/* cuda_table.cu - the CUDA backend's table: a function for every row of ops.def */
#include "op/cuda_device.h"

namespace table {

/* Rows without a kernel: one line each, deleted with the kernel's arrival.  The name hides the function's. */
#define NOT_YET(name) static constexpr decltype(&::rt_cuda_##name) rt_cuda_##name = nullptr
NOT_YET(linear);
NOT_YET(linear_backward);
NOT_YET(epilogue);
NOT_YET(epilogue_backward);
NOT_YET(triangle_product);
NOT_YET(triangle_product_backward);
NOT_YET(outer_product);
NOT_YET(outer_product_backward);
NOT_YET(outer_linear);
NOT_YET(pair_average);
NOT_YET(pair_average_backward);

extern "C" const rt_backend rt_backend_cuda = {
    "cuda",
#define RT_OP(name, parameters, arguments, help) rt_cuda_##name,
#include "op/ops.def"
#undef RT_OP
};

extern "C" bool rt_cuda_has(int index)
{
    const bool there[] = {
#define RT_OP(name, parameters, arguments, help) ::rt_backend_cuda.name != nullptr,
#include "op/ops.def"
#undef RT_OP
    };
    return there[index];
}

}

extern "C" int rt_cuda_missing(void)
{
    int missing = 0;
    for (int i = 0; i < rt_op_count(); i++) missing += !rt_cuda_has(i);
    return missing;
}

extern "C" const char *rt_cuda_unavailable(void)
{
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return "no CUDA device or driver was found";
    return nullptr;
}
