/* set_table.c - the competition's tables: submissions, labels, all-atom labels */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "io/plain.h"
#include "score/set.h"

enum { AXES = 3 };

/* Three columns: an atom of a model. */
typedef struct {
    char atom[8];
    int64_t model;           /* from 1 */
    int64_t column[AXES];    /* -1: not seen yet */
} triple;

/* One row as it was read: what residue, and its coordinates (triples, 3), NaN for missing. */
typedef struct {
    int64_t number, line;
    int64_t id_number;       /* of the ID: one of a kind in its chain; -1 when it is none */
    char letter;
    char chain[12];
} row;

typedef struct {
    rt_csv *csv;
    triple *column;
    int64_t n_column, columns;
    int64_t id, resname, resid, chain, copy;   /* -1: none */
    int64_t n_model;
    row *rows;               /* of the target that is being read */
    double *values;          /* (rows, triples, 3) */
    int64_t n_row, row_capacity, value_capacity;
    char target[RT_SCORE_NAME];
    const char *atom;
} table;

/* "x_3", or "C1'_x_3" for all atoms. */
static bool parse_column(const char *name, char atom[8], int *out_axis, int64_t *out_model)
{
    const char *mark = strrchr(name, '_');
    if (!mark || mark == name || !rt_parse_int(mark + 1, (int64_t)strlen(mark + 1), out_model)) return false;
    if (*out_model < 1) return false;
    const char axis = mark[-1];
    if (axis < 'x' || axis > 'z') return false;
    *out_axis = axis - 'x';
    int64_t before = mark - 1 - name;
    if (before == 0) {
        strcpy(atom, "C1'");
        return true;
    }
    if (before < 2 || before > 7 || name[before - 1] != '_') return false;
    memcpy(atom, name, (size_t)before - 1);
    atom[before - 1] = 0;
    return true;
}

static rt_status read_columns(table *t, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_csv_require(t->csv, &t->id, "ID", err));
    RT_TRY(rt_csv_require(t->csv, &t->resname, "resname", err));
    RT_TRY(rt_csv_require(t->csv, &t->resid, "resid", err));
    t->chain = rt_csv_find(t->csv, "chain");
    t->copy = rt_csv_find(t->csv, "copy");
    for (int64_t c = 0; c < rt_csv_columns(t->csv); c++) {
        char atom[8];
        int axis;
        int64_t model, k = 0;
        if (!parse_column(rt_csv_column(t->csv, c), atom, &axis, &model)) continue;
        while (k < t->n_column && (t->column[k].model != model || strcmp(t->column[k].atom, atom) != 0)) k++;
        if (k == t->n_column) {
            void *items = t->column;
            status = rt_grow(&items, &t->columns, k + 1, sizeof *t->column, err);
            t->column = items;
            RT_TRY(status);
            t->column[t->n_column++] = (triple){.model = model, .column = {-1, -1, -1}};
            memcpy(t->column[k].atom, atom, sizeof atom);
        }
        if (t->column[k].column[axis] >= 0)
            return rt_fail(err, RT_ERR_FORMAT, path, 1, "the column '%s' is there twice", rt_csv_column(t->csv, c));
        t->column[k].column[axis] = c;
        if (model > t->n_model) t->n_model = model;
    }
    if (!t->n_column)
        return rt_fail(err, RT_ERR_FORMAT, path, 1, "no coordinates: columns x_1, y_1, z_1 were expected");
    if (t->n_model > 10000)
        return rt_fail(err, RT_ERR_FORMAT, path, 1, "models numbered up to %lld", (long long)t->n_model);
    bool found = false;
    for (int64_t k = 0; k < t->n_column; k++) {
        found |= strcmp(t->column[k].atom, t->atom) == 0;
        for (int axis = 0; axis < AXES; axis++)
            if (t->column[k].column[axis] < 0)
                return rt_fail(err, RT_ERR_FORMAT, path, 1, "model %lld has no column %c_%lld",
                               (long long)t->column[k].model,
                               'x' + axis, (long long)t->column[k].model);
    }
    if (!found) return rt_fail(err, RT_ERR_MISMATCH, path, 1, "the table has no coordinates of the atom %s", t->atom);
done:
    return status;
}

