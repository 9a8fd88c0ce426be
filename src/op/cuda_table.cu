/* cuda_table.cu - the CUDA backend's table: a function for every row of ops.def */
#include "op/cuda_device.h"

namespace table {

/* Rows without a kernel: one line each, deleted with the kernel's arrival.  The name hides the function's. */
#define NOT_YET(name) static constexpr decltype(&::rt_cuda_##name) rt_cuda_##name = nullptr
NOT_YET(layer_norm);
NOT_YET(layer_norm_backward);
NOT_YET(adaptive_layer_norm);
NOT_YET(adaptive_layer_norm_backward);
NOT_YET(add);
NOT_YET(add_backward);
NOT_YET(multiply);
NOT_YET(clamp);
NOT_YET(clamp_backward);
NOT_YET(softmax);
NOT_YET(softmax_backward);
NOT_YET(concat);
NOT_YET(concat_backward);
NOT_YET(place);
NOT_YET(transpose);
NOT_YET(transpose_pair);
NOT_YET(pair_sum);
NOT_YET(pair_sum_backward);
NOT_YET(embed);
NOT_YET(embed_backward);
NOT_YET(attention);
NOT_YET(attention_backward);
NOT_YET(local_attention);
NOT_YET(local_attention_backward);
NOT_YET(distances);
NOT_YET(distance_embed);
NOT_YET(distance_embed_backward);
NOT_YET(gather);
NOT_YET(gather_backward);
NOT_YET(segment_mean);
NOT_YET(segment_mean_backward);
NOT_YET(window_offsets);
NOT_YET(window_offsets_backward);
NOT_YET(window_pairs);
NOT_YET(window_pairs_backward);
NOT_YET(atom_linear);
NOT_YET(atom_linear_backward);
NOT_YET(fourier);
NOT_YET(augment);

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
