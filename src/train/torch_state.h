/* torch_state.h - the optimizer of a checkpoint that the reference wrote, to go on from
 * Room: train.  Uses: train/adam, io/torch_archive.
 * Reference: runner/train.py save_checkpoint, try_load_checkpoint; torch.optim.Optimizer.state_dict
 *
 * {"model", "optimizer": {"state": {number: {"step", "exp_avg", "exp_avg_sq"}}, "param_groups"}, "scheduler",
 * "step"}: an optimizer numbers its tensors by their place in the model (in AdamW of the reference: those of two
 * dimensions and more first).
 */
#ifndef RT_TRAIN_TORCH_STATE_H
#define RT_TRAIN_TORCH_STATE_H

#include "train/adam.h"

typedef struct {
    int64_t next_step;      /* the step that comes next: "step" + 1 */
    int64_t n_state;        /* tensors of `adam` that the file has moments for */
    bool decoupled;         /* AdamW */
    double rate, beta1, beta2, eps, weight_decay;   /* NAN: not said */
} rt_torch_state;

/* Copies the moments and counts of every tensor that trains here; one that the file has none for starts at 0.  The
 * weights are not touched: open the model with the same file.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT (no training checkpoint, or one whose parts do not fit together), RT_ERR_UNSUPPORTED
 * (parameter groups whose order cannot be told), RT_ERR_MISMATCH (a moment of another shape).  After an error
 * nothing has changed. */
rt_status rt_torch_state_load(rt_torch_state *out_state, rt_adam *adam, rt_params *params, const char *path,
                              rt_err *err);

#endif
