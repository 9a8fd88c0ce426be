/* pairs_print.h - base pairs as the formats that other programs read: TSV, dot-bracket, bpseq, ct
 * Room: prep.  Uses: base/memory, base/text, prep/helices, prep/pairs.
 *
 * Names lose control characters; residues count from 1.
 */
#ifndef RT_PREP_PAIRS_PRINT_H
#define RT_PREP_PAIRS_PRINT_H

#include "base/text.h"
#include "prep/pairs.h"

/* Lines `id i j p` without a header, 9 significant digits. */
void rt_pairs_print_tsv(rt_text *out, const char *name, const rt_pairs *pairs, double min_prob);

/* partner (n), -1 for unpaired.  dot: '>' name, sequence, brackets, and the score when it is a number.  Helices that
 * cross take the next kind of bracket, the longest the first: () [] {} <> then Aa Bb ..; what needs more kinds is
 * RT_ERR_UNSUPPORTED. */
rt_status rt_pairs_print_dot(rt_text *out, const char *name, const char *sequence, const int32_t *partner, double score,
                             rt_err *err);
void rt_pairs_print_bpseq(rt_text *out, const char *name, const char *sequence, const int32_t *partner, int64_t n);
void rt_pairs_print_ct(rt_text *out, const char *name, const char *sequence, const int32_t *partner, int64_t n);

#endif
