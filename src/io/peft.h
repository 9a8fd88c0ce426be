/* peft.h - low-rank adapters and whole modules that go on top of a checkpoint, in the folder that PyTorch's PEFT uses
 * Room: io.  Uses: io/weights, io/safetensors, base/json, base/file.
 * Reference: github:huggingface/peft, LoraConfig and get_peft_model_state_dict
 *
 * A folder: adapter_config.json, and adapter_model.safetensors (or .bin) with "base_model.model.<linear>.lora_A.weight"
 * (r,in) and ".lora_B.weight" (out,r), names of the reference's modules; modules_to_save adds whole weights as
 * "base_model.model.<weight>".  An adapter changes a linear layer's W to W + scale B A, scale = alpha / r (alpha / sqrt r
 * with use_rslora).  What it cannot express here (DoRA, biases, other methods) is refused in one line.
 * A file instead of a folder is a checkpoint whose confidence head replaces the base's.
 */
#ifndef RT_IO_PEFT_H
#define RT_IO_PEFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"
#include "io/weights.h"

typedef struct {
    const char *module;     /* the linear layer, "pairformer_stack.blocks.0.tri_att_start.mha.linear_q" */
    rt_tensor a, b;         /* (r,in) and (out,r), F32, F64, F16 or BF16, all numbers finite */
    double scale;
} rt_peft_pair;

typedef struct rt_peft rt_peft;

enum { RT_PEFT_LAYER_NAME = 320 };

/* Errors: RT_ERR_IO, RT_ERR_FORMAT (a tensor without its partner, ranks that differ, NaN), RT_ERR_UNSUPPORTED (a setting
 * that changes what is computed and is not known), RT_ERR_MISMATCH (a file without a confidence head). */
rt_status rt_peft_open(rt_peft **ret_peft, const char *path, rt_err *err);
void rt_peft_close(rt_peft *peft);   /* NULL ok */

const char *rt_peft_path(const rt_peft *peft);
/* The file that holds the tensors: what a run's record hashes. */
const char *rt_peft_tensor_path(const rt_peft *peft);
/* The folder's adapter_config.json; NULL for a file. */
const char *rt_peft_config_path(const rt_peft *peft);

/* modules_to_save: modules of the whole weights; ends with NULL. */
const char *const *rt_peft_modules(const rt_peft *peft);

int64_t rt_peft_count(const rt_peft *peft);
const rt_peft_pair *rt_peft_at(const rt_peft *peft, int64_t index);
int64_t rt_peft_weight_count(const rt_peft *peft);
const rt_weight *rt_peft_weight_at(const rt_peft *peft, int64_t index);

/* NULL: there is none of that name. */
const rt_peft_pair *rt_peft_find(const rt_peft *peft, const char *module);
const rt_weight *rt_peft_find_weight(const rt_peft *peft, const char *name);
/* Looks a name up and notes that it has its place in the network; NULL: there is none of that name. */
const rt_peft_pair *rt_peft_take(rt_peft *peft, const char *module);
const rt_weight *rt_peft_take_weight(rt_peft *peft, const char *name);
/* The first name that nobody took and that would change something (an adapter whose B is 0 would not); *out_count: how
 * many there are.  NULL: none. */
const char *rt_peft_untaken(const rt_peft *peft, int64_t *out_count);

/* The linear layer of "<linear>.weight"; false: another tensor. */
bool rt_peft_layer_of(char out[RT_PEFT_LAYER_NAME], const char *weight);

/* out (out,in) = W + scale B A, summed in double; out may be W's own memory. */
void rt_peft_merge(float *out, rt_tensor w, const rt_peft_pair *pair);

typedef struct {
    double alpha;                /* of every pair: scale = alpha / its rank */
    double dropout;              /* recorded */
    const char *opt_base;        /* name of the base checkpoint, recorded */
    const char *opt_base_hash;   /* its SHA-256, in the tensors' metadata */
    int64_t step;                /* of training; -1: none */
    const char *const *modules;  /* that `weight` holds whole, for modules_to_save; ends with NULL; NULL: none */
} rt_peft_about;

/* Writes the folder; each file is whole or not at all, the tensors first.  `weight`: whole weights beside the adapters:
 * PEFT wants every tensor of the modules.  Errors: RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_peft_write(const char *folder, const rt_peft_pair *pair, int64_t n_pair, const rt_weight *weight,
                        int64_t n_weight, const rt_peft_about *about, rt_err *err);

typedef struct {
    int64_t n_layer, n_weight;
    int64_t rank;        /* of the widest adapter written */
    double kept;         /* share of the mean change's squared norm that a smaller rank kept, 1: all */
    double least_kept;   /* of the layer that lost most */
} rt_peft_average_report;

/* Writes the mean of n adapters: of the changes scale B A themselves, not of A and B.  rank 0: exact, the ranks add up; else
 * the best change of that rank to each layer (Eckart-Young).  Whole weights: their mean.  Errors: RT_ERR_MISMATCH (adapters
 * of other layers or shapes), RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_peft_average(const char *folder, rt_peft *const *peft, int n, int64_t rank, rt_peft_average_report *out_report,
                          rt_err *err);

#endif
