/* cuda_stub.c - the CUDA table of a build without nvcc: it says so */
#include "op/backend.h"

const rt_backend rt_backend_cuda = {.name = "cuda"};

int rt_cuda_missing(void) { return rt_op_count(); }

const char *rt_cuda_unavailable(void) { return "this rnatune was built without CUDA (make CUDA=1 needs nvcc)"; }
