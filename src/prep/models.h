/* models.h - covariance models: names, accessions, gathering thresholds, and Rfam's clans
 * Room: prep.  Uses: io/plain, base/memory, base/text.
 * Reference: Infernal 1.1 User's Guide, "CM file format"; Rfam's Rfam.clanin.
 */
#ifndef RT_PREP_MODELS_H
#define RT_PREP_MODELS_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *name, *accession;   /* accession: the name when it has none */
    char *clan;               /* "" for none */
    double ga;                /* gathering threshold in bits, NaN when the model has none */
} rt_covariance_model;

typedef struct {
    rt_covariance_model *model;          /* in the file's order */
    int64_t n, capacity;
} rt_models;

/* The models of a CM file (text, Infernal 1.1).  Errors: RT_ERR_IO; RT_ERR_FORMAT; RT_ERR_UNSUPPORTED for models of
 * Infernal 1.0. */
rt_status rt_models_read(rt_models *out_models, const char *path, rt_err *err);
rt_status rt_models_parse(rt_models *out_models, const char *name, const char *text, int64_t size, rt_err *err);
/* Rfam.clanin: a clan and its families' names or accessions on each line.  Fills in the clan of models that are known
 * and adds those that are not.  Errors: RT_ERR_FORMAT for a line of one word, and for a family in two clans. */
rt_status rt_models_read_clans(rt_models *models, const char *path, rt_err *err);
void rt_models_free_members(rt_models *models);
/* By name or accession, NULL when there is none.  Cost: a pass. */
const rt_covariance_model *rt_models_find(const rt_models *models, const char *name);

#endif
