#include "prep/split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"
#include "io/csv.h"

bool rt_split_is_date(const char *text)
{
    static const char FORM[] = "dddd-dd-dd";
    for (int i = 0; FORM[i]; i++)
        if (FORM[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != FORM[i]) return false;
    int month = 10 * (text[5] - '0') + text[6] - '0', day = 10 * (text[8] - '0') + text[9] - '0';
    return !text[10] && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static rt_status add_row(rt_split *split, rt_part part, const char *target, const char *component, const char *family,
                         rt_err *err)
{
    void *rows = split->row;
    rt_status status = rt_grow(&rows, &split->capacity, split->n + 1, sizeof *split->row, err);
    split->row = rows;
    if (status != RT_OK) return status;
    rt_split_row *r = &split->row[split->n++];
    *r = (rt_split_row){.part = part, .note = "-"};
    r->target = rt_copy_text(target, -1, err);
    r->component = rt_copy_text(component, -1, err);
    r->family = rt_copy_text(family, -1, err);
    return r->target && r->component && r->family ? RT_OK : RT_ERR_MEMORY;
}

void rt_split_free_members(rt_split *split)
{
    for (int64_t i = 0; i < split->n; i++) {
        free(split->row[i].target);
        free(split->row[i].component);
        free(split->row[i].family);
    }
    free(split->row);
    *split = (rt_split){0};
}

/* ---- planning ---------------------------------------------------------------------------------------------------- */

/* What a part should have its share of: targets, targets of each range of lengths, components of each range of
 * sizes. */
enum { N_LENGTHS = 6, N_SIZES = 3, N_COUNTS = 1 + N_LENGTHS + N_SIZES };
static const int64_t LENGTHS[N_LENGTHS] = {30, 60, 100, 200, 400, INT64_MAX};
static const int64_t SIZES[N_SIZES] = {1, 9, INT64_MAX};
static const double WEIGHT[N_COUNTS] = {4, 1, 1, 1, 1, 1, 1, 1, 1, 1};   /* how many targets matters most */

typedef struct {
    const char *name;
    int64_t first, n;              /* targets in `order` */
    double count[N_COUNTS];        /* in validation or test */
    double train[N_COUNTS];        /* in train, where new targets are left out */
    bool may_train;
    rt_part forced;                /* RT_PART_NONE: free */
    uint64_t draw;
    rt_part part;
} unit;

typedef struct { const char *component; int64_t target; } entry;

static int by_component(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(x->component, y->component);
    return order ? order : (x->target > y->target) - (x->target < y->target);
}

static int largest_first(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    if ((x->forced != RT_PART_NONE) != (y->forced != RT_PART_NONE)) return x->forced != RT_PART_NONE ? -1 : 1;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    if (x->draw != y->draw) return x->draw < y->draw ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int range_of(int64_t value, const int64_t *upper)
{
    int i = 0;
    while (value > upper[i]) i++;
    return i;
}

/* Why a target cannot train, "-" when it can. */
static const char *obstacle(const rt_target *target, const rt_split_options *o)
{
    if (!o->opt_cutoff) return "-";
    if (!rt_split_is_date(target->cutoff)) return "no_date";
    return strcmp(target->cutoff, o->opt_cutoff) > 0 ? "after_cutoff" : "-";
}

static void describe(unit *c, const entry *order, const rt_dataset *set, const rt_split_options *o)
{
    const rt_target *first = rt_dataset_at(set, order[c->first].target);
    rt_rng rng = rt_rng_make(o->seed, rt_hash_text(first->id), 0, RT_DRAW_SPLIT);
    c->draw = rt_rng_bits(&rng, 0);
    c->forced = RT_PART_NONE;
    bool held = false;
    int64_t n_train = 0;
    for (int64_t k = c->first; k < c->first + c->n; k++) {
        const rt_target *t = rt_dataset_at(set, order[k].target);
        int length = 1 + range_of(t->length, LENGTHS);
        bool trains = strcmp(obstacle(t, o), "-") == 0;
        c->count[0]++, c->count[length]++;
        if (trains) c->train[0]++, c->train[length]++, n_train++;
        held = held || (o->opt_held && o->opt_held[order[k].target]);
        if (t->origin & RT_ORIGIN_VALIDATION) c->forced = RT_PART_VALIDATION;
        else if ((t->origin & RT_ORIGIN_TEST) && c->forced == RT_PART_NONE) c->forced = RT_PART_TEST;
    }
    int size = 1 + N_LENGTHS + range_of(c->n, SIZES);
    c->count[size] = 1;
    c->train[size] = n_train > 0;
    c->may_train = !held && n_train > 0;
}

static void place(unit *c, double have[RT_PARTS][N_COUNTS], const double *total, const rt_split_options *o)
{
    double best = INFINITY;
    c->part = c->forced;
    for (int p = 0; p < RT_PARTS && c->forced == RT_PART_NONE; p++) {
        const double *add = p == RT_PART_TRAIN ? c->train : c->count;
        double cost = 0;
        if (o->share[p] <= 0 || (p == RT_PART_TRAIN && !c->may_train)) continue;
        for (int f = 0; f < N_COUNTS; f++) {
            double want = o->share[p] * total[f], before = have[p][f] - want, after = before + add[f];
            if (total[f] > 0) cost += WEIGHT[f] * (after * after - before * before) / want;
        }
        if (cost < best) best = cost, c->part = (rt_part)p;
    }
    if (c->part == RT_PART_NONE) return;
    const double *add = c->part == RT_PART_TRAIN ? c->train : c->count;
    for (int f = 0; f < N_COUNTS; f++) have[c->part][f] += add[f];
}

static void place_all(unit *all, int64_t n, const rt_split_options *o)
{
    double total[N_COUNTS] = {0}, have[RT_PARTS][N_COUNTS] = {{0}};
    for (int64_t k = 0; k < n; k++)
        for (int f = 0; f < N_COUNTS; f++) total[f] += all[k].count[f];
    if (n > 1) qsort(all, (size_t)n, sizeof *all, largest_first);
    for (int64_t k = 0; k < n; k++) place(&all[k], have, total, o);
}

static void place_as_rna3db(rt_split *split, const rt_dataset *set, const rt_split_options *o)
{
    char chain[RT_CHAIN_NAME];
    for (int64_t i = 0; i < split->n; i++) {
        int64_t n = 0;
        const rt_chain_row *row = rt_chain_name(chain, rt_dataset_at(set, i)->id)
                                      ? rt_chain_table_find(o->opt_rna3db, chain, &n) : NULL;
        split->row[i].part = row ? row->part : RT_PART_NONE;
        if (!row) split->row[i].note = "not_in_rna3db";
    }
}

static rt_status hash_split(rt_split *split, const rt_dataset *set, const rt_split_options *o, rt_err *err)
{
    rt_text text = {0};
    char hash[RT_HASH_TEXT];
    rt_text_add(&text, "%s\n%s\n%llu %.17g %.17g %.17g %s %d\n", rt_dataset_hash(set), o->families_hash,
                (unsigned long long)o->seed, o->share[0], o->share[1], o->share[2], o->opt_cutoff ? o->opt_cutoff : "-",
                o->opt_rna3db != NULL);
    for (int64_t i = 0; i < split->n; i++)
        rt_text_add(&text, "%s\t%s\n", split->row[i].target, rt_part_name(split->row[i].part));
    rt_status status = text.failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory")
                                   : rt_hash_bytes(hash, text.data, text.length, err);
    rt_text_free(&text);
    if (status == RT_OK) snprintf(split->made_from, sizeof split->made_from, "%.16s", hash);
    return status;
}

rt_status rt_split_plan(rt_split *out_split, const rt_dataset *set, const rt_family_table *families,
                        const rt_split_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = rt_dataset_count(set), n_component = 0;
    entry *order = NULL;
    unit *all = NULL;
    *out_split = (rt_split){0};
    RT_TRY_ALLOC(order, n);
    RT_TRY_ALLOC(all, n);
    for (int64_t i = 0; i < n; i++) {
        const char *id = rt_dataset_at(set, i)->id;
        const rt_family_row *row = rt_family_table_find(families, id);
        if (!row) {
            rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "target '%s' of the set is not in the families", id);
            status = rt_hint(err, "run 'rnatune families' on this set");
            goto done;
        }
        RT_TRY(add_row(out_split, RT_PART_NONE, id, row->component, row->family, err));
        order[i] = (entry){row->component, i};
    }
    if (n > 1) qsort(order, (size_t)n, sizeof *order, by_component);
    for (int64_t k = 0; k < n; k++) {
        if (k == 0 || strcmp(order[k].component, order[k - 1].component) != 0)
            all[n_component++] = (unit){.name = order[k].component, .first = k};
        all[n_component - 1].n++;
    }
    for (int64_t k = 0; k < n_component; k++) describe(&all[k], order, set, options);
    if (options->opt_rna3db) place_as_rna3db(out_split, set, options);
    else place_all(all, n_component, options);
    for (int64_t k = 0; k < n_component && !options->opt_rna3db; k++)
        for (int64_t m = all[k].first; m < all[k].first + all[k].n; m++) {
            out_split->row[order[m].target].part = all[k].part;
            if (all[k].part != RT_PART_NONE) continue;
            const char *why = obstacle(rt_dataset_at(set, order[m].target), options);
            out_split->row[order[m].target].note = strcmp(why, "-") != 0 ? why : "held_out";
        }
    for (int64_t i = 0; i < n; i++) {
        rt_split_row *r = &out_split->row[i];
        if (r->part != RT_PART_TRAIN) continue;
        const char *why = obstacle(rt_dataset_at(set, i), options);
        if (options->opt_held && options->opt_held[i]) why = "held_out";
        if (strcmp(why, "-") != 0) r->part = RT_PART_NONE, r->note = why;
    }
    RT_TRY(hash_split(out_split, set, options, err));
done:
    free(order);
    free(all);
    if (status != RT_OK) rt_split_free_members(out_split);
    return status;
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

typedef struct { const rt_split_row *row; int64_t length; } shown;

static int shown_by_component(const void *a, const void *b)
{
    const shown *x = a, *y = b;
    int order = strcmp(x->row->component, y->row->component);
    return order ? order : (int)x->row->part - (int)y->row->part;
}

void rt_split_print(rt_text *out, const rt_split *split, const rt_dataset *set, const double share[RT_PARTS])
{
    int64_t n = split->n, *lengths = rt_alloc(n, sizeof *lengths, NULL);
    shown *all = rt_alloc(n, sizeof *all, NULL);
    out->failed = out->failed || !all || !lengths;
    for (int64_t i = 0; i < n && !out->failed; i++) all[i] = (shown){&split->row[i], rt_dataset_at(set, i)->length};
    if (!out->failed) qsort(all, (size_t)n, sizeof *all, shown_by_component);
    rt_text_add(out, "split\ttargets\tshare\tasked\tcomponents\tlargest\tlength_10\tlength_50\tlength_90\tfamily\n");
    for (int p = 0; p <= RT_PART_NONE && !out->failed; p++) {
        int64_t count = 0, components = 0, largest = 0, run = 0;
        for (int64_t i = 0; i < n; i++) {
            if ((int)all[i].row->part != p) continue;
            bool same = run && strcmp(all[i].row->component, all[i - 1].row->component) == 0;
            run = same ? run + 1 : 1;
            components += !same;
            if (run > largest) largest = run;
            lengths[count++] = all[i].length;
        }
        if (p == RT_PART_NONE && !count) break;
        if (count > 1) qsort(lengths, (size_t)count, sizeof *lengths, by_value);
        int64_t at[3] = {0, 0, 0};
        for (int k = 0; k < 3 && count; k++) at[k] = lengths[(count - 1) * (k == 0 ? 1 : k == 1 ? 5 : 9) / 10];
        rt_text_add(out, "%s\t%lld\t%.4f\t", rt_part_name((rt_part)p), (long long)count,
                    n ? (double)count / (double)n : 0.0);
        if (p < RT_PARTS) rt_text_add(out, "%.4f", share[p]);
        else rt_text_add(out, "-");
        rt_text_add(out, "\t%lld\t%lld\t%lld\t%lld\t%lld\t-\n", (long long)components, (long long)largest,
                    (long long)at[0], (long long)at[1], (long long)at[2]);
    }
    for (int64_t i = 0, next; i < n && !out->failed; i = next) {      /* whole components larger than a tenth */
        for (next = i; next < n && strcmp(all[next].row->component, all[i].row->component) == 0;) next++;
        if (10 * (next - i) <= n) continue;
        rt_text_add(out, "%s\t%lld\t%.4f\t-\t%s\t-\t-\t-\t-\t%s\n", rt_part_name(all[i].row->part),
                    (long long)(next - i),
                    (double)(next - i) / (double)n, all[i].row->component, all[i].row->family);
    }
    free(lengths);
    free(all);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

rt_status rt_split_write(const rt_split *split, const char *path, rt_err *err)
{
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    fprintf(rt_writer_stream(writer), "target\tsplit\tcomponent\tfamily\tnote\tmade_from\n");
    for (int64_t i = 0; i < split->n; i++) {
        const rt_split_row *r = &split->row[i];
        fprintf(rt_writer_stream(writer), "%s\t%s\t%s\t%s\t%s\t%s\n", r->target, rt_part_name(r->part), r->component,
                r->family, r->note, split->made_from);
    }
    return rt_writer_commit(writer, err);
}

static int by_target(const void *a, const void *b)
{
    return strcmp(((const rt_split_row *)a)->target, ((const rt_split_row *)b)->target);
}

rt_status rt_split_read(rt_split *out_split, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t target, part;
    bool more;
    *out_split = (rt_split){0};
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &target, "target", err));
    RT_TRY(rt_csv_require(csv, &part, "split", err));
    int64_t component = rt_csv_find(csv, "component"), family = rt_csv_find(csv, "family");
    int64_t made = rt_csv_find(csv, "made_from");
    for (;;) {
        rt_part p;
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        if (!rt_csv_length(csv, target)) RT_TRY(rt_csv_fail(csv, err, "the target is empty"));
        if (!rt_part_find(&p, rt_csv_text(csv, part)))
            RT_TRY(rt_csv_fail(csv, err, "'%.40s' is none of train, validation, test, none", rt_csv_text(csv, part)));
        RT_TRY(add_row(out_split, p, rt_csv_text(csv, target), component >= 0 ? rt_csv_text(csv, component) : "-",
                       family >= 0 ? rt_csv_text(csv, family) : "-", err));
        if (made >= 0) snprintf(out_split->made_from, sizeof out_split->made_from, "%.16s", rt_csv_text(csv, made));
    }
    if (out_split->n > 1) qsort(out_split->row, (size_t)out_split->n, sizeof *out_split->row, by_target);
    for (int64_t i = 1; i < out_split->n; i++)
        if (by_target(&out_split->row[i - 1], &out_split->row[i]) == 0)
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "has the target '%s' twice", out_split->row[i].target));
done:
    rt_csv_close(csv);
    if (status != RT_OK) rt_split_free_members(out_split);
    return status;
}

const rt_split_row *rt_split_find(const rt_split *split, const char *target)
{
    rt_split_row key = {.target = (char *)(uintptr_t)target};
    return split->n ? bsearch(&key, split->row, (size_t)split->n, sizeof *split->row, by_target) : NULL;
}

rt_status rt_split_read_sizes(double out[RT_PARTS], const char *text, rt_err *err)
{
    double sum = 0;
    const char *at = text;
    for (int p = 0; p < RT_PARTS; p++) {
        int64_t n = (int64_t)strcspn(at, "/");
        bool last = p == RT_PARTS - 1;
        if (!rt_parse_double(at, n, &out[p]) || out[p] < 0 || (at[n] == '/') == last) {
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%s' is not of the form TRAIN/VALIDATION/TEST", text);
            return rt_hint(err, "such as 80/10/10");
        }
        sum += out[p];
        at += n + !last;
    }
    if (sum <= 0) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%s' asks for nothing", text);
    for (int p = 0; p < RT_PARTS; p++) out[p] /= sum;
    return RT_OK;
}
