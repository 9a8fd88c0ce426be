#include "prep/tsv.h"

#include <math.h>

void rt_tsv_print_number(FILE *out, double value, const char *format)
{
    fputc('\t', out);
    if (isfinite(value)) fprintf(out, format, value);
    else fputc('-', out);
}
