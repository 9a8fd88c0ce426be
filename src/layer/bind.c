#include "layer/bind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"

enum { PROBLEMS_SHOWN = 8 };

void rt_bind_scope(char out[256], const char *prefix, const char *format, ...)
{
    int used = prefix[0] ? snprintf(out, 256, "%s.", prefix) : 0;
    va_list args;
    va_start(args, format);
    if (used >= 0 && used < 256) vsnprintf(out + used, (size_t)(256 - used), format, args);
    va_end(args);
}

bool rt_precision_bf16(rt_precision precision, const char *weight_name)
{
    if (precision == RT_PRECISION_FP32) return false;
    if (precision == RT_PRECISION_BF16) return true;
    return strncmp(weight_name, "diffusion_module.", 17) != 0 && strncmp(weight_name, "confidence_head.", 16) != 0;
}

static const rt_weight *find(rt_binder *binder, const char *name)
{
    const rt_weight *weight = rt_weights_find(binder->weights, name);
    if (weight) {
        if (binder->used) binder->used[weight - rt_weights_at(binder->weights, 0)] = true;
        return weight;
    }
    static const char PREFIX[] = "ribonanza_net.";
    if (binder->ribonanza && strncmp(name, PREFIX, sizeof PREFIX - 1) == 0) {
        weight = rt_weights_find(binder->ribonanza, name + sizeof PREFIX - 1);
        if (weight) binder->n_from_ribonanza++;
    }
    return weight;
}

static void report(rt_binder *binder, int64_t *counter, const char *name, const char *what)
{
    (*counter)++;
    if (binder->n_missing + binder->n_misshapen <= PROBLEMS_SHOWN) rt_text_add(&binder->problems, "\n    %s: %s", name, what);
}

void *rt_bind_array(rt_binder *binder, int64_t count, size_t size)
{
    int64_t bytes = 0;
    void *memory = rt_multiply(count, (int64_t)size, &bytes) ? rt_arena_push_host(binder->arena, bytes) : NULL;
    if (memory) memset(memory, 0, (size_t)bytes);
    else if (binder->status == RT_OK)
        binder->status = rt_fail(binder->err, RT_ERR_MEMORY, NULL, 0, "no memory for a stack of %lld blocks", (long long)count);
    return memory;
}

/* The weight in `dtype`: the mapped memory itself when it has that type and is aligned, else, and on a device, a copy on the
 * arena. */
static rt_tensor convert(rt_binder *binder, rt_tensor t, rt_dtype dtype)
{
    bool aligned = (uintptr_t)t.data % (uintptr_t)rt_dtype_size(dtype) == 0;
    if (t.dtype == dtype && aligned && !rt_arena_on_device(binder->arena)) {
        binder->in_place += rt_bytes(t);
        return t;
    }
    rt_tensor copy = rt_wrap(NULL, dtype, t.ndim, t.dim);
    copy.data = rt_arena_push(binder->arena, rt_bytes(copy));
    if (!copy.data) {
        if (binder->status == RT_OK)
            binder->status = rt_fail(binder->err, RT_ERR_MEMORY, NULL, 0, "the weights need more than %.1f GiB of memory",
                                     (double)rt_arena_capacity(binder->arena) / (1 << 30));
        return rt_wrap(NULL, dtype, t.ndim, t.dim);
    }
    rt_convert(copy.data, dtype, t.data, t.dtype, rt_count(t));
    rt_map_page_out(t.data, rt_bytes(t));
    return copy;
}

/* Small numbers of both signs, not zeros: zeros multiply faster than weights do. */
static rt_tensor make_up(rt_binder *binder, rt_dtype dtype, int ndim, const int64_t *dim, const char *name)
{
    rt_tensor t = rt_wrap(NULL, dtype, ndim, dim);
    t.data = rt_arena_push(binder->arena, rt_bytes(t));
    if (!t.data) {
        if (binder->status == RT_OK)
            binder->status = rt_fail(binder->err, RT_ERR_MEMORY, NULL, 0, "no memory for the weights");
        return t;
    }
    uint64_t state = rt_hash_text(name);
    float scale = ndim > 1 ? 1 / sqrtf((float)dim[ndim - 1]) : 0.1f;
    for (int64_t i = 0; i < rt_count(t); i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        rt_set(t, i, scale * ((float)(state >> 40) * 0x1p-23f - 1));
    }
    return t;
}

/* A weight that trains: a master copy, a gradient and, for bf16 products, a copy that rt_params_refresh keeps up. */
static void bind_trained(rt_binder *binder, rt_bind_slot slot, const char *name, rt_tensor source, bool bf16)
{
    if (!source.data) return;
    const rt_param *p = rt_params_add(binder->params, name, RT_PARAM_WEIGHT, binder->real, source, bf16, binder->err);
    if (!p) {
        if (binder->status == RT_OK) binder->status = RT_ERR_MEMORY;
        return;
    }
    *slot.exact = p->value;
    *slot.grad = p->grad;
    if (bf16) *slot.bf16 = p->value16;
}

static void misfit(rt_binder *binder, const rt_peft *adapter, const char *name, const char *has, rt_tensor expected)
{
    char want[96];
    if (binder->status != RT_OK) return;
    rt_shape_print(expected, want, sizeof want);
    binder->status = rt_fail(binder->err, RT_ERR_MISMATCH, rt_peft_path(adapter), 0, "'%s' is %s, the network's is %s", name, has,
                             want);
    rt_hint(binder->err, "it was made for a checkpoint of another size");
}

