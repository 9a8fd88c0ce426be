/* stack.h - a stack of blocks that change the same tensors in place, and activation checkpointing
 * Room: layer.  Uses: op/backend.
 *
 * With saved the forward keeps what each block's backward needs; or, when the context's keep_every is k > 0, only the inputs
 * of every k-th block: the backward then reruns k blocks at a time.  The rerun computes the same bytes, so gradients do not
 * depend on k.
 */
#ifndef RT_LAYER_STACK_H
#define RT_LAYER_STACK_H

#include "op/backend.h"

enum { RT_STACK_STATE = 2 };

typedef struct rt_stack rt_stack;
struct rt_stack {
    int64_t n_block;
    int64_t saved_size;      /* bytes of one block's saved struct */
    const void *module;
    void *user;              /* what blocks read beside the state, and where their backward adds its gradients */
    /* One block: changes state in place; opt_saved NULL keeps nothing. */
    void (*forward)(rt_ctx *ctx, const rt_stack *stack, int64_t block, rt_tensor state[RT_STACK_STATE], void *opt_saved);
    /* dstate: gradients at the block's outputs, then at its inputs. */
    void (*backward)(rt_ctx *ctx, const rt_stack *stack, int64_t block, rt_tensor dstate[RT_STACK_STATE], void *saved);
};

typedef struct {
    int64_t every;           /* as the context's keep_every was */
    void *block;             /* every == 0: n_block saved structs */
    rt_tensor *kept;         /* every > 0: the state before blocks 0, every, 2 every, ... */
    uint64_t *site;          /* and the dropout site there */
    int64_t aside;           /* where in ctx->aside they begin, with offloading */
} rt_stack_saved;

/* state: tensors, an unused one with data NULL.  Stops early when the user asks to (rt_ctx_go_on). */
void rt_stack_forward(rt_ctx *ctx, const rt_stack *stack, rt_tensor state[RT_STACK_STATE], rt_stack_saved *opt_saved);
/* dstate: shaped as the state; one that is not used has data NULL. */
void rt_stack_backward(rt_ctx *ctx, const rt_stack *stack, rt_tensor dstate[RT_STACK_STATE], const rt_stack_saved *saved);

#endif
