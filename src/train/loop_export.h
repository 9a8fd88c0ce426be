/* loop_export.h - what a run writes for others to use: the whole network, or its adapters as PEFT's folders
 * Room: train.  Uses: train/loop, train/export.
 */
#ifndef RT_TRAIN_LOOP_EXPORT_H
#define RT_TRAIN_LOOP_EXPORT_H

#include "train/loop.h"

/* The weights as they are now, under `name` ("best", "final"): <name>.safetensors, the whole network with its adapters
 * merged, and the PEFT folder <name>, each when the options ask for it.  Errors: RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_loop_export(const rt_loop_options *options, rt_model *model, int64_t step, const char *name, rt_err *err);

/* The adapters at the end of epoch `epoch` (from 1) as folder epoch-001 ...; one that the retention no longer keeps goes.
 * Nothing without adapter folders. */
rt_status rt_loop_export_epoch(const rt_loop_options *options, rt_model *model, int64_t step, int64_t epoch, rt_err *err);

#endif
