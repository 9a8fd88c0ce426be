/* export.h - a trained network as one file: safetensors, or the .pt that torch.load and the reference's loader take
 * Room: train.  Uses: train/adam, train/schedule, io/weights, io/torch_writer, io/safetensors.
 * Reference: runner/train.py save_checkpoint, try_load_checkpoint
 *
 * Every tensor of the base checkpoint, in its order and under its name, parts that never run included, since the
 * reference loads strictly; those that trained with their new values.  Adapters are merged in float32 here and only
 * here: in bf16 a small change would vanish.
 */
#ifndef RT_TRAIN_EXPORT_H
#define RT_TRAIN_EXPORT_H

#include "io/peft.h"
#include "io/weights.h"
#include "train/adam.h"
#include "train/schedule.h"

typedef struct {
    bool module_prefix;              /* "module." before each name, as the reference's training writes */
    rt_peft *const *adapter;         /* what the network was opened with on top of the base, to be merged too */
    int n_adapter;
    rt_adam *opt_adam;               /* .pt: with the optimizer, so that the reference can go on; NULL: None */
    const rt_schedule *opt_schedule; /* .pt, with opt_adam */
    int64_t steps_done;
} rt_export_options;

/* Whether an optimizer can go with it: the base's tensors stand in the model's order, by which torch numbers them. */
bool rt_export_has_order(const rt_weights *base);

/* {"model", "optimizer", "scheduler", "step"}, for torch.load(weights_only=True).  "step" counts from 0 and names
 * the last one done.  An optimizer numbers its tensors by their place in the model; adapters are no tensors of the
 * reference's, so their moments are left out.
 * Errors: RT_ERR_IO, RT_ERR_MISMATCH (something trained, or an adapter changes something, that the base
 * lacks), RT_ERR_UNSUPPORTED (an optimizer for a base whose tensors are sorted by name), RT_ERR_MEMORY. */
rt_status rt_export_torch(const char *path, const rt_weights *base, rt_params *params, const rt_export_options *options,
                          rt_err *err);

/* The same network with metadata "format", "rnatune.step" and the base's "rnatune.config". */
rt_status rt_export_safetensors(const char *path, const rt_weights *base, rt_params *params,
                                const rt_export_options *options, rt_err *err);

/* What trained alone: adapters of linear layers, and the modules whose weights trained whole, as PEFT's folder (io/peft.h).
 * Of about, alpha and modules are worked out here; all adapters have one alpha.  Errors: RT_ERR_IO, RT_ERR_MISMATCH. */
rt_status rt_export_peft(const char *folder, const rt_weights *base, rt_params *params, const rt_export_options *options,
                         const rt_peft_about *about, rt_err *err);

#endif
