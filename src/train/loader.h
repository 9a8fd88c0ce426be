/* loader.h - samples in the order of the epochs, built ahead by a thread of its own
 * Room: train.  Uses: train/sample.
 *
 * Sample `number` of a run (from 0) is target order[number % n] of epoch number / n; an epoch's order is a
 * permutation drawn from (seed, epoch).  What a sample draws depends on (seed, target, number), or with V views on
 * (seed, target, epoch % V).
 * So a run taken up at any number, any depth of the queue, and samples dealt to several loaders give the same samples.
 *
 *     RT_TRY(rt_loader_open(&loader, &options, state.sample, err));
 *     while ((status = rt_loader_next(loader, &sample, err)) == RT_OK || status == RT_ERR_MISMATCH) ...
 *     rt_loader_close(loader);
 */
#ifndef RT_TRAIN_LOADER_H
#define RT_TRAIN_LOADER_H

#include "train/sample.h"

typedef struct {
    const rt_dataset *set;
    const int64_t *target;         /* numbers in the set of those to train on; copied */
    int64_t n_target;
    rt_sample_options sample;
    uint64_t seed;
    int64_t views;                 /* 0: every visit draws anew */
    int64_t part, parts;           /* only samples whose place in their epoch is `part` modulo `parts`, which are n_target at
                                    * most; 0, 0: all */
    int depth;                     /* samples built ahead, >= 1 */
    int64_t sample_memory;         /* bytes that one sample's features may take */
} rt_loader_options;

typedef struct {
    int64_t number, epoch, position;   /* position: in its epoch, from 0 */
    int64_t target;                    /* its number in the set */
    const rt_sample *sample;
} rt_loader_item;

typedef struct rt_loader rt_loader;

/* Starts with sample `first`, or its part's first one after it.  Errors: RT_ERR_USAGE (no target), RT_ERR_MISMATCH (a target
 * without labels), RT_ERR_MEMORY. */
rt_status rt_loader_open(rt_loader **ret_loader, const rt_loader_options *options, int64_t first, rt_err *err);
void rt_loader_close(rt_loader *loader);   /* NULL ok; waits for the sample being built */

/* The next sample, valid until the next call; waits for it if need be.  A sample that cannot be built gives its
 * error (those of rt_sample_build, naming the target) with out_item->sample NULL; the next call goes on with the one
 * after it. */
rt_status rt_loader_next(rt_loader *loader, rt_loader_item *out_item, rt_err *err);

/* Target (its number in the set) and draws of any sample, without building it. */
int64_t rt_loader_target(const rt_loader *loader, int64_t number);
rt_draw_key rt_loader_key(const rt_loader *loader, int64_t number);

/* Seconds that rt_loader_next has waited so far: what training loses to loading. */
double rt_loader_waited(const rt_loader *loader);

#endif
