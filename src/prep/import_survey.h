/* import_survey.h - which of the competition's files a folder holds, and which version of each is read
 * Room: prep.  Uses: base/file, base/text.
 *
 * Of train_labels.v2.1.csv, train_labels.v2.csv and train_labels.csv the first is read; a name with another tag
 * (train_labels.subset.csv) only when there is no other.  Each may be packed (.csv.gz).
 */
#ifndef RT_PREP_IMPORT_SURVEY_H
#define RT_PREP_IMPORT_SURVEY_H

#include <limits.h>
#include <stdint.h>

#include "base/status.h"

/* A file of the competition. */
typedef enum { RT_IMPORT_SEQUENCES, RT_IMPORT_ALLATOM, RT_IMPORT_LABELS } rt_import_kind;
typedef struct {
    rt_import_kind kind;
    int64_t origin;             /* RT_ORIGIN_TRAIN, _VALIDATION, _TEST */
    char path[PATH_MAX];
} rt_import_file;

enum { RT_IMPORT_FILES = 9 };
typedef struct {
    rt_import_file
        file[RT_IMPORT_FILES]; /* sequences first, then all atoms, then labels; each train, validation, test */
    int n_file;
    char msa[2][PATH_MAX];                  /* MSA_v2, MSA; "" when absent */
    char templates[PATH_MAX];
} rt_import_survey;

/* Looks at the folder; an absent table is no error here. */
rt_status rt_import_survey_folder(rt_import_survey *out_survey, const char *folder, rt_err *err);

#endif
