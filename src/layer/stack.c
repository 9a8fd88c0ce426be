#include "layer/stack.h"

#include <string.h>

#include "layer/dropout.h"

static char *new_saved(rt_ctx *ctx, const rt_stack *stack, int64_t count)
{
    rt_tensor memory = RT_NEW_HOST(ctx, RT_U8, count * stack->saved_size);
    if (memory.data && !ctx->measuring) memset(memory.data, 0, (size_t)rt_bytes(memory));
    return memory.data;
}

/* copy: rt_put_aside or, to fetch what that kept, rt_new_copy. */
static void copy_state(rt_ctx *ctx, rt_tensor *to, const rt_tensor *from, rt_tensor (*copy)(rt_ctx *, rt_tensor))
{
    for (int i = 0; i < RT_STACK_STATE; i++) to[i] = from[i].data ? copy(ctx, from[i]) : RT_ABSENT;
}

void rt_stack_forward(rt_ctx *ctx, const rt_stack *stack, rt_tensor state[RT_STACK_STATE], rt_stack_saved *opt_saved)
{
    rt_stack_saved none = {0}, *saved = opt_saved ? opt_saved : &none;
    *saved = (rt_stack_saved){.every = opt_saved ? ctx->keep_every : 0, .aside = rt_aside_mark(ctx)};
    if (saved->every > 0) {
        int64_t segments = (stack->n_block + saved->every - 1) / saved->every;
        saved->kept = RT_NEW_HOST(ctx, RT_U8, segments * RT_STACK_STATE * (int64_t)sizeof(rt_tensor)).data;
        saved->site = RT_NEW_HOST(ctx, RT_I64, segments).data;
    } else if (opt_saved) {
        saved->block = new_saved(ctx, stack, stack->n_block);
    }
    int64_t n_block = opt_saved ? stack->n_block : rt_ctx_blocks(ctx, stack->n_block);
    for (int64_t i = 0; i < n_block && rt_ctx_go_on(ctx); i++) {
        if (saved->every > 0 && i % saved->every == 0) {
            saved->site[i / saved->every] = ctx->dropout ? ctx->dropout->site : 0;
            copy_state(ctx, saved->kept + i / saved->every * RT_STACK_STATE, state, rt_put_aside);
        }
        stack->forward(ctx, stack, i, state, saved->block ? (char *)saved->block + i * stack->saved_size : NULL);
    }
}

void rt_stack_backward(rt_ctx *ctx, const rt_stack *stack, rt_tensor dstate[RT_STACK_STATE], const rt_stack_saved *saved)
{
    rt_probe_function *probe = ctx->probe;
    int64_t every = saved->every > 0 ? saved->every : stack->n_block;
    for (int64_t first = every > 0 ? (stack->n_block - 1) / every * every : -1; first >= 0 && rt_ctx_go_on(ctx); first -= every) {
        int64_t mark = rt_arena_mark(ctx->step), last = first + every < stack->n_block ? first + every : stack->n_block;
        char *block = saved->block;
        if (saved->every > 0) {
            rt_tensor state[RT_STACK_STATE];
            uint64_t site = ctx->dropout ? ctx->dropout->site : 0;
            if (ctx->dropout) ctx->dropout->site = saved->site[first / every];
            block = new_saved(ctx, stack, last - first);
            copy_state(ctx, state, saved->kept + first / every * RT_STACK_STATE, rt_new_copy);
            ctx->probe = NULL;   /* a rerun is not a call */
            for (int64_t i = first; i < last && rt_ctx_go_on(ctx); i++)
                stack->forward(ctx, stack, i, state, block + (i - first) * stack->saved_size);
            ctx->probe = probe;
            if (ctx->dropout) ctx->dropout->site = site;
        }
        for (int64_t i = last - 1; i >= first && rt_ctx_go_on(ctx); i--)
            stack->backward(ctx, stack, i, dstate, block + (i - first) * stack->saved_size);
        rt_arena_reset(ctx->step, mark);
    }
    rt_aside_reset(ctx, saved->aside);
}
