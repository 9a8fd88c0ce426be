/* pipeline.h - what rnatune does from end to end, each as one straight line of calls
 * Uses: everything above cli/.
 */
#ifndef RT_PIPELINE_H
#define RT_PIPELINE_H

#include <jansson.h>

#include "base/text.h"
#include "feat/features.h"
#include "fold.h"
#include "samples.h"

/* What a target without a usable template is given. */
typedef enum {
    RT_NO_TEMPLATE_REFERENCE,     /* nothing: the embedder returns z, so z is doubled, as in the reference's inference */
    RT_NO_TEMPLATE_ZEROS          /* one template of zeros: the state that the network was trained with */
} rt_no_template;

typedef enum {
    RT_PROTOCOL_RANKED,           /* checkpoints x seeds x template sets x trunk passes x samples, ranked */
    RT_PROTOCOL_RNAPRO            /* the reference's submission: template_idx 0 .. 4, one trunk, one sample each, in that order */
} rt_protocol;

typedef struct {
    rt_model_options model;       /* its checkpoint is not read: see the list */
    const char *const *checkpoint;
    int n_checkpoint;
    const char *sequences;        /* CSV with target_id and sequence */
    const char *opt_msa_dir;
    const char *opt_templates;    /* template_features.pt or a template submission CSV */
    const char *opt_conformers;   /* JSON of reference conformers, or the reference's CCD cache; NULL: the built-in ones */
    const char *out;              /* folder */

    rt_protocol protocol;
    rt_rank_by rank_by;
    int64_t keep;                 /* structures written of each target */
    const int64_t *template_idx;  /* template sets: k uses templates 0 .. k */
    const uint64_t *seed;
    int n_template_set, n_seed;
    int64_t n_trunk;              /* trunk passes for each checkpoint, seed and template set */
    int64_t n_sample, n_cycle, n_step;   /* 0: the config's; samples of each trunk pass */
    rt_template_missing template_missing;
    rt_no_template no_template;

    bool write_confidence, write_plots;  /* confidence.safetensors; an SVG for each structure */
    bool resume;                  /* keep what an earlier run has finished */
    bool dry_run;                 /* say what would be run and what it needs; write nothing */
    int64_t memory_limit;         /* bytes for everything; 0: what the machine has free */
    double time_budget;           /* seconds of wall clock for all targets together; 0: none */
    const char *version;          /* of the code that runs */
    rt_backend_kind backend;
    int threads;
} rt_predict_options;

typedef struct {
    int64_t n_target, n_failed;
    json_t *targets;              /* one object per target: its inputs, files, seconds or error; json_decref() it */
    json_t *inputs;               /* files that were read: role, path, bytes, sha256; json_decref() it */
    int64_t n_sample, n_cycle, n_step;   /* as resolved */
    char config[128];
    rt_ribonanza_source ribonanza_source;
    int64_t n_parameters;         /* of the first checkpoint */
    int64_t memory_available;     /* bytes that the machine had free at the start */
    bool bf16_in_fp32;            /* bf16 was asked for and the processor has no instructions for it */
    double began;
} rt_predict_report;

/* (all ranks) Folds every target of a CSV, each rank its part, and writes, under `out`: <target>/<target>_sample_<rank>.cif
 * of the best, <target>/summary.json with all scores of all samples, <target>/submission.csv, and submission.csv with every
 * residue of every target.  A target that fails is listed in the report, has zeros in submission.csv, and does not stop the
 * others.
 * Errors: what concerns the whole run (checkpoint, sequences file, output folder); RT_ERR_STOPPED when the user stopped it:
 * what was finished is written, and a run with `resume` goes on from there. */
rt_status rt_predict(const rt_predict_options *options, rt_predict_report *out_report, rt_err *err);

/* One sample as mmCIF text.  xyz F32 (A,3) in Angstrom, plddt F32 (A) 0..1. */
rt_status rt_predict_mmcif(rt_text *out_text, const rt_input *input, const rt_features *features, rt_tensor xyz,
                           rt_tensor plddt, rt_err *err);

#endif
