/* input.h - what the user gave for one target: sequence, MSA, templates.  It holds nothing of the answer.
 * Room: feat.  Uses: io/csv, io/msa.
 * Reference: rnapro/utils/inference.py process_sequence, rnapro/data/infer_data_pipeline.py InferenceDataset,
 * preprocess/convert_templates_to_pt_files.py
 *
 * Labels (experimental coordinates of the target itself) live in feat/label.h, which no feature builder includes: a
 * template made from the ground truth cannot be written by accident.
 */
#ifndef RT_FEAT_INPUT_H
#define RT_FEAT_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* One chain of the target, as Protenix numbers them: from 0, in the order of the sequence. */
typedef struct {
    int64_t first, length;   /* residues of `sequence` */
    int64_t entity, copy;    /* chains of one sequence are copies 0, 1, ... of one entity */
} rt_input_chain;

/* What the experiment had and the network does not model. */
typedef struct {
    int64_t n_protein, n_dna, n_rna;   /* chains */
    char *ligands;                     /* column ligand_ids, may be NULL */
    bool unexplained;                  /* the chains that are named do not add up to the sequence: it is one chain */
} rt_partners;

typedef struct {
    char *target;            /* name, as in sequences.csv's target_id */
    char *sequence;          /* upper case; T was turned into U (then `n_t_to_u` counts) */
    int64_t length;          /* N */
    int64_t n_t_to_u;
    char *description;       /* may be NULL */
    char *all_sequences;     /* FASTA column, may be NULL */
    char *stoichiometry;     /* column of that name, may be NULL */
    rt_input_chain *chain;   /* n_chain >= 1 (feat/chains) */
    int64_t n_chain;
    rt_partners partner;

    /* MSA as text rows of the file, cut or padded by the feature builder; n_msa 0 when there is none */
    char **msa_row;          /* pointers and texts are one block of memory (io/msa) */
    int64_t n_msa;
    char *msa_file;          /* where it came from, NULL when there is none */
    int64_t msa_file_rows;   /* rows in the file before the limit of 16,384 */

    /* templates: C1' coordinates (T, N, 3) in Angstrom; NaN where the template has no residue */
    float *template_xyz;
    int64_t n_template;
    char *template_file;     /* NULL when there is none */
    int64_t n_template_missing;   /* residues missing, over the templates in use */
} rt_input;

void rt_input_free_members(rt_input *input);

/* Fills target, sequence and length.  The sequence may be in lower case and hold T, which becomes U and is counted.
 * Errors: RT_ERR_FORMAT for an empty sequence, for a letter other than A C G U T (its position is named), for a name
 * that is empty or cannot be a file's name. */
rt_status rt_input_set_sequence(rt_input *out_input, const char *target, const char *sequence, rt_err *err);

/* Another sequence of the same length (A C G U) on the same fold.  Where the alignment's first row is the old sequence, it
 * becomes the new one, gaps and all; the other rows stay: they are the family that a search with the new sequence finds. */
void rt_input_mutate(rt_input *input, const char *sequence);

/* ---- sequences.csv --------------------------------------------------------------------------------------------- */
typedef struct {
    char *target;            /* its target_id, empty when there was none; '?' stands for what is no printable UTF-8 */
    char *opt_sequence;      /* its letters, when the target could have rows in a submission all the same */
    int64_t line;            /* of the row in the file */
    rt_err err;
} rt_input_failure;

typedef struct {
    rt_input *input;         /* n_input targets in the file's order */
    int64_t n_input;
    rt_input_failure *failure;   /* rows that cannot be used; the other targets go on without them */
    int64_t n_failure;
    int64_t input_capacity, failure_capacity;
} rt_inputs;

/* Columns target_id and sequence are required; description, all_sequences, stoichiometry and ligand_ids are kept (the
 * second and third say which chains there are: feat/chains), others are ignored.  A row with a bad sequence, or with a
 * target_id that an earlier row has, goes to `failure`.
 * Errors: those of io/csv (a column is missing, a row with another number of fields, ...), RT_ERR_FORMAT when the file
 * has no row, RT_ERR_MEMORY. */
rt_status rt_inputs_read(rt_inputs *out_inputs, const char *sequences_csv, rt_err *err);
void rt_inputs_free_members(rt_inputs *inputs);

/* ---- MSA ------------------------------------------------------------------------------------------------------- */
/* Loads the target's alignment from a folder (rt_msa_find tells which names are tried).  No file: n_msa 0, no error.
 * Warns when the first row without its gaps is not the target's sequence, when rows differ from N in length (the
 * network sees short rows filled up with N, long ones cut), and when that comes from A3M insertions.
 * Errors: those of rt_msa_read. */
rt_status rt_input_load_msa(rt_input *input, const char *folder, rt_err *err);

/* The same for an alignment of known path.  tell: warn about rows that do not fit, as above; false when the file has been
 * read, and warned about, before.  Errors: those of rt_msa_read. */
rt_status rt_input_read_msa(rt_input *input, const char *path, bool tell, rt_err *err);

/* Forgets the alignment: n_msa 0. */
void rt_input_clear_msa(rt_input *input);

/* ---- templates ------------------------------------------------------------------------------------------------- */
typedef enum {
    RT_TEMPLATE_MISSING_MASK,     /* the network is told that the residue is missing: coordinate 0, mask 0 */
    RT_TEMPLATE_MISSING_ORIGIN    /* as the reference: coordinate 0 with mask 1, a residue at the origin */
} rt_template_missing;

/* xyz: (length, n_template, 3) float32, C1' in Angstrom, best template first.  Templates 0 .. template_idx are used, as
 * the reference's template_idx does.  opt_sequence: the residues that the template's file names, compared with the
 * target's.  `file` stands for the file in errors and may be NULL.
 * A residue is missing when a coordinate is NaN or beyond 1e6 in size, or when all three are 0: the reference's
 * converter writes 0 for a missing value.  Under RT_TEMPLATE_MISSING_ORIGIN a NaN alone becomes 0, as it does there.
 * Replaces the templates that were there.
 * Errors: RT_ERR_MISMATCH when template_idx is beyond the file's templates or the residues differ from the target's;
 * RT_ERR_USAGE for a negative template_idx; RT_ERR_MEMORY. */
rt_status rt_input_set_templates(rt_input *input, const float *xyz, int64_t length, int64_t n_template,
                                 const char *opt_sequence, int64_t template_idx, rt_template_missing missing,
                                 const char *file, rt_err *err);

/* Forgets the templates: n_template 0. */
void rt_input_clear_templates(rt_input *input);

#endif
