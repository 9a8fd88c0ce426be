/* loop_model.h - EternaFold's scoring of RNA secondary structures, loop by loop
 * Room: prep.  Uses: base/file, base/memory, base/text.
 * Reference: C. B. Do, D. A. Woods, S. Batzoglou, Bioinformatics 22:e90 (2006), the conditional log-linear model;
 * H. K. Wayment-Steele et al., Nature Methods 19:1234 (2022), EternaFold, its parameters.
 * Parameters: data/eternafold/EternaFoldParams.v1 (BSD-3, licence beside it) is part of the program.
 *
 * A structure's score is the sum over its loops; its probability is exp(score) / Z.  Scores have no unit.
 */
#ifndef RT_PREP_LOOP_MODEL_H
#define RT_PREP_LOOP_MODEL_H

#include <stdint.h>

#include "base/status.h"

enum {
    RT_LOOP_LETTERS = 5,      /* A C G U, and 4 for any other and beyond the ends: it scores 0 and never pairs */
    RT_LOOP_OTHER = 4,
    RT_LOOP_LONGEST = 30,     /* unpaired nucleotides of a bulge or internal loop; hairpins beyond score as this one */
    RT_LOOP_HAIRPIN = 3       /* unpaired nucleotides of the shortest hairpin */
};

/* Log-scores.  A pair's four letters [i][j][i+1][j-1] are named as seen from inside its loop. */
typedef struct {
    double pair[RT_LOOP_LETTERS][RT_LOOP_LETTERS];                                         /* symmetric */
    double stack[RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS];      /* (i,j) on (i+1,j-1) */
    double end[RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS];        /* hairpins, internal loops */
    double branch[RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS];     /* multiloops, outside */
    double hairpin[RT_LOOP_LONGEST + 1];
    double single[RT_LOOP_LONGEST + 1][RT_LOOP_LONGEST + 1]; /* bulge or internal loop by both sides' lengths */
    double bulge[RT_LOOP_LETTERS];                           /* the letter of a bulge of one, in addition */
    double internal[RT_LOOP_LETTERS][RT_LOOP_LETTERS];       /* the letters of a 1x1 loop, in addition */
    double multi_base, multi_unpaired, multi_paired, external_unpaired, external_paired;
} rt_loop_model;

/* A file of `name value` lines; path NULL: EternaFold's own parameters.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT for a line that is not a name and a number, a name given twice, a parameter that is
 * missing, one of another model. */
rt_status rt_loop_model_load(rt_loop_model *out_model, const char *opt_path, rt_err *err);
/* The same from memory; `name` stands for the file in errors. */
rt_status rt_loop_model_parse(rt_loop_model *out_model, const void *bytes, int64_t size, const char *name, rt_err *err);

/* 0..3 for A C G U (T is U, lower case too), RT_LOOP_OTHER for anything else. */
int rt_loop_model_letter(char letter);

#endif
