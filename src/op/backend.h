/* backend.h - the seam between layers and devices: a context and a table of ops
 * Room: op.  Uses: base/arena, base/pool, base/tensor.
 *
 * Layers call rt_op_<name>(ctx, ...) and hold no #ifdef.  A failure (an arena that is full, a device error) is sticky in
 * the context: ops after it do nothing, and the stage boundary returns it, so that math reads as math.
 */
#ifndef RT_OP_BACKEND_H
#define RT_OP_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/status.h"
#include "base/tensor.h"

typedef struct rt_ctx rt_ctx;

typedef enum { RT_ACT_NONE, RT_ACT_RELU, RT_ACT_SIGMOID, RT_ACT_SILU } rt_act;

/* What happens to a product while its tile is still in the cache. */
typedef struct {
    rt_act act;
    bool add;         /* y += instead of y = */
    rt_tensor mul;    /* data NULL: absent */
} rt_epilogue;

#define RT_ABSENT ((rt_tensor){0})

/* What an attention's backward writes, shaped as the forward's tensors. */
typedef struct {
    rt_tensor dq, dk, dv;
    rt_tensor opt_dbias;   /* += */
    rt_tensor opt_dgate;   /* wanted only with a gate */
    rt_tensor opt_o;       /* the forward's gated output again, which the layer after it needs for its weights' gradient */
} rt_attention_grad;

typedef struct rt_backend {
    const char *name;
#define RT_OP(name, parameters, arguments, help) void(*name) parameters;
#include "op/ops.def"
#undef RT_OP
} rt_backend;

/* Called with a stage's output; may overwrite its values (feeding the next stage).  See rt_probe(). */
typedef void rt_probe_function(void *user, rt_ctx *ctx, rt_tensor tensor, int64_t part, const char *name);

struct rt_ctx {
    const rt_backend *op;
    rt_pool *pool;
    rt_arena *step;       /* activations; mark/reset by whoever pushes */
    rt_dtype real;        /* RT_F32 or RT_F64 */
    bool bf16;            /* matrix products take BF16 inputs where a BF16 copy of the weight exists; a backward runs with
                           * the value that its forward had */
    void *device;         /* the backend's own state */
    bool on_device;       /* tensors are a device's memory, and its work is queued: see rt_ctx_sync */
    rt_status status;     /* sticky */
    rt_err err;
    rt_probe_function *probe;
    void *probe_user;
    struct rt_dropout *dropout;   /* layer/dropout: NULL is off */
    int64_t keep_every;   /* activation checkpointing, see layer/stack: 0 keeps everything */
    bool offload;         /* a device's: what is kept for a later recomputation waits in the host's memory, see rt_put_aside */
    struct rt_arena *aside;   /* there */
    int64_t aside_bytes;  /* at its highest, as last measured */
    double flop;          /* counted so far, while `counting` */
    bool counting;        /* measuring, and the work of every block is counted: see rt_ctx_count_begin */
    bool measuring;       /* memory is pushed as ever, nothing is computed: see rt_ctx_measure_begin */
    struct rt_tile_contexts *tiles;   /* of its workers, see op/tiles; NULL: none */
    int worker;           /* in a tile: whose; and what an op would cut further is not cut */
    bool in_tile;
    bool frugal;          /* layers take longer in less memory where they can; the results are the same */
    bool (*opt_stop)(void);   /* asked between blocks: true makes the context fail with RT_ERR_STOPPED */
};

/* ---- contexts ---- */
typedef enum { RT_BACKEND_CPU, RT_BACKEND_REF, RT_BACKEND_REF64, RT_BACKEND_CUDA } rt_backend_kind;

/* memory: capacity of the step arena in bytes; on a device with what else is taken there.  RT_ERR_UNSUPPORTED for CUDA when this
 * build or machine has none. */
rt_status rt_ctx_create(rt_ctx **ret_ctx, rt_backend_kind kind, int threads, int64_t memory, rt_err *err);
void rt_ctx_free(rt_ctx *ctx);

/* Waits for a device's queued work: whatever the host does with a tensor's data between ops comes after this.  Does nothing on
 * the CPU and while measuring. */
void rt_ctx_sync(rt_ctx *ctx);

/* An arena for what outlives steps: weights, gradients, moments.  On the CPU, and without a context, it has memory of its own;
 * on a device a piece of the step arena's, which must be empty but for other such pieces, until the context ends. */
