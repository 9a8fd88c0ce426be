#include "prep/template_list.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "prep/tsv.h"
#include "prep/chain_table.h"
#include "prep/split.h"
#include "score/tm.h"

void rt_template_list_free_members(rt_template_list *list)
{
    for (int64_t i = 0; i < list->n; i++) {
        free(list->row[i].target);
        free(list->row[i].source);
        free(list->row[i].date);
    }
    free(list->row);
    *list = (rt_template_list){0};
}

rt_status rt_template_list_add(rt_template_list *list, const rt_template_row *row, rt_err *err)
{
    void *rows = list->row;
    rt_status status = rt_grow(&rows, &list->capacity, list->n + 1, sizeof *list->row, err);
    list->row = rows;
    if (status != RT_OK) return status;
    rt_template_row *r = &list->row[list->n++];
    *r = *row;
    r->target = rt_copy_text(row->target, -1, err);
    r->source = rt_copy_text(row->source, -1, err);
    r->date = rt_copy_text(row->date, -1, err);
    if (!r->target || !r->source || !r->date) return RT_ERR_MEMORY;
    rt_tame_text(r->target);
    rt_tame_text(r->source);
    return RT_OK;
}

rt_status rt_template_list_write(const rt_template_list *list, const char *path, rt_err *err)
{
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    FILE *out = rt_writer_stream(writer);
    fprintf(out, "target\ttemplate\tsource\tdate\tevalue\tresidues\ttm\tstatus\n");
    for (int64_t i = 0; i < list->n; i++) {
        const rt_template_row *r = &list->row[i];
        fprintf(out, "%s\t", r->target);
        if (r->number) fprintf(out, "%lld", (long long)r->number);
        else fputc('-', out);
        fprintf(out, "\t%s\t%s", r->source, r->date);
        rt_tsv_print_number(out, r->evalue, "%.3g");
        fprintf(out, "\t%lld", (long long)r->residues);
        rt_tsv_print_number(out, r->tm, "%.4f");
        fprintf(out, "\t%s\n", r->status);
    }
    return rt_writer_commit(writer, err);
}

static int by_target(const void *a, const void *b)
{
    const rt_template_row *x = a, *y = b;
    int order = strcmp(x->target, y->target);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

const rt_template_row *rt_template_list_find(const rt_template_list *list, const char *target, int64_t number)
{
    rt_template_row key = {.target = (char *)(uintptr_t)target, .number = number};
    return list->n ? bsearch(&key, list->row, (size_t)list->n, sizeof *list->row, by_target) : NULL;
}

rt_status rt_template_list_read(rt_template_list *out_list, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t target, number, source, date;
    bool more;
    *out_list = (rt_template_list){0};
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &target, "target", err));
    RT_TRY(rt_csv_require(csv, &number, "template", err));
    RT_TRY(rt_csv_require(csv, &source, "source", err));
    RT_TRY(rt_csv_require(csv, &date, "date", err));
    for (;;) {
        rt_template_row row = {.evalue = NAN, .tm = NAN, .status = "kept"};
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        row.line = rt_csv_line(csv);
        row.target = (char *)(uintptr_t)rt_csv_text(csv, target);
        row.source = (char *)(uintptr_t)rt_csv_text(csv, source);
        row.date = (char *)(uintptr_t)rt_csv_text(csv, date);
        if (!row.target[0] || !row.source[0] || !row.date[0]) RT_TRY(rt_csv_fail(csv, err,
                                                                                 "a field is empty ('-': unknown)"));
        if (strcmp(row.date, "-") != 0 && !rt_split_is_date(row.date))
            RT_TRY(rt_csv_fail(csv, err, "'%.40s' is no date such as 2022-05-27", row.date));
        if (strcmp(rt_csv_text(csv, number), "-") != 0) {
            RT_TRY(rt_csv_int(csv, number, &row.number, err));
            if (row.number < 1) RT_TRY(rt_csv_fail(csv, err, "templates are counted from 1"));
        }
        RT_TRY(rt_template_list_add(out_list, &row, err));
    }
    if (out_list->n > 1) qsort(out_list->row, (size_t)out_list->n, sizeof *out_list->row, by_target);
