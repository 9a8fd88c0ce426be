#include "prep/loop_model.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embed.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

static const char LETTERS[] = "ACGU";

/* The parameter file is part of the program. */
RT_EMBED(rt_loop_model_own, "data/eternafold/EternaFoldParams.v1");

typedef struct {
    char name[48];
    double value;
    int64_t line;
    bool used;
} parameter;

/* The file while it is turned into a model; after the first failure nothing more is looked up. */
typedef struct {
    parameter *item;
    int64_t n, capacity;
    const char *file;
    rt_status status;
    rt_err *err;
} table;

int rt_loop_model_letter(char letter)
{
    switch (letter) {
    case 'A': case 'a': return 0;
    case 'C': case 'c': return 1;
    case 'G': case 'g': return 2;
    case 'U': case 'u': case 'T': case 't': return 3;
    default: return RT_LOOP_OTHER;
    }
}

static int by_name(const void *a, const void *b) { return strcmp(((const parameter *)a)->name, ((const parameter *)b)->name); }

static rt_status read_line(table *t, const char *line, int64_t length, int64_t number)
{
    parameter p = {.line = number};
    int64_t name = 0, value;
    while (length > 0 && strchr(" \r\t", line[length - 1])) length--;
    if (length == 0) return RT_OK;
    while (name < length && line[name] != ' ' && line[name] != '\t') name++;
    for (value = name; value < length && (line[value] == ' ' || line[value] == '\t');) value++;
    if (name >= (int64_t)sizeof p.name || !rt_parse_double(line + value, length - value, &p.value)) {
        rt_fail(t->err, RT_ERR_FORMAT, t->file, number, "expected a parameter's name and its value");
        return rt_hint(t->err, "the lines look like 'base_pair_AU 0.53'");
    }
    memcpy(p.name, line, (size_t)name);
    void *items = t->item;
    rt_status status = rt_grow(&items, &t->capacity, t->n + 1, sizeof p, t->err);
    t->item = items;
    if (status == RT_OK) t->item[t->n++] = p;
    return status;
}

static rt_status read_lines(table *t, const char *text, int64_t size)
{
    int64_t number = 1;
    rt_status status = RT_OK;
    for (int64_t at = 0; at < size && status == RT_OK; number++) {
        const char *end = memchr(text + at, '\n', (size_t)(size - at));
        int64_t length = end ? end - (text + at) : size - at;
        status = read_line(t, text + at, length, number);
        at += length + 1;
    }
    if (status != RT_OK) return status;
    if (t->n) qsort(t->item, (size_t)t->n, sizeof *t->item, by_name);
    for (int64_t i = 1; i < t->n; i++)
        if (!strcmp(t->item[i].name, t->item[i - 1].name))
            return rt_fail(t->err, RT_ERR_FORMAT, t->file, t->item[i].line, "the parameter %s is given twice",
                           t->item[i].name);
    return RT_OK;
}

static double take(table *t, const char *name)
{
    parameter wanted;
    if (t->status != RT_OK) return 0;
    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    parameter *found = t->n ? bsearch(&wanted, t->item, (size_t)t->n, sizeof *t->item, by_name) : NULL;
    if (!found) {
        t->status = rt_fail(t->err, RT_ERR_FORMAT, t->file, 0, "lacks the parameter %s", name);
        rt_hint(t->err, "it must hold all parameters of EternaFold's model, as EternaFoldParams.v1 does");
        return 0;
    }
    found->used = true;
    return found->value;
}

/* prefix_XYZ by the letters' numbers. */
static double take_letters(table *t, const char *prefix, int n, const int *letter)
{
    char name[64];
    int length = snprintf(name, sizeof name, "%s_", prefix);
    for (int k = 0; k < n; k++) name[length++] = LETTERS[letter[k]];
    name[length] = 0;
    return take(t, name);
}

/* The sum of prefix_at_least_<first> .. <n>: a length adds a term for every threshold that it reaches. */
static void take_lengths(table *t, const char *prefix, int first, int last, double *out)
{
    char name[64];
    double sum = 0;
    for (int n = 0; n <= last; n++) {
        if (n >= first) {
            snprintf(name, sizeof name, "%s_at_least_%d", prefix, n);
            sum += take(t, name);
        }
        out[n] = sum;
    }
}

static void take_pairs(table *t, rt_loop_model *m)
{
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) {
            int sorted[] = {a < b ? a : b, a < b ? b : a};
            m->pair[a][b] = take_letters(t, "base_pair", 2, sorted);
            m->internal[a][b] = take_letters(t, "internal_1x1_nucleotides", 2, sorted);
        }
    for (int a = 0; a < 4; a++) m->bulge[a] = take_letters(t, "bulge_0x1_nucleotides", 1, &a);
}