/* As the metric sees it: clamped, and rounded to what a PDB file holds. */
static double as_in_pdb(double x)
{
    x = x < -999.999 ? -999.999 : x > 9999.999 ? 9999.999 : x;
    return round(x * 1000) / 1000;
}

static rt_status read_values(table *t, double *out, rt_err *err)
{
    for (int64_t k = 0; k < t->n_column; k++) {
        bool missing = false;
        for (int axis = 0; axis < AXES; axis++) {
            double value;
            rt_status status = rt_csv_double(t->csv, t->column[k].column[axis], &value, err);
            if (status != RT_OK) return status;
            missing |= !isfinite(value) || value <= -1e6;
            out[AXES * k + axis] = isfinite(value) ? as_in_pdb(value) : NAN;
        }
        for (int axis = 0; axis < AXES && missing; axis++) out[AXES * k + axis] = NAN;
    }
    return RT_OK;
}

static bool same_chain(const row *a, const row *b) { return strcmp(a->chain, b->chain) == 0; }

/* One model of the target: residues and chains from the rows, atoms from its columns. */
static rt_status build_molecule(table *t, rt_molecule *out, int64_t model, rt_err *err)
{
    int64_t chains = 0, atoms = 0, per_row = 0;
    for (int64_t r = 0; r < t->n_row; r++) chains += r == 0 || !same_chain(&t->rows[r], &t->rows[r - 1]);
    for (int64_t k = 0; k < t->n_column; k++) per_row += t->column[k].model == model;
    bool all_atom = per_row > 1;
    rt_status status = rt_molecule_create(out, t->n_row, chains, all_atom ? t->n_row * per_row : 0, err);
    if (status != RT_OK) return status;
    snprintf(out->name, sizeof out->name, "%lld", (long long)model);
    int64_t chain = -1;
    for (int64_t r = 0; r < t->n_row; r++) {
        const row *source = &t->rows[r];
        rt_molecule_residue *residue = &out->residue[r];
        if (r == 0 || !same_chain(source, &t->rows[r - 1])) {
            out->chain[++chain] = (rt_molecule_chain){.first = r};
            memcpy(out->chain[chain].name, source->chain, sizeof source->chain);
        }
        out->chain[chain].n++;
        *residue = (rt_molecule_residue){.letter = source->letter, .number = (int32_t)source->number,
                                         .label = (int32_t)source->number, .chain = (int32_t)chain,
                                             .first_atom = atoms};
        for (int64_t k = 0; k < t->n_column; k++) {
            const double *xyz = t->values + AXES * (r * t->n_column + k);
            if (t->column[k].model != model || isnan(xyz[0])) continue;
            if (strcmp(t->column[k].atom, t->atom) == 0) {
                memcpy(residue->xyz, xyz, sizeof residue->xyz);
                residue->resolved = true;
            }
            if (!all_atom) continue;
            rt_molecule_atom *atom = &out->atom[atoms++];
            memcpy(atom->xyz, xyz, sizeof atom->xyz);
            memcpy(atom->name, t->column[k].atom, sizeof atom->name);
            atom->residue = (int32_t)r;
            atom->element = strchr("CNOPS", atom->name[0]) ? atom->name[0] : '?';
        }
        residue->n_atom = atoms - residue->first_atom;
        out->n_resolved += residue->resolved;
    }
    out->n_atom = atoms;
    return RT_OK;
}

static int by_id(const void *a, const void *b)
{
    const row *p = a, *q = b;
    int order = strcmp(p->chain, q->chain);
    if (!order) order = (p->id_number > q->id_number) - (p->id_number < q->id_number);
    return order ? order : (p->line > q->line) - (p->line < q->line);
}

/* An ID that two rows of a target have (in one chain, where chains are told) leaves open which one is meant. */
static rt_status check_ids(const table *t, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    row *sorted = NULL;
    RT_TRY_ALLOC(sorted, t->n_row);
    memcpy(sorted, t->rows, (size_t)t->n_row * sizeof *sorted);
    qsort(sorted, (size_t)t->n_row, sizeof *sorted, by_id);
    for (int64_t r = 1; r < t->n_row && status == RT_OK; r++) {
        const row *a = &sorted[r - 1], *b = &sorted[r];
        if (b->id_number >= 0 && a->id_number == b->id_number && same_chain(a, b))
            status = rt_fail(err, RT_ERR_MISMATCH, path, b->line, "the ID %s_%lld is on line %lld, too", t->target,
                             (long long)b->id_number, (long long)a->line);
    }
done:
    free(sorted);
    return status;
}