rt_status rt_ctx_arena_create(rt_ctx *opt_ctx, rt_arena **ret_arena, const char *name, int64_t bytes, rt_err *err);
/* The arena is full: what it did not use goes back, if it was the last one made. */
void rt_ctx_arena_settle(rt_ctx *opt_ctx, rt_arena *arena);

/* Bytes that a context of this kind may take when nothing else is said. */
int64_t rt_backend_memory(rt_backend_kind kind);
/* Bytes that the process takes beside arenas: the program and its files, or a device's own and its libraries' memory. */
int64_t rt_ctx_rest_bytes(const rt_ctx *ctx);

/* Between two targets, outside of any op: gives back the memory that the last one needed and the next one may not. */
void rt_ctx_trim(rt_ctx *ctx);

/* Measuring: between begin and end the context has another arena, which is address space only, and idle workers, so that
 * running a layer pushes exactly what it would push and computes nothing.  The references cannot do that.
 * rt_ctx_measure_end gives the arena's peak, and the memory of oneDNN's own that the work would need. */
typedef struct {
    rt_arena *step, *aside;
} rt_ctx_measure;
rt_status rt_ctx_measure_begin(rt_ctx *ctx, rt_ctx_measure *out_measure, rt_err *err);
int64_t rt_ctx_measure_end(rt_ctx *ctx, rt_ctx_measure *measure);
bool rt_ctx_can_measure(const rt_ctx *ctx);

/* True when products of BF16 matrices are computed in BF16 here; otherwise BF16 weights are widened to F32 for them. */
bool rt_ctx_has_bf16(const rt_ctx *ctx);

/* Counting: as measuring, but every block of a stack is run, and the ops add up what their products would take: 2 per
 * multiply-add of matrix products, triangle products and attentions, whatever device computes them; nothing for what is
 * done per element.  rt_ctx_count_end gives the sum. */
rt_status rt_ctx_count_begin(rt_ctx *ctx, rt_ctx_measure *out_measure, rt_err *err);
double rt_ctx_count_end(rt_ctx *ctx, rt_ctx_measure *measure);

/* Work that is queued many times on the same tensors, such as the network in each step of the sampler.  The first run is as
 * ever; on a device the second is recorded (a CUDA graph), and the later ones replay it: one launch for the host instead of
 * hundreds, which is what takes the time of short RNAs.  With a probe or dropout, while measuring and on the CPU every run is
 * as ever.  `work` must queue the same ops on the same memory each time, upload nothing, wait for nothing, draw no number,
 * and leave the step arena as it was; so must what is at work between runs, for the arena is used again at the same place. */
typedef struct {
    int64_t expected;   /* runs, the caller's; few are not recorded */
    struct rt_cuda_recording *recording;
    int64_t runs, mark;
    bool refused;
} rt_replay;            /* begins as {.expected = n} */
/* Runs that are worth a recording, and kernels of one: NVIDIA's figure is 10 KB of the device's memory for each. */
enum { RT_REPLAY_RUNS = 4, RT_REPLAY_MOST = 8192 };
typedef void rt_replay_work(rt_ctx *ctx, void *user);
void rt_replay_run(rt_ctx *ctx, rt_replay *replay, rt_replay_work *work, void *user);
void rt_replay_end(rt_replay *replay);

/* How many of n equal blocks of a stack are to be run: all, or one when measuring, because the others need the same. */
static inline int64_t rt_ctx_blocks(const rt_ctx *ctx, int64_t n) { return ctx->measuring && !ctx->counting && n > 1 ? 1 : n; }

/* The sticky status; copies the error out and clears it, so that the next target starts clean. */
rt_status rt_ctx_take(rt_ctx *ctx, rt_err *err);

/* Long stacks call this between blocks: false after a failure or when the user asked to stop. */
bool rt_ctx_go_on(rt_ctx *ctx);

/* An uninitialised tensor of the context's real type (or of `dtype`) on the step arena.  When the arena is full the
 * context fails and the tensor has data NULL, which no op touches. */
