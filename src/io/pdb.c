#include "io/pdb.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/modified.h"
#include "io/structure_header.h"

typedef struct {
    const char *file, *line;    /* line: not NUL-terminated */
    int64_t length, number;     /* of the line; its number in the file */
    int32_t model;
    bool ended[256];            /* chains whose TER has come, in this model */
    rt_structure *structure;
    int64_t atoms, deposits;    /* capacities */
    char seqres_chain;
    int32_t seqres_count;
} reader;

/* Columns from..to of the format's description (1-based, inclusive), blanks around taken off. */
static int64_t field(const reader *r, int from, int to, const char **out)
{
    int64_t begin = from - 1, end = to < r->length ? to : r->length;
    while (begin < end && r->line[begin] == ' ') begin++;
    while (end > begin && r->line[end - 1] == ' ') end--;
    *out = r->line + begin;
    return end > begin ? end - begin : 0;
}

static void copy_field(char *out, int64_t size, const reader *r, int from, int to)
{
    const char *text;
    int64_t length = field(r, from, to, &text);
    if (length >= size) length = size - 1;
    memcpy(out, text, (size_t)length);
    out[length] = 0;
}

static rt_status complain(const reader *r, int from, int to, const char *what, rt_err *err)
{
    const char *text;
    int64_t length = field(r, from, to, &text);
    rt_fail(err, RT_ERR_FORMAT, r->file, r->number, "%s '%.*s' is no finite number", what, (int)length, text);
    if (err) err->column = from;
    return RT_ERR_FORMAT;
}

static rt_status read_double(double *out, const reader *r, int from, int to, const char *what, rt_err *err)
{
    const char *text;
    int64_t length = field(r, from, to, &text);
    if (!rt_parse_double(text, length, out) || !isfinite(*out)) return complain(r, from, to, what, err);
    return RT_OK;
}

static float read_optional(const reader *r, int from, int to, float absent)
{
    const char *text;
    double value;
    int64_t length = field(r, from, to, &text);
    return rt_parse_double(text, length, &value) ? (float)value : absent;
}

/* Today's name of an atom. */
static void modernise(char *name)
{
    for (char *c = name; *c; c++)
        if (*c == '*') *c = '\'';
    size_t length = strlen(name);
    if (length == 3 && name[0] == 'O' && name[2] == 'P' && strchr("123", name[1])) {
        name[2] = name[1];
        name[1] = 'P';
    }
}

/* The element from columns 13-14: a two-letter symbol begins in column 13, but so do four-letter names of one-letter
 * elements (HO2', 1H5'), and nucleotides hold none but C, H, N, O, P, S, Se and halogens. */
static void guess_element(rt_atom *atom, const reader *r)
{
    const char *name = r->line + 12;
    char first = name[0], second = name[1];
    atom->element[0] = atom->element[1] = 0;
    if (isalpha((unsigned char)first) && isalpha((unsigned char)second) && !rt_modified_parent(atom->residue) &&
        !(first == 'H' && name[3] != ' ')) {
        atom->element[0] = first;
        atom->element[1] = second;
        atom->element[2] = 0;
        return;
    }
    for (int i = 0; i < 4; i++)
        if (isalpha((unsigned char)name[i])) {
            atom->element[0] = (char)toupper((unsigned char)name[i]);
            return;
        }
}

static rt_status read_atom(reader *r, rt_err *err)
{
    rt_status status = RT_OK;
    rt_structure *s = r->structure;
    void *atoms = s->atom;
    const char *text;
    int64_t number;
    if (r->length < 54)
        return rt_fail(err, RT_ERR_FORMAT, r->file, r->number, "the line ends before the coordinates do (column 54)");
    status = rt_grow(&atoms, &r->atoms, s->n_atom + 1, sizeof *s->atom, err);
    s->atom = atoms;
    if (status != RT_OK) return status;
    rt_atom *atom = &s->atom[s->n_atom];
    RT_TRY(read_double(&atom->xyz[0], r, 31, 38, "the coordinate x", err));
    RT_TRY(read_double(&atom->xyz[1], r, 39, 46, "the coordinate y", err));
    RT_TRY(read_double(&atom->xyz[2], r, 47, 54, "the coordinate z", err));
    int64_t digits = field(r, 23, 26, &text);
    if (!rt_parse_int(text, digits, &number)) RT_TRY(complain(r, 23, 26, "the residue number", err));
    atom->auth_number = atom->label_number = (int32_t)number;
    copy_field(atom->name, sizeof atom->name, r, 13, 16);
    copy_field(atom->alt, sizeof atom->alt, r, 17, 17);
    copy_field(atom->residue, sizeof atom->residue, r, 18, 20);
    copy_field(atom->auth_chain, sizeof atom->auth_chain, r, 22, 22);
    copy_field(atom->insertion, sizeof atom->insertion, r, 27, 27);
    copy_field(atom->element, sizeof atom->element, r, 77, 78);
    strcpy(atom->label_chain, atom->auth_chain);
    if (!atom->name[0] || !atom->residue[0])
        return rt_fail(err, RT_ERR_FORMAT, r->file, r->number, "the atom has no %s", atom->name[0] ? "residue"
                       : "name");
    modernise(atom->name);
    if (field(r, 77, 78, &text) == 0 || !isalpha((unsigned char)*text)) guess_element(atom, r);
    atom->occupancy = read_optional(r, 55, 60, 1);
    atom->b_factor = read_optional(r, 61, 66, 0);
    atom->model = r->model;
    atom->hetero = r->line[0] == 'H';
    if (atom->hetero && r->ended[(unsigned char)r->line[21]]) atom->label_number = RT_NO_NUMBER;
    if (s->n_atom == 0 || s->atom[s->n_atom - 1].model != atom->model) s->n_model++;
    s->n_atom++;
done:
    return status;
}

