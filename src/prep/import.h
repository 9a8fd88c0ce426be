/* import.h - a training set from the competition's files or from a folder of structures
 * Room: prep.  Uses: prep/dataset_write, io/csv, io/structure, io/polymer.
 * Reference: rnapro/data/rna_dataset_allatom.py RNADataset.read_sequences, read_coords, _validate_sequence_consistency
 *
 * What is refused, ignored or kept with a remark is a note of the set (dataset.h); docs/data.md lists the reasons.
 * An import that was interrupted at any moment goes on when it is called again with the same inputs and options, and
 * ends with the same bytes.
 */
#ifndef RT_PREP_IMPORT_H
#define RT_PREP_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "prep/dataset.h"

typedef struct {
    const char *folder;         /* what to read */
    const char *out;            /* the set's folder */
    const char *before;         /* "YYYY-MM-DD": training targets of that day or later are refused; NULL: none */
    double max_resolution;      /* Angstrom; of targets whose resolution is known; 0: no limit */
    double min_completeness;    /* 0 to 1; of training targets and structures */
    int64_t max_breaks;         /* chain breaks of training targets and structures; -1: no limit */
    int64_t max_models;         /* conformations kept of a structure; 0: all */
    int64_t checkpoint_bytes;   /* of a table between two checkpoints; 0: what import thinks best */
    const char *list;           /* structures: a file that names those to read, one in a line; NULL: all */
} rt_import_options;

/* The competition's files in options->folder: train_, validation_ and test_sequences, _labels and _allatom, of each the
 * newest version (".v2.1" before ".v2" before none), plain or .gz; MSA_v2 and MSA; template_features.pt.
 * Errors: RT_ERR_IO (no sequences, no labels, what base/ and SQLite say), RT_ERR_FORMAT with file and line for a table
 * that is damaged or lacks a column, RT_ERR_MISMATCH (the set is there, or unfinished work of another import),
 * RT_ERR_STOPPED. */
rt_status rt_import_kaggle(const rt_import_options *options, rt_err *err);

/* Every mmCIF and PDB file (plain or .gz) in options->folder: one target per RNA chain, named FILE_CHAIN as the
 * competition does ("1SCL_A"), a conformation per model.  A file that cannot be read is a note, not an error. */
rt_status rt_import_structures(const rt_import_options *options, rt_err *err);

/* True when options->out holds the finished set of this very import. */
rt_status rt_import_is_done(const rt_import_options *options, bool kaggle, bool *out_done, rt_err *err);

#endif