done:
    rt_csv_close(csv);
    if (status != RT_OK) rt_template_list_free_members(out_list);
    return status;
}

/* ---- what may not be used ---------------------------------------------------------------------------------------- */

/* Is the PDB code at text[0..4) followed by what ends one in a name: _ . - or the end? */
static bool code_at(const char *text, const char *code)
{
    return strncasecmp(text, code, 4) == 0 && (!text[4] || strchr("_.- |\n", text[4]));
}

bool rt_template_is_own(const rt_target *target, const char *source)
{
    char chain[RT_CHAIN_NAME], own[RT_CHAIN_NAME];
    if (!rt_chain_name(chain, source)) return false;
    if (rt_chain_name(own, target->id) && memcmp(own, chain, 4) == 0) return true;
    for (const char *at = strchr(target->all_sequences, '>'); at; at = strchr(at + 1, '>'))
        if (code_at(at + 1, chain)) return true;
    const char *file = strrchr(target->source, '/');
    return (target->origin & RT_ORIGIN_STRUCTURES) && code_at(file ? file + 1 : target->source, chain);
}

const char *rt_template_obstacle(const rt_target *target, const char *date, const char *opt_cutoff)
{
    bool dated = rt_split_is_date(target->cutoff);
    if (!dated && !opt_cutoff) return NULL;
    if (!rt_split_is_date(date)) return "no_date";
    if (dated && strcmp(date, target->cutoff) >= 0) return "after_cutoff";
    return opt_cutoff && strcmp(date, opt_cutoff) > 0 ? "after_cutoff" : NULL;
}

bool rt_template_is_answer(double tm, double rmsd, int64_t n, double tm_limit)
{
    return tm >= tm_limit || (n >= RT_TEMPLATE_ANSWER_RESIDUES && rmsd <= RT_TEMPLATE_ANSWER_RMSD);
}

rt_status rt_template_match(rt_tm *tm, double *out_tm, double *out_rmsd, int64_t *out_n, const rt_target *target,
                            const float *xyz, int64_t stride, double tm_limit, rt_err *err)
{
    rt_status status = RT_OK;
    double *x = NULL, *y = NULL;
    *out_tm = 0;
    *out_rmsd = INFINITY;
    *out_n = 0;
    RT_TRY_ALLOC(x, 3 * target->length);
    RT_TRY_ALLOC(y, 3 * target->length);
    for (int64_t c = 0; c < target->n_conformation; c++) {
        int64_t n = 0;
        for (int64_t r = 0; r < target->length; r++) {
            const float *p = xyz + r * stride, *q = rt_target_c1(target, c, r);
            bool missing = !isfinite(p[0]) || !isfinite(p[1]) || !isfinite(p[2]) ||
                (p[0] == 0 && p[1] == 0 && p[2] == 0);
            if (missing || !isfinite(q[0]) || !isfinite(q[1]) || !isfinite(q[2])) continue;
            for (int d = 0; d < 3; d++) x[3 * n + d] = (double)p[d], y[3 * n + d] = (double)q[d];
            n++;
        }
        if (n < 3) continue;
        rt_rigid rigid;
        rt_tm_result result = {0};
        rt_superpose(&rigid, x, y, n);
        double rmsd = rt_superpose_rmsd(&rigid, x, y, n);
        if ((double)n >= tm_limit * (double)target->length) RT_TRY(rt_tm_paired(tm, &result, NULL, x, y, n,
                                                                                target->length, err));
        if (result.score > *out_tm) *out_tm = result.score;
        if (rmsd < *out_rmsd) *out_rmsd = rmsd, *out_n = n;
    }
done:
    free(x);
    free(y);
    return status;
}
