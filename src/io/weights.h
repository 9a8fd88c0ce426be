/* weights.h - a file of named tensors, mapped into memory: PyTorch checkpoints and safetensors alike
 * Room: io.  Uses: io/torch_archive, io/safetensors, base/file, base/tensor.
 *
 * The tensors point into the mapping wherever the file stores them contiguously; nothing is copied.
 */
#ifndef RT_IO_WEIGHTS_H
#define RT_IO_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"

typedef struct rt_weights rt_weights;

typedef struct {
    const char *name;   /* as in the model: a leading "module." of every name is dropped */
    rt_tensor tensor;   /* read-only */
} rt_weight;

/* Opens .pt/.ckpt/.bin (a zip that torch.save wrote: bare, or wrapped {"model": ..., "optimizer", "scheduler", "step"})
 * or .safetensors; which one is decided by the content.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT (truncated, a tensor beyond its storage, ...), RT_ERR_UNSUPPORTED (a pickle that
 * wants anything outside the allow-list, legacy torch formats, compressed members). */
rt_status rt_weights_open(rt_weights **ret_weights, const char *path, rt_err *err);
void rt_weights_close(rt_weights *weights);

int64_t rt_weights_count(const rt_weights *weights);
const rt_weight *rt_weights_at(const rt_weights *weights, int64_t index);   /* in the file's order */
/* NULL when the file has no tensor of that name. */
const rt_weight *rt_weights_find(const rt_weights *weights, const char *name);

const char *rt_weights_path(const rt_weights *weights);
/* "torch" or "safetensors". */
const char *rt_weights_format(const rt_weights *weights);
/* safetensors' __metadata__ value, or NULL. */
const char *rt_weights_metadata(const rt_weights *weights, const char *key);
/* A tensor of the file that was read once and may not be needed: its mapped pages leave this process, not the system's
 * cache, and come back when they are touched.  Others stay. */
void rt_weights_forget(const rt_weights *weights, rt_tensor tensor);

/* The training step stored beside a wrapped model; false when there is none. */
bool rt_weights_step(const rt_weights *weights, int64_t *out_step);

#endif
