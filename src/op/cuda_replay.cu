/* cuda_replay.cu - work that repeats, recorded as a CUDA graph: see rt_replay in op/backend.h */
#include "op/cuda_device.h"

#include <stdlib.h>
#include <string.h>

extern "C" {
#include "base/log.h"
#include "base/memory.h"
}

struct rt_cuda_recording {
    cudaGraphExec_t graph;
};

/* The stream's work since cudaStreamBeginCapture as a graph that lies on the device, where it takes memory: a launch that finds
 * none would be too late. */
static cudaError_t finish(cudaStream_t stream, cudaGraphExec_t *out_graph)
{
    cudaGraph_t graph = NULL;
    cudaError_t error = cudaStreamEndCapture(stream, &graph);
    if (error == cudaSuccess) error = cudaGraphInstantiate(out_graph, graph, 0);
    if (error == cudaSuccess) error = cudaGraphUpload(*out_graph, stream);
    if (graph) cudaGraphDestroy(graph);
    return error;
}

extern "C" struct rt_cuda_recording *rt_cuda_record(rt_ctx *ctx, rt_replay_work *work, void *user)
{
    cudaStream_t stream = rt_cuda_stream(ctx);
    int64_t mark = rt_arena_mark(ctx->step);
    const char *wanted = getenv("RT_CUDA_GRAPHS");
    if (wanted && strcmp(wanted, "0") == 0) return NULL;
    rt_cuda_recording *recording = (rt_cuda_recording *)rt_alloc(1, sizeof *recording, NULL);
    if (!recording) return NULL;
    cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    if (error == cudaSuccess) {
        work(ctx, user);
        error = finish(stream, &recording->graph);
    }
    if (ctx->status == RT_OK && error == cudaSuccess) return recording;
    cudaGetLastError();   /* what stopped it is known now, and is not the next launch's */
    rt_cuda_recording_free(recording);
    if (ctx->status == RT_ERR_STOPPED) return NULL;
    static bool said;   /* it is the same for every target */
    if (!said)
        rt_warn("CUDA: each step is queued kernel by kernel, slower for short RNAs, because it could not be recorded as a graph: "
                "%s",
                ctx->status == RT_OK ? cudaGetErrorString(error) : ctx->err.what);
    said = true;
    ctx->status = RT_OK;   /* nothing of it was computed: it is all done again */
    rt_arena_reset(ctx->step, mark);
    return NULL;
}

extern "C" void rt_cuda_replay(rt_ctx *ctx, struct rt_cuda_recording *recording)
{
    if (ctx->status == RT_OK) rt_cuda_check(ctx, cudaGraphLaunch(recording->graph, rt_cuda_stream(ctx)), "a recorded step");
}

extern "C" void rt_cuda_recording_free(struct rt_cuda_recording *recording)
{
    if (!recording) return;
    if (recording->graph) cudaGraphExecDestroy(recording->graph);
    free(recording);
}
