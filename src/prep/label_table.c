#include "prep/label_table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* Coordinates of this size stand for a missing atom: the competition writes -1e18, its metric draws the line here. */
#define MISSING 1e6

/* ---- columns ---- */

/* "P_x_1" or "x_1".  False when the column is none of coordinates; slot -1 for an atom without a slot. */
static bool parse_column(const char *name, int64_t *out_slot, int *out_axis, int64_t *out_conformation, bool *out_bare)
{
    const char *last = strrchr(name, '_');
    if (!last || last == name || !rt_parse_int(last + 1, (int64_t)strlen(last + 1), out_conformation) ||
        *out_conformation < 1 || *out_conformation > 1000000)
        return false;
    const char *axis = last - 1;
    if (*axis < 'x' || *axis > 'z' || (axis > name && axis[-1] != '_')) return false;
    *out_axis = *axis - 'x';
    *out_bare = axis == name;
    *out_slot = axis == name ? RT_SLOT_C1P : rt_atom_slot_find(name, axis - 1 - name);
    return axis == name || axis - 1 > name;
}

static rt_status find_atom(rt_label_columns *columns, int64_t *capacity, int64_t slot, int64_t conformation,
                           rt_label_atom **out, rt_err *err)
{
    for (int64_t i = columns->n_atom; i-- > 0;)   /* from the end: an atom's axes follow one another */
        if (columns->atom[i].place == slot && columns->atom[i].conformation == conformation) {
            *out = &columns->atom[i];
            return RT_OK;
        }
    void *atoms = columns->atom;
    rt_status status = rt_grow(&atoms, capacity, columns->n_atom + 1, sizeof *columns->atom, err);
    columns->atom = atoms;
    if (status != RT_OK) return status;
    *out = &columns->atom[columns->n_atom++];
    **out = (rt_label_atom){.column = {-1, -1, -1}, .conformation = conformation, .place = slot};
    return RT_OK;
}

static int compare_numbers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Conformation numbers as they are in the header become 0, 1, ...: a table may begin with 2 or leave one out. */
static rt_status number_conformations(rt_label_columns *columns, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *number = NULL, n = 0;
    RT_TRY_ALLOC(number, columns->n_atom);
    for (int64_t i = 0; i < columns->n_atom; i++) number[i] = columns->atom[i].conformation;
    qsort(number, (size_t)columns->n_atom, sizeof *number, compare_numbers);
    for (int64_t i = 0; i < columns->n_atom; i++)
        if (i == 0 || number[i] != number[i - 1]) number[n++] = number[i];
    for (int64_t i = 0; i < columns->n_atom; i++) {
        const int64_t *found = bsearch(&columns->atom[i].conformation, number, (size_t)n, sizeof *number,
                                       compare_numbers);
        columns->atom[i].conformation = found - number;
    }
    columns->n_conformation = n;
done:
    free(number);
    return status;
}

static rt_status check_atoms(rt_label_columns *columns, const rt_csv *csv, bool bare, bool named, rt_err *err)
{
    if (!columns->n_atom) {
        rt_csv_fail(csv, err, "has no coordinates: columns x_1, y_1, z_1 or P_x_1, P_y_1, P_z_1, ... were expected");
        return rt_hint(err, "labels of the competition are train_labels*.csv and train_allatom*.csv");
    }
    if (bare && named) return rt_csv_fail(csv, err, "mixes columns of C1' (x_1) and of named atoms (P_x_1)");
    for (int64_t i = 0; i < columns->n_atom; i++) {
        rt_label_atom *atom = &columns->atom[i];
        for (int axis = 0; axis < 3; axis++)
            if (atom->column[axis] < 0)
                return rt_csv_fail(csv, err, "has no column %s%s%c_%lld, though it has the other axes",
                                   bare ? "" : rt_atom_slot_name((int)atom->place), bare ? "" : "_", 'x' + axis,
                                   (long long)atom->conformation);
        columns->slots |= (int64_t)1 << atom->place;
        if (bare) atom->place = 0;
    }
    columns->n_slot = bare ? 1 : RT_SLOT_COUNT;
    return RT_OK;
}

