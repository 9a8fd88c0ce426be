/* loop_torch.h - what a run takes from PyTorch and gives back: a .pt to begin from, and best.pt and final.pt
 * Room: train.  Uses: train/loop, train/export, train/torch_state.
 */
#ifndef RT_TRAIN_LOOP_TORCH_H
#define RT_TRAIN_LOOP_TORCH_H

#include "train/loop.h"

/* Adam goes on from a checkpoint that the reference's training wrote, and so do the run's step and its schedule.  What
 * other settings made it is warned about.
 * Errors: as rt_torch_state_load's; RT_ERR_MISMATCH when it has moments of nothing that trains here. */
rt_status rt_loop_torch_continue(rt_adam *adam, rt_train_state *state, const char *path, rt_params *params, rt_err *err);

/* Says at the start what the .pt files will lack. */
void rt_loop_torch_say(const rt_loop_options *options, const rt_model *model, bool averaged);

/* options->out/name with the weights as they are now, when options->export_torch.  opt_adam: the optimizer that they belong
 * to, NULL when they are averaged; it is left out where it cannot be numbered.  Errors: as rt_export_torch's. */
rt_status rt_loop_torch_export(const rt_loop_options *options, rt_model *model, rt_adam *opt_adam,
                               const rt_train_state *state, const char *name, rt_err *err);

#endif
