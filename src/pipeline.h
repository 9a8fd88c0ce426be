/* pipeline.h - what rnatune does from end to end, each as one straight line of calls
 * Uses: everything above cli/.
 */
#ifndef RT_PIPELINE_H
#define RT_PIPELINE_H

#include <jansson.h>

#include "base/text.h"
#include "feat/features.h"
#include "fold.h"

/* What a target without a usable template is given. */
typedef enum {
    RT_NO_TEMPLATE_REFERENCE,     /* nothing: the embedder returns z, so z is doubled, as in the reference's inference */
    RT_NO_TEMPLATE_ZEROS          /* one template of zeros: the state that the network was trained with */
} rt_no_template;

typedef struct {
    rt_model_options model;
    const char *sequences;        /* CSV with target_id and sequence */
    const char *opt_msa_dir;
    const char *opt_templates;    /* template_features.pt or a template submission CSV */
    const char *opt_conformers;   /* JSON of reference conformers, or the reference's CCD cache; NULL: the built-in ones */
    const char *out;              /* folder */
    int64_t template_idx;         /* templates 0 .. template_idx are used */
    rt_template_missing template_missing;
    rt_no_template no_template;
    int64_t n_sample, n_cycle, n_step;   /* 0: the config's */
    uint64_t seed;
    rt_backend_kind backend;
    int threads;
} rt_predict_options;

typedef struct {
    int64_t n_target, n_failed;
    json_t *targets;              /* one object per target: its inputs, files, seconds or error; json_decref() it */
    int64_t n_sample, n_cycle, n_step;   /* as resolved */
    char config[128];
    rt_ribonanza_source ribonanza_source;
    int64_t n_parameters;
} rt_predict_report;

/* Folds every target of a CSV and writes, under `out`: <target>/<target>_sample_<rank>.cif, <target>/summary.json, and
 * submission.csv, which is complete after every target.  A target that fails is listed in the report, has zeros in
 * submission.csv, and does not stop the others.
 * Errors: what concerns the whole run (checkpoint, sequences file, output folder); RT_ERR_STOPPED when the user stopped it:
 * what was finished is written. */
rt_status rt_predict(const rt_predict_options *options, rt_predict_report *out_report, rt_err *err);

/* One sample as mmCIF text.  xyz F32 (A,3) in Angstrom, plddt F32 (A) 0..1. */
rt_status rt_predict_mmcif(rt_text *out_text, const rt_input *input, const rt_features *features, rt_tensor xyz,
                           rt_tensor plddt, rt_err *err);

#endif
