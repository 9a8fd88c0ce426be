/* bind.h - gives every weight its place: one walk over the model that checks, loads or lists it
 * Room: layer.  Uses: layer/param, io/weights, io/config, base/arena.
 *
 * Each module has one bind function that names its weights and their shapes.  Run with weights, it points the module at
 * the mapped file (copies are made only for another number type); run without, it lists the schema for init and inspect.
 * Missing, unknown and misshapen weights are collected and reported together: never silent.
 */
#ifndef RT_LAYER_BIND_H
#define RT_LAYER_BIND_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"
#include "io/config.h"
#include "io/peft.h"
#include "io/weights.h"
#include "layer/param.h"

typedef void rt_schema_visit(void *user, const char *name, int ndim, const int64_t *dim);

typedef enum {
    RT_PRECISION_FP32,        /* everything in float */
    RT_PRECISION_REFERENCE,   /* bf16 products in the trunk and RibonanzaNet2, float elsewhere: the reference's policy */
    RT_PRECISION_BF16         /* bf16 products everywhere; residuals, norms, softmax and coordinates in float */
} rt_precision;

typedef struct {
    const rt_config *config;

    /* listing */
    rt_schema_visit *visit;
    void *user;

    /* loading */
    const rt_weights *weights, *ribonanza;   /* ribonanza: RibonanzaNet2's own file, may be NULL */
    rt_peft *const *adapter;  /* what goes on top of them, in order: low-rank adapters stay frozen, whole weights replace */
    int n_adapter;
    rt_arena *arena;          /* converted copies */
    rt_dtype real;
    rt_precision precision;
    bool *used;               /* one flag per entry of weights: what is left is unknown */
    int64_t n_missing, n_misshapen, n_from_ribonanza;
    int64_t in_place;         /* bytes of weights that are used where they are mapped */
    rt_text problems;         /* the first few, one a line */
    rt_status status;
    rt_err *err;

    /* measuring: weights are made up on the arena instead of read */
    bool synthetic;

    /* training: weights that the registry chooses get a master copy and a gradient */
    rt_params *params;        /* may be NULL */
    bool fixed;               /* what is bound now never trains: it has no backward or never runs */
} rt_binder;

/* How a weight takes part in bf16 products. */
typedef enum {
    RT_BIND_EXACT,    /* never: norms, biases, tables, weights on coordinates */
    RT_BIND_PRODUCT   /* a matrix of a linear layer: BF16 where the precision says so */
} rt_bind_kind;

/* Where one weight goes.  exact: in the context's real type, data NULL when only bf16 is wanted; bf16 may be NULL for
 * RT_BIND_EXACT; grad gets data when the weight trains, NULL: it never does (a stored table). */
typedef struct { rt_tensor *exact, *bf16, *grad; } rt_bind_slot;

/* One weight "<prefix>.<name>" (or "<name>" when prefix is empty). */
void rt_bind(rt_binder *binder, rt_bind_slot slot, rt_bind_kind kind, const char *prefix, const char *name, int ndim,
             const int64_t *dim);
#define RT_BIND(binder, out_exact, out_grad, prefix, name, ...)                                                    \
    rt_bind((binder), (rt_bind_slot){.exact = (out_exact), .grad = (out_grad)}, RT_BIND_EXACT, (prefix), (name),    \
            (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
/* The adapters of linear layer `name`, on the binder's arena: those of binder->adapter, then the one that the registry asks
 * for; NULL: none. */
const rt_adapter *rt_bind_adapter(rt_binder *binder, const char *name, int64_t out, int64_t in);

/* A name under a prefix: RT_SCOPE(block, prefix, "blocks.%d", i) declares char block[]. */
#define RT_SCOPE(variable, prefix, ...) \
    char variable[256];                 \
    rt_bind_scope(variable, (prefix), __VA_ARGS__)
void rt_bind_scope(char out[256], const char *prefix, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Zeroed memory for `count` blocks of a module, on the binder's arena; NULL after a failure. */
void *rt_bind_array(rt_binder *binder, int64_t count, size_t size);

/* Parameters that train among what was bound so far. */
static inline int64_t rt_bind_trained(const rt_binder *binder)
{
    return binder->params ? rt_params_count(binder->params) : 0;
}

/* True when a bound model runs this part's products in bf16. */
bool rt_precision_bf16(rt_precision precision, const char *weight_name);

#endif
