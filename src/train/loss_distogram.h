/* loss_distogram.h - the distances between tokens that the pair representation is to know (AF3 SI 4.4)
 * Room: train.  Uses: train/cross_entropy, feat/label.
 * Reference: rnapro/model/loss.py DistogramLoss
 */
#ifndef RT_TRAIN_LOSS_DISTOGRAM_H
#define RT_TRAIN_LOSS_DISTOGRAM_H

#include "feat/label.h"
#include "op/backend.h"

/* out_class U8 (N,N): how many of the 63 edges 2.3125, 2.625, ... 21.6875 A lie below the distance of C4 (purine) or C2
 * (pyrimidine) of both tokens, 0..63; RT_CROSS_ENTROPY_SKIP where one is not resolved.  Returns how many pairs
 * count. */
int64_t rt_loss_distogram_label(rt_tensor out_class, const rt_features *features, const rt_label *label);

/* Mean cross entropy over the pairs that count (+1e-6, as the reference); 0 when none does.
 * opt_d_logits += weight * d loss / d logits; data NULL: not wanted.  logits (N,N,64) F32 or F64.  Errors: the
 * context's. */
double rt_loss_distogram(rt_ctx *ctx, rt_tensor opt_d_logits, rt_tensor logits, const rt_features *features,
                         const rt_label *label, double weight);

#endif