rt_tensor rt_new_shape(rt_ctx *ctx, rt_dtype dtype, int ndim, const int64_t *dim);
#define RT_NEW(ctx, ...) \
    rt_new_shape((ctx), (ctx)->real, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#define RT_NEW_TYPE(ctx, dtype, ...) \
    rt_new_shape((ctx), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

/* The same for what only the host reads and writes, with no need to wait for a device: lists, sums, what is to be uploaded.
 * No op may have it. */
rt_tensor rt_new_host(rt_ctx *ctx, rt_dtype dtype, int ndim, const int64_t *dim);
#define RT_NEW_HOST(ctx, dtype, ...) \
    rt_new_host((ctx), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
/* A tensor of the host's that ops may read: t itself on the CPU, a copy on a device's step arena; data NULL stays NULL. */
rt_tensor rt_upload(rt_ctx *ctx, rt_tensor t);

/* A copy of t in the context's real type on the step arena. */
rt_tensor rt_new_like(rt_ctx *ctx, rt_tensor t);
rt_tensor rt_new_copy(rt_ctx *ctx, rt_tensor t);
void rt_zero(rt_ctx *ctx, rt_tensor t);
/* A copy of t that is not needed for a while: on the step arena, or with ctx->offload in the host's memory, where rt_new_copy
 * fetches it.  Released by rt_aside_reset to a mark, last come first gone; without offloading marks mean nothing. */
rt_tensor rt_put_aside(rt_ctx *ctx, rt_tensor t);
int64_t rt_aside_mark(const rt_ctx *ctx);
void rt_aside_reset(rt_ctx *ctx, int64_t mark);
/* Offloading with `bytes` of the host's memory, locked there, until the context ends.  RT_ERR_MEMORY. */
rt_status rt_ctx_offload(rt_ctx *ctx, int64_t bytes, rt_err *err);
/* Ranking works in float: a double context's tensor is converted, a float context's used as it is. */
rt_tensor rt_as_f32(rt_ctx *ctx, rt_tensor t);

/* Shows a stage's output to whoever watches; does nothing (and formats nothing) otherwise.  The name is the golden
 * files': "pairformer_stack.blocks.0@1.1" is the second element of block 0's second call. */
#define RT_PROBE(ctx, tensor, ...)                                                              \
    do {                                                                                        \
        if ((ctx)->probe && (ctx)->status == RT_OK) rt_probe_named((ctx), (tensor), -1, __VA_ARGS__); \
    } while (0)
/* The same for part `part` of a golden tensor's first dimension. */
#define RT_PROBE_PART(ctx, tensor, part, ...)                                                   \
    do {                                                                                        \
        if ((ctx)->probe && (ctx)->status == RT_OK) rt_probe_named((ctx), (tensor), (part), __VA_ARGS__); \
    } while (0)
void rt_probe_named(rt_ctx *ctx, rt_tensor tensor, int64_t part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- ops ---- */
#define RT_OP(name, parameters, arguments, help)      \
    static inline void rt_op_##name parameters        \
    {                                                 \
        if (ctx->status == RT_OK) ctx->op->name arguments; \
    }
#include "op/ops.def"
#undef RT_OP

extern const rt_backend rt_backend_cpu, rt_backend_ref_f32, rt_backend_ref_f64, rt_backend_cuda;

/* Number of rows of ops.def, and those that the CUDA table still lacks (all, in a build without CUDA). */
int rt_op_count(void);
const char *rt_op_name(int index);
int rt_cuda_missing(void);
/* NULL when a CUDA device can be used, else one line that says why not; rt_cuda_advice what to do about it ("": nothing). */
const char *rt_cuda_unavailable(void);
const char *rt_cuda_advice(void);

/* What a CUDA device is; the first is the one that is used, under mpirun see op/placement. */
typedef struct {
    char name[128], uuid[48];      /* uuid: as nvidia-smi writes it, GPU-8-4-4-4-12 hexadecimal digits */
    int64_t memory, memory_free;   /* bytes */
    int major, minor;              /* compute capability */
    bool bf16;
} rt_cuda_device;
/* Their number, and the first `most` of them. */
int rt_cuda_devices(rt_cuda_device *out_devices, int most);
/* CUDA versions as 1000 major + 10 minor: this build's (0: built without) and the driver's (0: there is none). */
int rt_cuda_build_version(void);
int rt_cuda_driver_version(void);

/* Windows of the atom transformers, AF3's sizes; the reference fixes them too. */
enum { RT_WINDOW_QUERIES = 32, RT_WINDOW_KEYS = 128 };
static inline int64_t rt_window_count(int64_t n_atom) { return (n_atom + RT_WINDOW_QUERIES - 1) / RT_WINDOW_QUERIES; }
/* Atom index of key `k` of window `w`; may lie outside 0..A-1. */
static inline int64_t rt_window_key(int64_t w, int64_t k)
{
    return w * RT_WINDOW_QUERIES - (RT_WINDOW_KEYS - RT_WINDOW_QUERIES) / 2 + k;
}

#endif
