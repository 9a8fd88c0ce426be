/* tsv.h - how this room's tables show what is unknown
 * Room: prep.  Uses: nothing.
 */
#ifndef RT_PREP_TSV_H
#define RT_PREP_TSV_H

#include <stdio.h>

/* A tab, then the number, or "-" for NaN and infinity. */
void rt_tsv_print_number(FILE *out, double value, const char *format);

#endif
