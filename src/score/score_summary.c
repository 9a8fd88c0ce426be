#include "score/score_summary.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

static const struct { const char *name; size_t field; bool best; bool low; } MEASURES[RT_SCORE_SUMMARY_MEASURES] = {
    {"tm_align_top1", offsetof(rt_score_row, tm_align), false, false},
    {"tm_align_best5", offsetof(rt_score_row, tm_align), true, false},
    {"tm_resid_top1", offsetof(rt_score_row, tm_resid), false, false},
    {"tm_resid_best5", offsetof(rt_score_row, tm_resid), true, false},
    {"rmsd_top1", offsetof(rt_score_row, rmsd), false, true},
    {"gdt_ts_top1", offsetof(rt_score_row, gdt_ts), false, false},
    {"lddt_c1_top1", offsetof(rt_score_row, lddt_c1), false, false},
    {"inf_all_top1", offsetof(rt_score_row, inf_all), false, false},
};

const char *rt_score_summary_measure(int index) { return MEASURES[index].name; }

static bool is_all(const rt_score_row *row) { return row != NULL; }
static bool is_short(const rt_score_row *row) { return row->length >= 0 && row->length <= 100; }
static bool is_middle(const rt_score_row *row) { return row->length > 100 && row->length <= 512; }
static bool is_long(const rt_score_row *row) { return row->length > 512; }
static bool has_template(const rt_score_row *row) { return row->n_template > 0; }
static bool has_none(const rt_score_row *row) { return row->n_template == 0; }
static bool is_single(const rt_score_row *row) { return row->n_chain == 1; }
static bool is_complex(const rt_score_row *row) { return row->n_chain > 1; }

static const struct { const char *name; bool (*holds)(const rt_score_row *row); } STRATA[] = {
    {"all", is_all},
    {"length <= 100", is_short},
    {"length 101-512", is_middle},
    {"length > 512", is_long},
    {"with templates", has_template},
    {"without templates", has_none},
    {"one chain", is_single},
    {"several chains", is_complex},
};
enum { N_STRATA = sizeof STRATA / sizeof *STRATA };

