/* cuda_table.cu - the CUDA backend's table: a function for every row of ops.def, or it does not link */
#include "op/cuda_device.h"

extern "C" {

#ifndef __CUDA_ARCH__   /* the host's alone: clang would make a constant of the device of it, too */
extern const rt_backend rt_backend_cuda = {
    "cuda",
#define RT_OP(name, parameters, arguments, help) rt_cuda_##name,
#include "op/ops.def"
#undef RT_OP
};
#endif

int rt_cuda_missing(void) { return 0; }

}
