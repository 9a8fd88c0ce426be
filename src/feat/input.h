/* input.h - what the user gave for one target: sequence, MSA, templates.  It holds nothing of the answer.
 * Room: feat.  Uses: io/csv, io/msa, io/template_file.
 *
 * Labels (experimental coordinates of the target itself) live in feat/label.h, which no feature builder includes: a
 * template made from the ground truth cannot be written by accident.
 */
#ifndef RT_FEAT_INPUT_H
#define RT_FEAT_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *target;            /* name, as in sequences.csv's target_id */
    char *sequence;          /* upper case; T was turned into U (then `n_t_to_u` counts) */
    int64_t length;          /* N */
    int64_t n_t_to_u;
    char *description;       /* may be NULL */
    char *all_sequences;     /* Part 2's FASTA column, may be NULL */

    /* MSA as text rows of the file, cut or padded by the feature builder; n_msa 0 when there is none */
    char **msa_row;
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

#endif