static double value_of(const rt_score_row *row, int64_t n, int measure)
{
    double best = NAN;
    for (int64_t k = 0; k < (MEASURES[measure].best ? n : 1) && k < RT_SCORE_SUMMARY_BEST_OF; k++) {
        double value = *(const double *)(const void *)((const char *)(row + k) + MEASURES[measure].field);
        if (isfinite(value) && !(best >= value)) best = value;
    }
    return best;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One stratum; values: room for a number per target. */
static void fill(rt_score_summary_stratum *out, const rt_score_table *table, int stratum, double *values)
{
    *out = (rt_score_summary_stratum){.name = STRATA[stratum].name};
    for (int m = 0; m < RT_SCORE_SUMMARY_MEASURES; m++) {
        int64_t n = 0;
        double sum = 0;
        for (int64_t first = 0, next; first < table->n_row; first = next) {
            const rt_score_row *row = &table->row[first];
            for (next = first; next < table->n_row && strcmp(table->row[next].target, row->target) == 0;) next++;
            if (!STRATA[stratum].holds(row)) continue;
            if (m == 0) {
                out->n_target++;
                out->n_model += next - first;
                out->n_missing += row->n_missing > 0 ? row->n_missing : 0;
            }
            double value = value_of(row, next - first, m);
            if (!isfinite(value)) continue;
            values[n++] = value;
            sum += value;
        }
        qsort(values, (size_t)n, sizeof *values, compare);
        out->mean[m] = n ? sum / (double)n : NAN;
        out->median[m] = n ? (values[(n - 1) / 2] + values[n / 2]) / 2 : NAN;
    }
}

rt_status rt_score_summary_build(rt_score_summary *out_summary, const rt_score_table *table, rt_err *err)
{
    rt_status status = RT_OK;
    double *values = NULL;
    *out_summary = (rt_score_summary){0};
    RT_TRY_ALLOC(values, table->n_row);
    RT_TRY_ALLOC(out_summary->stratum, N_STRATA);
    for (int s = 0; s < N_STRATA; s++) {
        rt_score_summary_stratum *stratum = &out_summary->stratum[out_summary->n_stratum];
        fill(stratum, table, s, values);
        out_summary->n_stratum += stratum->n_target > 0;
    }
done:
    free(values);
    return status;
}

void rt_score_summary_free_members(rt_score_summary *summary)
{
    free(summary->stratum);
    *summary = (rt_score_summary){0};
}

static void add_number(rt_text *out, const char *before, double value)
{
    if (isfinite(value)) rt_text_add(out, "%s%.5f", before, value);
    else rt_text_add(out, "%sNA", before);
}

void rt_score_summary_print(rt_text *out_text, const rt_score_summary *summary)
{
    rt_text_add(out_text, "stratum\ttargets\tmodels\tmissing");
    for (int m = 0; m < RT_SCORE_SUMMARY_MEASURES; m++)
        rt_text_add(out_text, "\t%s_mean\t%s_median", MEASURES[m].name, MEASURES[m].name);
    rt_text_add(out_text, "\n");
    for (int64_t s = 0; s < summary->n_stratum; s++) {
        const rt_score_summary_stratum *stratum = &summary->stratum[s];
        rt_text_add(out_text, "%s\t%lld\t%lld\t%lld", stratum->name, (long long)stratum->n_target,
                    (long long)stratum->n_model, (long long)stratum->n_missing);
        for (int m = 0; m < RT_SCORE_SUMMARY_MEASURES; m++) {
            add_number(out_text, "\t", stratum->mean[m]);
            add_number(out_text, "\t", stratum->median[m]);
        }
        rt_text_add(out_text, "\n");
    }
}

/* What a person is shown, in order, with decimals. */
static const struct { int measure, decimals; } SHOWN[] = {{2, 4}, {3, 4}, {0, 4}, {1, 4}, {4, 2}, {5, 4}, {6, 4}, {7, 4}};
enum { N_SHOWN = sizeof SHOWN / sizeof *SHOWN };

static void add_aligned(rt_text *out, const rt_score_summary_stratum *stratum, const double *value)
{
    rt_text_add(out, "%-18s %7lld %7lld %7lld ", stratum->name, (long long)stratum->n_target,
                (long long)stratum->n_model, (long long)stratum->n_missing);
    for (int i = 0; i < N_SHOWN; i++) {
        char word[32] = "NA";
        double shown = value[SHOWN[i].measure];
        if (isfinite(shown)) snprintf(word, sizeof word, "%.*f", SHOWN[i].decimals, shown);
        rt_text_add(out, i + 1 < N_SHOWN ? " %-9s" : " %s", word);
    }
    rt_text_add(out, "\n");
}

void rt_score_summary_print_aligned(rt_text *out_text, const rt_score_summary *summary)
{
    rt_text_add(out_text, "%-18s %7s %7s %7s  %-19s %-19s %-9s %-9s %-9s %s\n", "", "", "", "residues", "TM by number",
                "TM by alignment", "RMSD", "GDT-TS", "lDDT C1'", "INF");
    for (int median = 0; median < 2; median++) {
        rt_text_add(out_text, "%-18s %7s %7s %8s %-9s %-9s %-9s %-9s %-9s %-9s %-9s %s\n", median ? "median" : "mean",
                    "targets", "models", "missing ", "top 1", "best of 5", "top 1", "best of 5", "top 1", "top 1",
                    "top 1", "top 1");
        for (int64_t s = 0; s < summary->n_stratum; s++)
            add_aligned(out_text, &summary->stratum[s],
                        median ? summary->stratum[s].median : summary->stratum[s].mean);
    }
}

json_t *rt_score_summary_json(const rt_score_summary *summary)
{
    json_t *strata = json_array();
    for (int64_t s = 0; s < summary->n_stratum; s++) {
        const rt_score_summary_stratum *stratum = &summary->stratum[s];
        json_t *object = json_pack("{s:s, s:I, s:I, s:I}", "stratum", stratum->name, "targets",
                                   (json_int_t)stratum->n_target,
                                   "models", (json_int_t)stratum->n_model, "missing", (json_int_t)stratum->n_missing);
        for (int m = 0; m < RT_SCORE_SUMMARY_MEASURES; m++) {
            double pair[2] = {stratum->mean[m], stratum->median[m]};
            json_t *both = json_object();
            for (int i = 0; i < 2; i++)
                json_object_set_new(both, i ? "median" : "mean", rt_json_number(pair[i]));
            json_object_set_new(object, MEASURES[m].name, both);
        }
        json_array_append_new(strata, object);
    }
    return strata;
}
