/* pairwise_file.c - TM-scores between samples from a TSV */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/csv.h"
#include "score/selection.h"

typedef struct {
    char target[RT_SCORE_NAME], a[RT_SCORE_NAME], b[RT_SCORE_NAME];   /* a <= b */
    double tm;
} entry;

struct rt_pairwise_file {
    entry *entry;       /* by target, a, b */
    int64_t n, capacity;
};

static int by_names(const void *x, const void *y)
{
    const entry *p = x, *q = y;
    int order = strcmp(p->target, q->target);
    if (!order) order = strcmp(p->a, q->a);
    return order ? order : strcmp(p->b, q->b);
}

static void copy_name(char out[RT_SCORE_NAME], const char *text)
{
    size_t length = strnlen(text, RT_SCORE_NAME - 1);
    memcpy(out, text, length);
    out[length] = 0;
}

static void name_pair(entry *e, const char *target, const char *a, const char *b)
{
    copy_name(e->target, target);
    copy_name(e->a, strcmp(a, b) <= 0 ? a : b);
    copy_name(e->b, strcmp(a, b) <= 0 ? b : a);
}

rt_status rt_pairwise_file_open(rt_pairwise_file **ret_file, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_pairwise_file *f;
    rt_csv *csv = NULL;
    int64_t target, a, b, tm;
    bool more;
    *ret_file = NULL;
    RT_TRY_ALLOC(f, 1);
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &target, "target", err));
    RT_TRY(rt_csv_require(csv, &a, "model_a", err));
    RT_TRY(rt_csv_require(csv, &b, "model_b", err));
    RT_TRY(rt_csv_require(csv, &tm, "tm", err));
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        void *entries = f->entry;
        status = rt_grow(&entries, &f->capacity, f->n + 1, sizeof *f->entry, err);
        f->entry = entries;
        if (status != RT_OK) goto done;
        entry *e = &f->entry[f->n++];
        name_pair(e, rt_csv_text(csv, target), rt_csv_text(csv, a), rt_csv_text(csv, b));
        RT_TRY(rt_csv_double(csv, tm, &e->tm, err));
        if (!(e->tm >= 0 && e->tm <= 1.0001)) RT_TRY(rt_csv_fail(csv, err, "tm is %g, 0 to 1 was expected", e->tm));
    }
    qsort(f->entry, (size_t)f->n, sizeof *f->entry, by_names);
done:
    rt_csv_close(csv);
    if (status != RT_OK) rt_pairwise_file_close(f);
    else *ret_file = f;
    return status;
}

void rt_pairwise_file_close(rt_pairwise_file *file)
{
    if (!file) return;
    free(file->entry);
    free(file);
}

/* The mean of a pair's entries; NaN when there is none. */
static double find_pair(const rt_pairwise_file *f, const char *target, const char *a, const char *b)
{
    entry wanted;
    double sum = 0;
    int64_t low = 0, high = f->n, count = 0;
    name_pair(&wanted, target, a, b);
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (by_names(&f->entry[middle], &wanted) < 0) low = middle + 1;
        else high = middle;
    }
    for (; low < f->n && by_names(&f->entry[low], &wanted) == 0; low++, count++) sum += f->entry[low].tm;
    return count ? sum / (double)count : NAN;
}

rt_status rt_pairwise_file_read(void *user, double *out_tm, const char *target, const char *const *model, int64_t n,
                                rt_err *err)
{
    (void)err;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) out_tm[i * n + k] = i == k ? 1 : find_pair(user, target, model[i], model[k]);
    return RT_OK;
}
