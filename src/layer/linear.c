#include "layer/linear.h"

void rt_linear_bind(rt_binder *binder, rt_linear *linear, const char *prefix, const char *name, int64_t out, int64_t in,
                    bool bias)
{
    RT_SCOPE(scope, prefix, "%s", name);
    *linear = (rt_linear){0};
    rt_bind_slot slot = {&linear->weight, &linear->weight16, &linear->dweight};
    rt_bind(binder, slot, RT_BIND_PRODUCT, scope, "weight", 2, (int64_t[]){out, in});
    if (bias) RT_BIND(binder, &linear->bias, &linear->dbias, scope, "bias", out);
    linear->adapter = rt_bind_adapter(binder, scope, out, in);
}

void rt_linear_bind_exact(rt_binder *binder, rt_linear *linear, const char *prefix, const char *name, int64_t out, int64_t in,
                          bool bias)
{
    RT_SCOPE(scope, prefix, "%s", name);
    *linear = (rt_linear){0};
    RT_BIND(binder, &linear->weight, &linear->dweight, scope, "weight", out, in);
    if (bias) RT_BIND(binder, &linear->bias, &linear->dbias, scope, "bias", out);
}

void rt_norm_bind(rt_binder *binder, rt_norm *norm, const char *prefix, const char *name, int64_t c, bool offset)
{
    RT_SCOPE(scope, prefix, "%s", name);
    *norm = (rt_norm){0};
    RT_BIND(binder, &norm->gain, &norm->dgain, scope, "weight", c);
    if (offset) RT_BIND(binder, &norm->offset, &norm->doffset, scope, "bias", c);
}

void rt_linear_forward(rt_ctx *ctx, const rt_linear *linear, rt_tensor y, rt_tensor x, rt_epilogue epilogue)
{
    rt_op_linear(ctx, y, x, linear->weight16.data ? linear->weight16 : linear->weight, linear->bias, epilogue);
}

rt_tensor rt_linear_new(rt_ctx *ctx, const rt_linear *linear, rt_tensor x, rt_act act)
{
    int64_t dim[RT_MAX_DIMS];
    for (int i = 0; i < x.ndim; i++) dim[i] = x.dim[i];
    dim[x.ndim - 1] = rt_linear_out(linear);
    rt_tensor y = rt_new_shape(ctx, ctx->real, x.ndim, dim);
    rt_linear_forward(ctx, linear, y, x, (rt_epilogue){.act = act});
    return y;
}

void rt_norm_forward(rt_ctx *ctx, const rt_norm *norm, rt_tensor y, rt_tensor x)
{
    rt_op_layer_norm(ctx, y, x, norm->gain, norm->offset);
}

rt_tensor rt_norm_new(rt_ctx *ctx, const rt_norm *norm, rt_tensor x)
{
    rt_tensor y = rt_new_like(ctx, x);
    rt_norm_forward(ctx, norm, y, x);
    return y;
}

void rt_norm_linear_forward(rt_ctx *ctx, const rt_norm *norm, const rt_linear *linear, rt_tensor y, rt_tensor x,
                            rt_epilogue epilogue)
{
    int64_t rows = rt_rows(x), mark = rt_arena_mark(ctx->step);
    rt_tensor in = RT_VIEW(x, rows, rt_last(x)), out = RT_VIEW(y, rows, rt_last(y));
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK) {
        int64_t count = rows - first < RT_ROW_CHUNK ? rows - first : RT_ROW_CHUNK;
        rt_tensor normed = rt_norm_new(ctx, norm, rt_slice(in, first, count));
        rt_linear_forward(ctx, linear, rt_slice(out, first, count), normed, epilogue);
        rt_arena_reset(ctx->step, mark);
    }
}