rt_status rt_label_columns_read(rt_label_columns *out_columns, const rt_csv *csv, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t capacity = 0, slot, conformation;
    bool any_bare = false, any_named = false, bare;
    int axis;
    *out_columns = (rt_label_columns){0};
    RT_TRY(rt_csv_require(csv, &out_columns->id, "ID", err));
    RT_TRY(rt_csv_require(csv, &out_columns->resname, "resname", err));
    out_columns->resid = rt_csv_find(csv, "resid");
    out_columns->chain = rt_csv_find(csv, "chain");
    out_columns->copy = rt_csv_find(csv, "copy");
    for (int64_t i = 0; i < rt_csv_columns(csv); i++) {
        rt_label_atom *atom;
        if (!parse_column(rt_csv_column(csv, i), &slot, &axis, &conformation, &bare)) continue;
        if (slot < 0) {
            out_columns->n_unknown++;
            continue;
        }
        any_bare = any_bare || bare;
        any_named = any_named || !bare;
        RT_TRY(find_atom(out_columns, &capacity, slot, conformation, &atom, err));
        if (atom->column[axis] >= 0)
            RT_TRY(rt_csv_fail(csv, err, "has the column '%s' twice", rt_csv_column(csv, i)));
        atom->column[axis] = i;
    }
    RT_TRY(check_atoms(out_columns, csv, any_bare, any_named, err));
    RT_TRY(number_conformations(out_columns, err));
done:
    if (status != RT_OK) rt_label_columns_free_members(out_columns);
    return status;
}

void rt_label_columns_free_members(rt_label_columns *columns)
{
    free(columns->atom);
    columns->atom = NULL;
    columns->n_atom = 0;
}

bool rt_label_split_id(const char *id, int64_t length, int64_t *out_target, int64_t *out_number)
{
    int64_t at = length;
    while (at > 0 && id[at - 1] >= '0' && id[at - 1] <= '9') at--;
    *out_target = at - 1;
    return at > 1 && at < length && id[at - 1] == '_' && length - at < 10 &&
           rt_parse_int(id + at, length - at, out_number);
}

/* ---- one target ---- */

rt_status rt_label_block_start(rt_label_block *block, const rt_label_columns *columns, int64_t length, int64_t line,
                               rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n;
    *block = (rt_label_block){.length = length, .n_conformation = columns->n_conformation, .n_slot = columns->n_slot,
                              .first_line = line, .in_order = true};
    if (!rt_multiply(columns->n_conformation * columns->n_slot * 3, length, &n))
        RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "a target of %lld residues is too large", (long long)length));
    RT_TRY_ALLOC(block->xyz, n);
    for (int64_t i = 0; i < n; i++) block->xyz[i] = NAN;
    RT_TRY_ALLOC(block->seen, length);
    if (columns->chain >= 0) RT_TRY_ALLOC(block->segment, length);
done:
    return status;
}