/* Pairs with their neighbours.  Beyond the ends of the sequence there is no neighbour and no dangle: letter 4. */
static void take_ends(table *t, rt_loop_model *m)
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            int pair[] = {i, j};
            double closing = take_letters(t, "helix_closing", 2, pair);
            for (int p = 0; p < RT_LOOP_LETTERS; p++)
                for (int q = 0; q < RT_LOOP_LETTERS; q++) {
                    int both[] = {i, j, p, q}, turned[] = {q, p, j, i}, left[] = {i, j, p}, right[] = {i, j, q};
                    bool inside = p < 4 && q < 4;
                    m->end[i][j][p][q] = closing + (inside ? take_letters(t, "terminal_mismatch", 4, both) : 0);
                    m->branch[i][j][p][q] = closing + (p < 4 ? take_letters(t, "dangle_left", 3, left) : 0) +
                                            (q < 4 ? take_letters(t, "dangle_right", 3, right) : 0);
                    /* seen from the other strand it is the same stack: the name first in the alphabet holds it */
                    if (inside)
                        m->stack[i][j][p][q] =
                            take_letters(t, "helix_stacking", 4, memcmp(both, turned, sizeof both) < 0 ? both : turned);
                }
        }
}

static void take_loops(table *t, rt_loop_model *m)
{
    enum { EXPLICIT = 4, SYMMETRIC = 15, ASYMMETRY = 28 };
    double bulge[RT_LOOP_LONGEST + 1], internal[RT_LOOP_LONGEST + 1], symmetric[SYMMETRIC + 1], asymmetry[ASYMMETRY + 1];
    char name[64];
    take_lengths(t, "hairpin_length", 0, RT_LOOP_LONGEST, m->hairpin);
    take_lengths(t, "bulge_length", 1, RT_LOOP_LONGEST, bulge);
    take_lengths(t, "internal_length", 2, RT_LOOP_LONGEST, internal);
    take_lengths(t, "internal_symmetric_length", 1, SYMMETRIC, symmetric);
    take_lengths(t, "internal_asymmetry", 1, ASYMMETRY, asymmetry);
    for (int a = 0; a <= RT_LOOP_LONGEST; a++)
        for (int b = 0; a + b <= RT_LOOP_LONGEST; b++) {
            double *score = &m->single[a][b];
            if (!a || !b) {
                *score = a + b ? bulge[a + b] : 0;
                continue;
            }
            *score = internal[a + b] + (a == b ? symmetric[a] : asymmetry[a > b ? a - b : b - a]);
            if (a > EXPLICIT || b > EXPLICIT) continue;
            snprintf(name, sizeof name, "internal_explicit_%d_%d", a < b ? a : b, a < b ? b : a);
            *score += take(t, name);
        }
    m->multi_base = take(t, "multi_base");
    m->multi_unpaired = take(t, "multi_unpaired");
    m->multi_paired = take(t, "multi_paired");
    m->external_unpaired = take(t, "external_unpaired");
    m->external_paired = take(t, "external_paired");
}

rt_status rt_loop_model_parse(rt_loop_model *out_model, const void *bytes, int64_t size, const char *name, rt_err *err)
{
    rt_loop_model model = {0};
    table t = {.file = name, .err = err};
    t.status = read_lines(&t, bytes, size);
    take_pairs(&t, &model);
    take_ends(&t, &model);
    take_loops(&t, &model);
    for (int64_t i = 0; i < t.n && t.status == RT_OK; i++) {
        if (t.item[i].used || t.item[i].value == 0) continue;
        t.status = rt_fail(err, RT_ERR_FORMAT, name, t.item[i].line, "EternaFold's model has no parameter %s",
                           t.item[i].name);
        rt_hint(err, "CONTRAfold's files and those with chemical mapping data are of other models");
    }
    free(t.item);
    *out_model = model;
    return t.status;
}

rt_status rt_loop_model_load(rt_loop_model *out_model, const char *opt_path, rt_err *err)
{
    rt_map map;
    if (!opt_path)
        return rt_loop_model_parse(out_model, rt_loop_model_own, rt_loop_model_own_end - rt_loop_model_own,
                                   "EternaFoldParams.v1", err);
    rt_status status = rt_map_open(&map, opt_path, err);
    if (status != RT_OK) return status;
    status = rt_loop_model_parse(out_model, map.data, map.size, opt_path, err);
    rt_map_close(&map);
    return status;
}