/* Puts a copy at the chain's end, on the arena. */
static void append_adapter(rt_binder *binder, rt_adapter ***end, rt_adapter adapter)
{
    rt_adapter *kept = rt_bind_array(binder, 1, sizeof *kept);
    if (!kept) return;
    *kept = adapter;
    **end = kept;
    *end = (rt_adapter **)(uintptr_t)&kept->next;
}

const rt_adapter *rt_bind_adapter(rt_binder *binder, const char *name, int64_t out, int64_t in)
{
    rt_adapter *first = NULL, **end = &first, trained;
    char what[160], a[64], b[64];
    if (binder->visit) return NULL;
    for (int i = 0; i < binder->n_adapter && !binder->fixed; i++) {
        const rt_peft_pair *pair = rt_peft_take(binder->adapter[i], name);
        if (!pair) continue;
        if (pair->a.dim[1] != in || pair->b.dim[0] != out) {
            rt_shape_print(pair->b, b, sizeof b);
            rt_shape_print(pair->a, a, sizeof a);
            snprintf(what, sizeof what, "%s by %s", b, a);
            misfit(binder, binder->adapter[i], name, what, RT_WRAP(NULL, RT_F32, out, in));
            continue;
        }
        append_adapter(binder, &end, (rt_adapter){.a = convert(binder, pair->a, binder->real),
                                                  .b = convert(binder, pair->b, binder->real), .scale = pair->scale});
    }
    if (!binder->params) return first;
    rt_status status = rt_params_add_adapter(binder->params, &trained, name, binder->real, out, in, binder->fixed, binder->err);
    if (status != RT_OK && binder->status == RT_OK) binder->status = status;
    if (status == RT_OK && trained.a.data) append_adapter(binder, &end, trained);
    return first;
}

/* The last of the adapters' whole weights of this name; NULL: the checkpoint's own counts. */
static const rt_weight *find_replacement(rt_binder *binder, const char *name, int ndim, const int64_t *dim)
{
    const rt_weight *found = NULL;
    char has[96];
    for (int i = 0; i < binder->n_adapter; i++) {
        const rt_weight *w = rt_peft_take_weight(binder->adapter[i], name);
        if (!w) continue;
        bool same = w->tensor.ndim == ndim;
        for (int k = 0; same && k < ndim; k++) same = w->tensor.dim[k] == dim[k];
        if (same) found = w;
        rt_shape_print(w->tensor, has, sizeof has);
        if (!same) misfit(binder, binder->adapter[i], name, has, rt_wrap(NULL, w->tensor.dtype, ndim, dim));
    }
    return found;
}

void rt_bind(rt_binder *binder, rt_bind_slot slot, rt_bind_kind kind, const char *prefix, const char *name, int ndim,
             const int64_t *dim)
{
    char full[256], have[96], want[96], what[320];
    rt_bind_scope(full, prefix, "%s", name);
    *slot.exact = rt_wrap(NULL, binder->real, ndim, dim);
    if (slot.bf16) *slot.bf16 = rt_wrap(NULL, RT_BF16, ndim, dim);
    if (slot.grad) *slot.grad = (rt_tensor){0};
    if (binder->visit) {
        binder->visit(binder->user, full, ndim, dim);
        return;
    }
    bool bf16 = kind == RT_BIND_PRODUCT && binder->real == RT_F32 && rt_precision_bf16(binder->precision, full);
    bool trains = rt_params_wants(binder->params, full, binder->fixed || !slot.grad);
    if (binder->synthetic) {
        rt_tensor made = make_up(binder, bf16 && !trains ? RT_BF16 : binder->real, ndim, dim, full);
        if (trains) bind_trained(binder, slot, full, made, bf16);
        else *(bf16 ? slot.bf16 : slot.exact) = made;
        return;
    }
    const rt_weight *weight = find(binder, full);
    if (!weight) {
        report(binder, &binder->n_missing, full, "missing");
        return;
    }
    const rt_weight *replacement = find_replacement(binder, full, ndim, dim);
    rt_tensor t = replacement ? replacement->tensor : weight->tensor;
    bool same = t.ndim == ndim;
    for (int i = 0; same && i < ndim; i++) same = t.dim[i] == dim[i];
    bool number = t.dtype == RT_F32 || t.dtype == RT_F64 || t.dtype == RT_F16 || t.dtype == RT_BF16;
    if (!same || !number) {
        rt_shape_print(t, have, sizeof have);
        rt_shape_print(*slot.exact, want, sizeof want);
        snprintf(what, sizeof what, "is %s %s, expected %s of floating-point numbers", rt_dtype_name(t.dtype), have, want);
        report(binder, &binder->n_misshapen, full, what);
        return;
    }
    /* a softmax may swallow a NaN, so that the fold looks like one */
    if (!rt_is_finite(t) && binder->status == RT_OK) {
        binder->status = rt_fail(binder->err, RT_ERR_FORMAT, rt_weights_path(binder->weights), 0,
                                 "the weight '%s' holds a NaN or an infinity", full);
        rt_hint(binder->err, "the file is damaged, or its training diverged");
    }
    if (trains) bind_trained(binder, slot, full, t, bf16);
    else if (bf16) *slot.bf16 = convert(binder, t, RT_BF16);
    else *slot.exact = convert(binder, t, binder->real);
    rt_weights_forget(binder->weights, t); /* what is never run, and what trains and has a copy, need not stay */
    if (binder->ribonanza) rt_weights_forget(binder->ribonanza, t);
}
