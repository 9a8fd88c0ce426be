/* import_filter.c - what decides whether a target is kept, whatever it came from, and other things that all imports
 * need */
#define _GNU_SOURCE
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "prep/import_internal.h"

rt_status rt_import_note(rt_dataset_writer *writer, const char *outcome, const char *reason, const char *target,
                         int64_t origin, const char *file, int64_t line, rt_err *err, const char *detail, ...)
{
    char text[512];
    va_list args;
    va_start(args, detail);
    vsnprintf(text, sizeof text, detail, args);
    va_end(args);
    rt_dataset_note note = {outcome, reason, target, origin, file, line, text};
    return rt_dataset_writer_note(writer, &note, err);
}

bool rt_import_is_filtered(int64_t origin) { return !(origin & (RT_ORIGIN_VALIDATION | RT_ORIGIN_TEST)); }

rt_status rt_import_filter(rt_dataset_writer *writer, const rt_import_options *options, const rt_target *target,
                           const float *xyz, int64_t line, bool *out_refused, rt_err *err)
{
    rt_target measured = *target;
    const char *reason = NULL;
    char detail[128] = "";
    *out_refused = false;
    if (!rt_import_is_filtered(target->origin)) return RT_OK;
    rt_target_measure(&measured, xyz);
    if (options->max_resolution > 0 && measured.resolution > options->max_resolution) {
        reason = "resolution";
        snprintf(detail, sizeof detail, "%.2f Angstrom, at most %.2f wanted", measured.resolution,
                 options->max_resolution);
    } else if (measured.completeness < options->min_completeness) {
        reason = "completeness";
        snprintf(detail, sizeof detail, "%.3f of the residues have a C1', at least %.3f wanted", measured.completeness,
                 options->min_completeness);
    } else if (options->max_breaks >= 0 && measured.n_break > options->max_breaks) {
        reason = "chain_breaks";
        snprintf(detail, sizeof detail, "%lld chain breaks, at most %lld wanted", (long long)measured.n_break,
                 (long long)options->max_breaks);
    }
    if (!reason) return RT_OK;
    *out_refused = true;
    return rt_import_note(writer, "refused", reason, target->id, target->origin, target->source, line, err, "%s",
                          detail);
}

bool rt_import_parse_date(char out[11], const char *text)
{
    out[0] = 0;
    for (int i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char)text[i])) return false;
    if (text[10] && text[10] != ' ' && text[10] != 'T') return false;
    int month = (text[5] - '0') * 10 + text[6] - '0', day = (text[8] - '0') * 10 + text[9] - '0';
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    memcpy(out, text, 10);
    out[10] = 0;
    return true;
}

int64_t rt_import_bad_letter(const char *sequence)
{
    size_t good = strspn(sequence, "ACGU");
    return sequence[good] ? (int64_t)good + 1 : 0;
}
