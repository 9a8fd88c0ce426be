/* model.h - the whole network: its weights by name, and an open checkpoint bound to it
 * Uses: trunk, diffusion, confidence, io/config, io/weights.
 * Reference: rnapro/model/RNAPro.py
 */
#ifndef RT_MODEL_H
#define RT_MODEL_H

#include "confidence/confidence.h"
#include "diffusion/denoise.h"
#include "io/config.h"
#include "io/weights.h"
#include "layer/bind.h"
#include "trunk/trunk.h"

/* Where RibonanzaNet2's weights came from. */
typedef enum { RT_RIBONANZA_CHECKPOINT, RT_RIBONANZA_FOLDER, RT_RIBONANZA_NONE } rt_ribonanza_source;

typedef struct {
    rt_config config;
    rt_trunk trunk;
    rt_denoiser denoiser;
    rt_confidence_head confidence;
    rt_distogram_head distogram;

    rt_precision precision;
    rt_ribonanza_source ribonanza_source;
    int64_t n_parameters;                /* of the bound weights */
    rt_weights *weights, *ribonanza_weights;
    int64_t in_place;                    /* bytes of weights that are used where they are mapped */
    rt_arena *arena;                     /* block tables and converted copies; weights in their own type stay mapped */
    rt_params *params;                   /* what trains, the caller's; NULL: nothing */
    rt_peft **adapter;                   /* what goes on top of the checkpoint */
    int n_adapter;
} rt_model;

typedef struct {
    const char *checkpoint;
    const char *opt_ribonanza;           /* folder with pairwise.yaml and pytorch_model_fsdp.bin */
    const char *opt_config;              /* preset or file; NULL: what the checkpoint's metadata or shapes say */
    const char *const *adapter;          /* PEFT folders and files with a confidence head, on top of it in this order */
    int n_adapter;
    bool no_ribonanza;                   /* the user said that the model runs without it */
    rt_precision precision;
    rt_ctx *opt_ctx;                     /* weights go to its device; must outlive the model; NULL: the CPU's memory */
    rt_dtype real;                       /* the context's: RT_F32, RT_F64 for the double reference */
    rt_params *params;                   /* what trains; must outlive the model; NULL: nothing */
} rt_model_options;

/* Opens, detects sizes, checks them against the config, and binds every weight.  The model runs with or without a config
 * given: sizes always come from the weights; settings from the config, else from the checkpoint's "rnatune.config"
 * metadata, else from the preset whose block counts fit (rnapro_mini, rnapro_tiny), else from rnapro_base.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT, RT_ERR_MISMATCH (weights missing, unknown or misshapen; sizes against the config; no
 * RibonanzaNet2 and no_ribonanza not said; an adapter that does not fit), RT_ERR_USAGE (a rule of `params` that chooses
 * nothing, too many adapters), RT_ERR_UNSUPPORTED (see io/peft), RT_ERR_MEMORY. */
rt_status rt_model_open(rt_model **ret_model, const rt_model_options *options, rt_err *err);
void rt_model_close(rt_model *model);

/* Bytes of memory that the weights take when all of them are in use: where they are mapped, or as converted copies. */
int64_t rt_model_bytes(const rt_model *model);

/* A network of these sizes with made-up weights in memory, for measuring.  RT_ERR_MEMORY. */
rt_status rt_model_synthetic(rt_model **ret_model, const rt_config *config, rt_precision precision, rt_params *opt_params,
                             rt_ctx *opt_ctx, rt_err *err);

/* Every weight of a network of these sizes: name and shape.  RT_ERR_MEMORY when the list could not be completed. */
rt_status rt_model_schema(const rt_config *config, rt_schema_visit *visit, void *user, rt_err *err);

const char *rt_ribonanza_source_name(rt_ribonanza_source source);

#endif
