/* augment_test.h - for tests alone: a folder of structures as a set with its fold maps, and a plan
 * Room: prep.  Uses: prep/augment, prep/import, prep/partition.  Included after io/io_test.h and io/test_files.h.
 */
#ifndef RT_PREP_AUGMENT_TEST_H
#define RT_PREP_AUGMENT_TEST_H

#include <math.h>

#include "base/log.h"
#include "base/memory.h"
#include "prep/augment.h"
#include "prep/import.h"
#include "prep/partition.h"

enum { STRIDE = RT_SLOT_COUNT * 3 };

typedef struct {
    rt_dataset *set;
    rt_fold_map *map;            /* (targets) */
    int64_t n;
} corpus;

/* opt_list: a file that names those to read. */
static inline void open_folder(corpus *c, const char *folder, const char *name, const char *opt_list)
{
    rt_err err;
    rt_import_options options = {.folder = folder, .out = test_path(name), .max_breaks = -1, .max_models = 2, .list = opt_list};
    rt_loop_model model;
    rt_log_set_level(RT_LOG_QUIET);
    expect_ok(rt_import_structures(&options, &err), &err);
    expect_ok(rt_dataset_open(&c->set, test_path(name), &err), &err);
    expect_ok(rt_loop_model_load(&model, NULL, &err), &err);
    c->n = rt_dataset_count(c->set);
    c->map = rt_alloc(c->n, sizeof *c->map, &err);
    for (int64_t i = 0; i < c->n; i++) {
        const rt_target *t = rt_dataset_at(c->set, i);
        rt_pairs pairs;
        expect_ok(rt_partition_fold(&pairs, &model, t->sequence, t->length, 0.01, &err), &err);
        expect_ok(rt_fold_map_build(&c->map[i], t, &pairs, true, &err), &err);
        rt_pairs_free_members(&pairs);
    }
}

static inline void close_corpus(corpus *c)
{
    for (int64_t i = 0; i < c->n; i++) rt_fold_map_free_members(&c->map[i]);
    free(c->map);
    rt_dataset_close(c->set);
}

/* The shipped demo's structures, for a group of tests. */
static corpus demo;

static inline int open_demo(void **state)
{
    if (test_folder_make(state) != 0) return -1;
    open_folder(&demo, "examples/demo/structures", "demo", NULL);
    return 0;
}

static inline int close_demo(void **state)
{
    close_corpus(&demo);
    return test_folder_remove(state);
}

static inline rt_augment_plan plan_of(const char *text)
{
    rt_augment_plan plan = {.seed = 7};
    rt_err err;
    expect_ok(rt_augment_plan_add(&plan, text, &err), &err);
    return plan;
}

#endif
