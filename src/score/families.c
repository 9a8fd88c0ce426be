#include "score/families.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"

static int by_target(const void *a, const void *b)
{
    const rt_families_row *x = a, *y = b;
    int order = strcmp(x->target, y->target);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static rt_status add_row(rt_families *f, const rt_csv *csv, int64_t target, int64_t family, rt_err *err)
{
    void *rows = f->row;
    if (!rt_csv_length(csv, target)) return rt_csv_fail(csv, err, "the target is empty");
    if (!rt_csv_length(csv, family))
        return rt_csv_fail(csv, err, "target '%s' has no family; leave the line out if it has none",
                           rt_csv_text(csv, target));
    rt_status status = rt_grow(&rows, &f->capacity, f->n_row + 1, sizeof *f->row, err);
    f->row = rows;
    if (status != RT_OK) return status;
    rt_families_row *row = &f->row[f->n_row++];
    *row = (rt_families_row){.line = rt_csv_line(csv)};
    row->target = rt_copy_text(rt_csv_text(csv, target), -1, err);
    row->family = rt_copy_text(rt_csv_text(csv, family), -1, err);
    if (!row->target || !row->family) return RT_ERR_MEMORY;
    rt_tame_text(row->target);
    rt_tame_text(row->family);
    return RT_OK;
}

rt_status rt_families_load(rt_families *out_families, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_families *f = out_families;
    rt_csv *csv = NULL;
    int64_t target, family;
    bool more;
    *f = (rt_families){0};
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &target, "target", err));
    RT_TRY(rt_csv_require(csv, &family, "family", err));
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        RT_TRY(add_row(f, csv, target, family, err));
    }
    qsort(f->row, (size_t)f->n_row, sizeof *f->row, by_target);
    for (int64_t i = 1; i < f->n_row; i++) {
        const rt_families_row *a = &f->row[i - 1], *b = &f->row[i];
        if (strcmp(a->target, b->target) == 0 && strcmp(a->family, b->family) != 0)
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, b->line,
                           "target '%s' is in family '%s' here and in '%s' on line %lld", b->target, b->family,
                           a->family, (long long)a->line));
    }
done:
    rt_csv_close(csv);
    if (status != RT_OK) rt_families_free_members(f);
    return status;
}

void rt_families_free_members(rt_families *families)
{
    for (int64_t i = 0; i < families->n_row; i++) {
        free(families->row[i].target);
        free(families->row[i].family);
    }
    free(families->row);
    *families = (rt_families){0};
}

const char *rt_families_find(const rt_families *families, const char *target)
{
    int64_t low = 0, high = families->n_row;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(target, families->row[middle].target);
        if (order == 0) return families->row[middle].family;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

rt_status rt_families_number(int64_t *out_family, int64_t *out_n_family, int64_t *out_n_alone,
                             const rt_families *opt_families, const char *const *target, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    const char **name;
    *out_n_family = *out_n_alone = 0;
    RT_TRY_ALLOC(name, n);
    for (int64_t i = 0; i < n; i++) {
        const char *family = opt_families ? rt_families_find(opt_families, target[i]) : NULL;
        int64_t g = 0;
        if (family) while (g < *out_n_family && !(name[g] && strcmp(name[g], family) == 0)) g++;
        else g = *out_n_family, ++*out_n_alone;
        if (g == *out_n_family) name[(*out_n_family)++] = family;
        out_family[i] = g;
    }
done:
    free(name);
    return status;
}