static void set_problem(rt_label_block *block, const rt_csv *csv, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void set_problem(rt_label_block *block, const rt_csv *csv, const char *format, ...)
{
    if (block->problem[0]) return;
    va_list args;
    va_start(args, format);
    vsnprintf(block->problem, sizeof block->problem, format, args);
    va_end(args);
    block->problem_line = rt_csv_line(csv);
}

static rt_status read_segment(rt_label_block *block, const rt_label_columns *columns, const rt_csv *csv,
                              int64_t residue, rt_err *err)
{
    char name[32];
    snprintf(name, sizeof name, "%.20s/%.8s", rt_csv_text(csv, columns->chain),
             columns->copy >= 0 ? rt_csv_text(csv, columns->copy) : "1");
    for (char *c = name; *c; c++)
        if (*c == ':' || *c == ';') *c = '_';   /* they separate segments */
    for (int64_t i = block->n_name; i-- > 0;)
        if (strcmp(block->name[i], name) == 0) {
            block->segment[residue] = (int32_t)i;
            return RT_OK;
        }
    void *names = block->name;
    rt_status status = rt_grow(&names, &block->names, block->n_name + 1, sizeof *block->name, err);
    block->name = names;
    if (status != RT_OK) return status;
    block->segment[residue] = (int32_t)block->n_name;
    strcpy(block->name[block->n_name++], name);
    return RT_OK;
}

static rt_status read_coordinates(rt_label_block *block, const rt_label_columns *columns, const rt_csv *csv,
                                  int64_t residue, rt_err *err)
{
    for (int64_t i = 0; i < columns->n_atom; i++) {
        const rt_label_atom *atom = &columns->atom[i];
        double xyz[3];
        int n = 0;
        for (int axis = 0; axis < 3; axis++) {
            rt_status status = rt_csv_double(csv, atom->column[axis], &xyz[axis], err);
            if (status != RT_OK) return status;
            n += fabs(xyz[axis]) < MISSING;   /* false for NaN */
        }
        if (n == 0) continue;
        if (n < 3) {
            block->n_half++;
            continue;
        }
        float *out = block->xyz + ((atom->conformation * block->length + residue) * block->n_slot + atom->place) * 3;
        for (int axis = 0; axis < 3; axis++) out[axis] = (float)xyz[axis];
    }
    return RT_OK;
}

rt_status rt_label_block_add(rt_label_block *block, const rt_label_columns *columns, const rt_csv *csv,
                             const char *sequence, int64_t number, rt_err *err)
{
    const char *letter = rt_csv_text(csv, columns->resname);
    int64_t resid = number;
    rt_status status = RT_OK;
    if (columns->resid >= 0 && columns->chain < 0) {   /* with chains, resid may begin anew in each */
        status = rt_csv_int(csv, columns->resid, &resid, err);
        if (status != RT_OK) return status;
    }
    if (number < 1 || number > block->length) {
        set_problem(block, csv, "residue %lld of a sequence of %lld", (long long)number, (long long)block->length);
    } else if (block->seen[number - 1]) {
        set_problem(block, csv, "residue %lld is given twice", (long long)number);
    } else if (letter[0] != sequence[number - 1] || letter[1]) {
        set_problem(block, csv, "residue %lld is '%.8s', '%c' in the sequence", (long long)number, letter,
                    sequence[number - 1]);
    } else if (resid != number) {
        set_problem(block, csv, "the ID ends in %lld, resid is %lld", (long long)number, (long long)resid);
    }
    if (block->problem[0]) return RT_OK;
    block->seen[number - 1] = true;
    block->n_seen++;
    block->in_order = block->in_order && number > block->last;
    block->last = number;
    if (block->segment) status = read_segment(block, columns, csv, number - 1, err);
    return status == RT_OK ? read_coordinates(block, columns, csv, number - 1, err) : status;
}

void rt_label_block_compact(rt_label_block *block)
{
    int64_t kept = 0, size = block->length * block->n_slot * 3;
    for (int64_t c = 0; c < block->n_conformation; c++) {
        float *from = block->xyz + c * size;
        int64_t i = 0;
        while (i < size && isnan(from[i])) i++;
        if (i == size) continue;
        if (kept < c) memcpy(block->xyz + kept * size, from, (size_t)size * sizeof *from);
        kept++;
    }
    block->n_conformation = kept;
}

rt_status rt_label_block_segments(const rt_label_block *block, char **ret_segments, rt_err *err)
{
    rt_text text = {0};
    rt_text_add(&text, "%s", "");
    for (int64_t i = 0, from = 0; block->n_name && i < block->length; i++) {
        if (i + 1 < block->length && block->segment[i + 1] == block->segment[i]) continue;
        rt_text_add(&text, "%s%s:%lld-%lld", from ? ";" : "", block->name[block->segment[i]], (long long)from + 1,
                    (long long)i + 1);
        from = i + 1;
    }
    *ret_segments = text.data;
    if (!text.failed) return RT_OK;
    rt_text_free(&text);
    *ret_segments = NULL;
    return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
}

void rt_label_block_free_members(rt_label_block *block)
{
    free(block->xyz);
    free(block->seen);
    free(block->segment);
    free(block->name);
    *block = (rt_label_block){0};
}
