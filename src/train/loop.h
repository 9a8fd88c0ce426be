/* loop.h - a training run from its first step to its last, or from where it was left
 * Room: train.  Uses: train/trunk_cache, loader, adam, average, schedule, guard, checkpoint, event_log, export,
 * validation, gradient_sum, work; base/progress, base/ranks.
 * Reference: runner/train.py AF3Trainer.run
 *
 * A run is a function of its plan, data, base checkpoint and seed: stopped anywhere and taken up again, with any number
 * of threads or ranks (train/loop_ranks.h), it ends with the same bytes.  Gradients of `accumulation` samples (of all
 * ranks together) make a step, added in the order of the samples and divided by their number;
 * an epoch's last step takes what is left.  Samples that cannot be built, and those whose loss does not count (a resolution
 * out of the limits, where nothing but confidence is learned), are in no mean, and a step of nothing else is none; the
 * reference divides by `accumulation` all the same, so that zeros shrink its steps.  After each epoch the held-out
 * targets are measured with the same draws each time, the base's losses beside them.
 *
 * The folder: checkpoints.json and its files (train/checkpoint.h), log.jsonl and TensorBoard events,
 * base_validation.json, best.safetensors (the whole network at the best validation) and final.safetensors (at the end),
 * on request also as .pt; of adapters the PEFT folders best, final and epoch-001, epoch-002 ... (train/loop_export.c).
 */
#ifndef RT_TRAIN_LOOP_H
#define RT_TRAIN_LOOP_H

#include "train/checkpoint.h"
#include "train/loader.h"
#include "train/step.h"
#include "train/trunk_cache.h"
#include "train/work.h"

typedef struct {
    const char *out;
    const rt_dataset *set;
    const int64_t *train, *validation; /* numbers in the set */
    int64_t n_train, n_validation;     /* n_validation 0: none is done */
    const char *const *opt_component;  /* (n_validation) of the split; NULL: each its own */
    rt_step_options step;
    rt_sample_options sample;
    int64_t views;                           /* of each target, seen in turn, one an epoch; 0: every visit draws anew */
    const rt_trunk_cache_options *opt_cache; /* for trunk outputs and rollouts, which must be frozen; NULL: none */
    int64_t epochs, accumulation;            /* accumulation: of all ranks together, a multiple of their number */
    rt_schedule schedule;
    rt_adam_options adam;
    bool whole_network;      /* best.safetensors and final.safetensors are written */
    bool adapter_folders;    /* PEFT folders best, final and epoch-001 ... are written */
    double adapter_dropout;  /* recorded in them */
    const char *base_name;   /* too */
    double ema; /* decay of the averaged weights, which are validated and exported; 0: none */
    uint64_t seed;
    int64_t guard_limit; /* steps without finite numbers in a row that end the run */
    double save_minutes; /* between checkpoints within an epoch; 0: none */
    int64_t patience;    /* epochs without a better validation that end the run; 0: none do */
    bool resume;
    bool export_torch;        /* best.pt and final.pt beside the safetensors */
    const char *opt_continue; /* .pt of the reference's training: Adam and its step go on from there; NULL: from 0 */
    void (*opt_begun)(void *user); /* called once it is clear that the folder is this run's */
    void *user;
    rt_run_identity identity;
    rt_retention retention;
} rt_loop_options;

typedef struct {
    int64_t n_step, n_sample, n_epoch; /* done, of the whole run */
    int64_t n_skipped;                 /* steps without finite numbers */
    int64_t n_unusable;                /* samples of this start that could not be built */
    int64_t n_uncounted;               /* samples of this start whose loss does not count */
    bool finished, stopped, early;     /* all epochs done; asked to stop; the validation got no better */
    double base_value, first_loss, last_loss, best_value; /* NAN: none */
    double base_calibration, last_calibration; /* expected calibration error of pLDDT on held-out targets; NAN: none */
    int64_t best_step;
    double seconds, waited; /* of this start; waited: for samples */
    rt_trunk_cache_counts cache;
    int64_t activations;    /* of this start: the most bytes that a sample's step held */
    rt_augment_tally augmented; /* samples of this start */
} rt_loop_report;

/* Bytes of everything that a cache would hold: all views that the run sees, and the held-out targets. */
double rt_loop_cache_bytes(const rt_loop_options *options, const rt_config *config);

/* Errors: RT_ERR_USAGE where the options want a cache of what is not frozen. */
rt_status rt_loop_check_cache(const rt_model *model, const rt_loop_options *options, rt_err *err);

/* Steps of a whole run. */
int64_t rt_loop_steps(int64_t n_train, int64_t accumulation, int64_t epochs);

/* Trains model->params.  On a request to stop (base/progress) the step is finished and a checkpoint written.
 * Errors: RT_ERR_USAGE (the folder holds a run and `resume` was not said), RT_ERR_MISMATCH (another plan; an epoch
 * without a sample that could be used; no gradient reached what trains in the first step that was taken), RT_ERR_IO (a
 * checkpoint could not be written: the last one is whole; an alignment cannot be read), RT_ERR_FORMAT (too many steps in
 * a row without finite numbers, or all of them), RT_ERR_MEMORY. */
rt_status rt_loop_run(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, rt_loop_report *out_report,
                      rt_err *err);

typedef struct {
    double seconds;        /* of one sample's forward and backward */
    int64_t tokens, bytes; /* its size; the activations' highest use */
    rt_step_loss loss;
} rt_loop_measure;

/* One sample of a target, forward and with `backward` back; nothing is changed.  Errors: as rt_step_run's and
 * rt_sample_build's. */
rt_status rt_loop_try_target(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, const rt_target *target,
                             int64_t n_cycle, bool backward, rt_loop_measure *out_measure, rt_err *err);

/* One sample of the longest training target with all recycles, forward and backward; nothing is changed.
 * Errors: as rt_step_run's and rt_sample_build's. */
rt_status rt_loop_try(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, rt_loop_measure *out_measure,
                      rt_err *err);

typedef enum { RT_OFFLOAD_NEVER, RT_OFFLOAD_AUTO, RT_OFFLOAD_ALWAYS } rt_offload;

/* As little activation checkpointing as memory allows: all activations are kept (ctx->keep_every 0) where the same sample's
 * step then fits `room` bytes, else, or where that cannot be found out, every block's inputs (1); with a device those wait
 * in the host's memory where they do not fit either, or always.  keep_every: -1, or the user's choice.  Results do not depend on
 * it.  Errors: RT_ERR_MEMORY where the host has none for them. */
rt_status rt_loop_choose_kept(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, int64_t keep_every,
                              rt_offload offload, int64_t room, rt_err *err);

/* The same sample's work, counted and not done: seconds.  *out_tokens: its size. */
rt_status rt_loop_count(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, rt_work *out_work,
                        int64_t *out_tokens, rt_err *err);

#endif
