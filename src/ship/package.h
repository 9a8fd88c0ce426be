/* package.h - `rnatune package`: a Kaggle data set and a notebook that runs it, and whether they will work
 * Room: ship.  Uses: confidence/ranking, io/weights, ship/bundle, ship/kaggle, ship/manifest, ship/notebook.
 *
 * OUT/dataset is what `kaggle datasets create -p` uploads, OUT/notebook what `kaggle kernels push -p` does.
 */
#ifndef RT_SHIP_PACKAGE_H
#define RT_SHIP_PACKAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"

typedef struct {
    const char *const *item;
    int n;
} rt_package_texts;

typedef struct {
    rt_package_texts checkpoint, adapter, ranking;
    const char *opt_ribonanza, *opt_conformers, *opt_config;
    bool no_ribonanza;
    const char *title, *owner, *competition, *out;
    const char *licence;               /* as Kaggle calls it: "other", "CC0-1.0" */
    const char *time_budget;           /* as predict takes it */
    /* below /kaggle/input, beginning with the name of a source; NULL: sequences and sample of the competition, no others */
    const char *opt_sequences, *opt_sample, *opt_msa, *opt_templates;
    rt_package_texts pool;
    rt_package_texts dataset, model, kernel;   /* further sources of the notebook */
    rt_package_texts predict;          /* further arguments of predict: "--samples", "10" */
    const char *opt_rule;              /* of select; NULL: as predict ranks */
    bool gpu;
    const char *opt_machine;           /* which one, as Kaggle calls it: "NvidiaTeslaT4"; NULL: Kaggle's default */
    const char *version, *commit;
    const char *glibc;                 /* the newest that may be wanted */
} rt_package_options;

typedef struct {
    json_t *manifest;                  /* json_decref() both */
    json_t *kernel;
    char dataset[4200], notebook[4200];   /* the folders */
} rt_package_report;

/* Everything is checked before the first byte is copied; an earlier package in OUT is replaced.
 * Errors: RT_ERR_USAGE (titles, names, a path whose source is not there, a ranking that belongs to no checkpoint),
 * RT_ERR_FORMAT and RT_ERR_MISMATCH (a checkpoint that is no safetensors file, has no RibonanzaNet2 ...), RT_ERR_UNSUPPORTED
 * (see rt_bundle_add), RT_ERR_IO, RT_ERR_STOPPED, RT_ERR_MEMORY. */
rt_status rt_package_make(rt_package_report *out_report, const rt_package_options *options, rt_err *err);
void rt_package_report_free_members(rt_package_report *report);

/* Whether OUT of rt_package_make, changed by hand or not, will work: an array of {"check", "ok", "mistakes": [text]}.
 * Errors: RT_ERR_IO when `out` holds no package, RT_ERR_MEMORY. */
rt_status rt_package_check(json_t **ret_checks, bool *out_ok, const char *out, const char *glibc, rt_err *err);

#endif
