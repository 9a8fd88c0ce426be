/* pairs_agreement.h - pairs --compare: each method's pairs beside the known ones
 * Room: cli.  Uses: base/text, cli/options, prep/known.
 */
#ifndef RT_CLI_PAIRS_AGREEMENT_H
#define RT_CLI_PAIRS_AGREEMENT_H

#include "base/text.h"
#include "cli/options.h"

/* The table's columns that hold numbers, for --json. */
extern const char *const RT_PAIRS_AGREEMENT_NUMBERS[];

/* Reads what --compare names, predicts with every method that is there (which is not, is said), and adds the table. */
rt_status rt_pairs_agreement_print(rt_text *out, const rt_options *options, rt_err *err);

#endif
