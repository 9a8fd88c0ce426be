/* adam.h - Adam as the reference uses it (L2 decay in the gradient, clipping by the norm of all gradients), and AdamW
 * Room: train.  Uses: layer/param, base/pool.
 * Reference: runner/train.py update, rnapro/utils/training.py get_optimizer; torch.optim.Adam, torch.optim.AdamW,
 * torch.nn.utils.clip_grad_norm_; D. P. Kingma, J. Ba, ICLR 2015; I. Loshchilov, F. Hutter, ICLR 2019.
 *
 * A tensor whose gradient is exactly zero everywhere is left alone, moments and step count too, as torch leaves one
 * without a gradient: with decay in the gradient and eps as small as 1e-8, Adam would otherwise move weights that
 * nothing reached.
 *
 *     norm = rt_adam_norm(adam, pool, 1.0 / accumulated, &bad);
 *     if (bad) skip the step, naming it (train/guard.h)
 *     rt_adam_step(adam, pool, rt_schedule_rate(&schedule, step), 1.0 / accumulated, norm);
 *     rt_params_zero_grad(params, NULL);
 *
 * Exact accumulation: backward passes of several targets add to the gradients, and the step divides by their number.
 */
#ifndef RT_TRAIN_ADAM_H
#define RT_TRAIN_ADAM_H

#include "base/pool.h"
#include "layer/param.h"

/* Adam; AdamW, whose decay spares tensors of one dimension. */
typedef enum { RT_ADAM_L2, RT_ADAM_DECOUPLED } rt_adam_kind;

typedef struct {
    rt_adam_kind kind;
    double beta1, beta2, eps, weight_decay;
    double clip_norm;      /* 0: no clipping */
} rt_adam_options;

/* The reference's: Adam, 0.9, 0.95, 1e-8, 1e-8, 10. */
extern const rt_adam_options rt_adam_default;

typedef struct rt_adam rt_adam;

/* Moments (two per value, of its type) start at 0.  `params` must outlive it.  Errors: RT_ERR_MEMORY, RT_ERR_USAGE
 * for an option outside its range. */
rt_status rt_adam_create(rt_adam **ret_adam, rt_params *params, const rt_adam_options *options, rt_err *err);
void rt_adam_free(rt_adam *adam);   /* NULL ok */

/* L2 norm of grad_scale x all gradients.  *opt_bad: the name of the first tensor with an element that is no finite
 * number, NULL when there is none.  Sums in double in a fixed order: any number of threads gives the same bits. */
double rt_adam_norm(rt_adam *adam, rt_pool *pool, double grad_scale, const char **opt_bad);

/* One update with learning rate `rate`; gradients count grad_scale times, and clip_norm / (norm + 1e-6) times when
 * that is below 1.  `norm` as rt_adam_norm gave it just before for the same gradients and grad_scale.  Refreshes the
 * parameters' bf16 copies.
 * Errors: none; a norm that is not finite is a bug of the caller. */
void rt_adam_step(rt_adam *adam, rt_pool *pool, double rate, double grad_scale, double norm);

/* What a checkpoint keeps, by the index of the parameter: first and second moment, and how many updates it had. */
rt_tensor rt_adam_moment(const rt_adam *adam, int64_t index, int which);
int64_t *rt_adam_updates(rt_adam *adam, int64_t index);

const rt_adam_options *rt_adam_options_of(const rt_adam *adam);
/* Bytes of both moments. */
int64_t rt_adam_bytes(const rt_adam *adam);

#endif