/* SEQRES: up to 13 components in columns 20-70. */
static rt_status read_seqres(reader *r, rt_err *err)
{
    rt_structure *s = r->structure;
    if (r->length < 20) return RT_OK;
    if (r->line[11] != r->seqres_chain || s->n_deposited == 0) r->seqres_count = 0;
    r->seqres_chain = r->line[11];
    for (int column = 20; column <= 68 && column <= r->length; column += 4) {
        void *items = s->deposited;
        rt_status status = rt_grow(&items, &r->deposits, s->n_deposited + 1, sizeof *s->deposited, err);
        s->deposited = items;
        if (status != RT_OK) return status;
        rt_deposited *item = &s->deposited[s->n_deposited];
        copy_field(item->residue, sizeof item->residue, r, column, column + 2);
        copy_field(item->chain, sizeof item->chain, r, 12, 12);
        if (!item->residue[0]) continue;
        item->number = ++r->seqres_count;
        s->n_deposited++;
    }
    return RT_OK;
}

static bool is_record(const reader *r, const char *record)
{
    int64_t length = (int64_t)strlen(record);
    return r->length >= length && memcmp(r->line, record, (size_t)length) == 0;
}

static rt_status read_line(reader *r, rt_err *err)
{
    const char *text;
    int64_t number;
    if (is_record(r, "ATOM  ") || is_record(r, "HETATM")) return read_atom(r, err);
    if (is_record(r, "SEQRES")) return read_seqres(r, err);
    rt_structure_header_pdb(r->structure, r->line, r->length);
    if (is_record(r, "TER") && r->structure->n_atom) {
        const rt_atom *last = &r->structure->atom[r->structure->n_atom - 1];
        r->ended[last->auth_chain[0] ? (unsigned char)last->auth_chain[0] : ' '] = true;
    }
    if (is_record(r, "MODEL ") || is_record(r, "ENDMDL")) memset(r->ended, 0, sizeof r->ended);
    if (is_record(r, "MODEL ")) {
        int64_t length = field(r, 7, 80, &text);
        while (length > 0 && !isdigit((unsigned char)text[length - 1])) length--;
        if (length == 0) r->model++;
        else if (!rt_parse_int(text, length, &number) || number < 0 || number > INT32_MAX)
            return rt_fail(err, RT_ERR_FORMAT, r->file, r->number, "the model number '%.*s' is no number",
                           (int)length, text);
        else r->model = (int32_t)number;
    }
    return RT_OK;
}

static void name_structure(char *out, int64_t size, const char *data, int64_t length, const char *path)
{
    if (length >= 66 && memcmp(data, "HEADER", 6) == 0 && !memchr(data, '\n', 66) && isalnum((unsigned char)data[62])) {
        memcpy(out, data + 62, 4);
        out[4] = 0;
    } else {
        const char *name = rt_path_name(path);
        int64_t n = (int64_t)strcspn(name, ".");
        if (n >= size) n = size - 1;
        memcpy(out, name, (size_t)n);
        out[n] = 0;
    }
}

rt_status rt_pdb_read(rt_structure *out_structure, const char *data, int64_t size, const char *name, rt_err *err)
{
    rt_status status = RT_OK;
    rt_structure structure = {0};
    reader r = {.file = name, .model = 1, .structure = &structure};
    char title[64];
    *out_structure = structure;
    name_structure(title, sizeof title, data, size, name);
    structure.name = rt_copy_text(title, -1, err);
    RT_TRY(structure.name ? RT_OK : RT_ERR_MEMORY);
    for (int64_t at = 0; at < size;) {
        const char *end = memchr(data + at, '\n', (size_t)(size - at));
        r.line = data + at;
        r.length = end ? end - r.line : size - at;
        at += r.length + 1;
        r.number++;
        while (r.length && (r.line[r.length - 1] == '\r' || r.line[r.length - 1] == ' ')) r.length--;
        RT_TRY(read_line(&r, err));
    }
    if (!structure.n_atom) {
        rt_fail(err, RT_ERR_FORMAT, name, 0, "the file holds no atoms: neither mmCIF nor PDB");
        RT_TRY(rt_hint(err, "a structure file has an _atom_site table (mmCIF) or ATOM lines (PDB)"));
    }
    *out_structure = structure;
    return RT_OK;
done:
    rt_structure_free_members(&structure);
    return status;
}