/* The rows read so far become an item. */
static rt_status end_target(table *t, rt_score_set *set, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_score_item *item;
    if (!t->n_row) return RT_OK;
    if (rt_score_set_find(set, t->target))
        return rt_fail(err, RT_ERR_MISMATCH, path, rt_csv_line(t->csv), "the rows of %s are not together", t->target);
    RT_TRY(check_ids(t, path, err));
    RT_TRY(rt_score_set_add(set, &item, t->target, "", err));
    RT_TRY_ALLOC(item->molecule, t->n_model);
    for (int64_t m = 0; m < t->n_model; m++) {
        RT_TRY(build_molecule(t, &item->molecule[item->n_molecule], m + 1, err));
        item->n_molecule++;
    }
    t->n_row = 0;
done:
    return status;
}

/* "R1107_12": the target and the number, which must be resid's or stand for a row. */
static rt_status read_row(table *t, rt_score_set *set, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    const char *id = rt_csv_text(t->csv, t->id), *mark = strrchr(id, '_'), *name = rt_csv_text(t->csv, t->resname);
    char target[RT_SCORE_NAME];
    int64_t number;
    if (!mark || mark == id || mark - id >= RT_SCORE_NAME)
        return rt_csv_fail(t->csv, err, "the ID '%.60s' is not <target>_<number>", id);
    memcpy(target, id, (size_t)(mark - id));
    target[mark - id] = 0;
    RT_TRY(rt_csv_int(t->csv, t->resid, &number, err));
    if (number < -1000000 || number > 100000000) return rt_csv_fail(t->csv, err, "resid %lld", (long long)number);
    if (strcmp(target, t->target) != 0) {
        RT_TRY(end_target(t, set, path, err));
        strcpy(t->target, target);
    }
    void *rows = t->rows;
    status = rt_grow(&rows, &t->row_capacity, t->n_row + 1, sizeof *t->rows, err);
    t->rows = rows;
    RT_TRY(status);
    void *values = t->values;
    status = rt_grow(&values, &t->value_capacity, (t->n_row + 1) * t->n_column * AXES, sizeof *t->values, err);
    t->values = values;
    RT_TRY(status);
    row *r = &t->rows[t->n_row];
    char letter = (char)toupper((unsigned char)name[0]);
    bool known = letter && strchr("ACGU", letter) && !name[1];
    *r = (row){.number = number, .line = rt_csv_line(t->csv), .letter = known ? letter : 'N'};
    if (!rt_parse_int(mark + 1, (int64_t)strlen(mark + 1), &r->id_number)) r->id_number = -1;
    if (t->chain >= 0)
        snprintf(r->chain, sizeof r->chain, "%.7s%s%.3s", rt_csv_text(t->csv, t->chain), t->copy >= 0 ? "_" : "",
                 t->copy >= 0 ? rt_csv_text(t->csv, t->copy) : "");
    if (t->n_row && t->rows[t->n_row - 1].number == number && same_chain(r, &t->rows[t->n_row - 1]))
        return rt_csv_fail(t->csv, err, "the residue %s_%lld is there twice", target, (long long)number);
    RT_TRY(read_values(t, t->values + t->n_row * t->n_column * AXES, err));
    t->n_row++;
done:
    return status;
}

rt_status rt_score_set_read_table(rt_score_set *set, const char *path, const char *atom, rt_err *err)
{
    rt_plain plain;
    table t = {.atom = atom};
    bool more;
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    RT_TRY(rt_csv_open_memory(&t.csv, path, plain.data, plain.size, err));
    RT_TRY(read_columns(&t, path, err));
    while ((status = rt_csv_next(t.csv, &more, err)) == RT_OK && more) RT_TRY(read_row(&t, set, path, err));
    RT_TRY(status);
    RT_TRY(end_target(&t, set, path, err));
    if (!set->n_item) status = rt_fail(err, RT_ERR_FORMAT, path, 0, "the table has no rows");
done:
    rt_csv_close(t.csv);
    rt_plain_close(&plain);
    free(t.column);
    free(t.rows);
    free(t.values);
    return status;
}
