#include "io/structure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/structure_header.h"

/* A text column of _atom_site; `other` stands in when the column or the value is missing. */
typedef struct {
    const char *item, *other;
    size_t offset, size;
    bool needed;
} text_column;

#define TEXT(field, item, other, needed) {item, other, offsetof(rt_atom, field), sizeof ((rt_atom *)0)->field, needed}
static const text_column TEXTS[] = {
    TEXT(name, "label_atom_id", "auth_atom_id", true),
    TEXT(element, "type_symbol", "", false),
    TEXT(residue, "label_comp_id", "auth_comp_id", true),
    TEXT(alt, "label_alt_id", "", false),
    TEXT(insertion, "pdbx_PDB_ins_code", "", false),
    TEXT(label_chain, "label_asym_id", "auth_asym_id", false),
    TEXT(auth_chain, "auth_asym_id", "label_asym_id", false),
    TEXT(entity, "label_entity_id", "", false),
};
#undef TEXT
enum { N_TEXT = sizeof TEXTS / sizeof *TEXTS };

typedef struct {
    rt_cif_table table;
    int64_t text[N_TEXT], other[N_TEXT], xyz[3], occupancy, b_factor, label_number, auth_number, model, group;
} atom_site;

static rt_status find_columns(atom_site *site, const rt_cif *cif, int64_t block, rt_err *err)
{
    static const char *const AXIS[3] = {"Cartn_x", "Cartn_y", "Cartn_z"};
    const rt_cif_table *table = &site->table;
    const char *missing = NULL;
    if (!rt_cif_find(&site->table, cif, block, "_atom_site"))
        return rt_fail(err, RT_ERR_FORMAT, rt_cif_name(cif), 0, "the file has no _atom_site: it holds no coordinates");
    for (int i = 0; i < N_TEXT; i++) {
        site->text[i] = rt_cif_column(table, TEXTS[i].item);
        site->other[i] = TEXTS[i].other[0] ? rt_cif_column(table, TEXTS[i].other) : -1;
        if (TEXTS[i].needed && site->text[i] < 0 && site->other[i] < 0) missing = TEXTS[i].item;
    }
    for (int i = 0; i < 3; i++)
        if ((site->xyz[i] = rt_cif_column(table, AXIS[i])) < 0) missing = AXIS[i];
    site->occupancy = rt_cif_column(table, "occupancy");
    site->b_factor = rt_cif_column(table, "B_iso_or_equiv");
    site->label_number = rt_cif_column(table, "label_seq_id");
    site->auth_number = rt_cif_column(table, "auth_seq_id");
    site->model = rt_cif_column(table, "pdbx_PDB_model_num");
    site->group = rt_cif_column(table, "group_PDB");
    if (!missing) return RT_OK;
    return rt_fail(err, RT_ERR_FORMAT, rt_cif_name(cif), 0, "_atom_site has no column %s", missing);
}

static rt_status read_texts(rt_atom *atom, const atom_site *site, int64_t row, rt_err *err)
{
    for (int i = 0; i < N_TEXT; i++) {
        int64_t column = site->text[i];
        if (rt_cif_is_null(rt_cif_get(&site->table, row, column)) && site->other[i] >= 0) column = site->other[i];
        rt_cif_value value = rt_cif_get(&site->table, row, column);
        if (TEXTS[i].needed && rt_cif_is_null(value))
            return rt_cif_complain(&site->table, row, column, "must have a value", err);
        if (!rt_cif_copy((char *)atom + TEXTS[i].offset, (int64_t)TEXTS[i].size, value)) {
            char complaint[64];
            snprintf(complaint, sizeof complaint, "is longer than %zu characters", TEXTS[i].size - 1);
            return rt_cif_complain(&site->table, row, column, complaint, err);
        }
    }
    return RT_OK;
}

/* `absent` when the column or the value is. */
static rt_status read_number(int32_t *out, const atom_site *site, int64_t row, int64_t column, int32_t absent,
                             rt_err *err)
{
    int64_t number;
    *out = absent;
    if (rt_cif_is_null(rt_cif_get(&site->table, row, column))) return RT_OK;
    rt_status status = rt_cif_need_int(&number, &site->table, row, column, err);
    if (status != RT_OK) return status;
    if (number <= INT32_MIN || number > INT32_MAX)
        return rt_cif_complain(&site->table, row, column, "is out of range", err);
    *out = (int32_t)number;
    return RT_OK;
}

static rt_status read_float(float *out, const atom_site *site, int64_t row, int64_t column, float absent, rt_err *err)
{
    double number;
    *out = absent;
    if (rt_cif_is_null(rt_cif_get(&site->table, row, column))) return RT_OK;
    rt_status status = rt_cif_need_double(&number, &site->table, row, column, err);
    if (status == RT_OK) *out = (float)number;
    return status;
}

static rt_status read_atom(rt_atom *atom, const atom_site *site, int64_t row, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(read_texts(atom, site, row, err));
    for (int i = 0; i < 3; i++) RT_TRY(rt_cif_need_double(&atom->xyz[i], &site->table, row, site->xyz[i], err));
    RT_TRY(read_float(&atom->occupancy, site, row, site->occupancy, 1, err));
    RT_TRY(read_float(&atom->b_factor, site, row, site->b_factor, 0, err));
    RT_TRY(read_number(&atom->model, site, row, site->model, 1, err));
    RT_TRY(read_number(&atom->label_number, site, row, site->label_number, RT_NO_NUMBER, err));
    RT_TRY(read_number(&atom->auth_number, site, row, site->auth_number, RT_NO_NUMBER, err));
    if (site->auth_number < 0) atom->auth_number = atom->label_number;
    atom->hetero = rt_cif_equals(rt_cif_get(&site->table, row, site->group), "HETATM");
done:
    return status;
}

/* Room for `count` more deposited residues. */
static rt_status grow_deposited(rt_structure *s, int64_t *capacity, int64_t count, rt_err *err)
{
    void *items = s->deposited;
    rt_status status = rt_grow(&items, capacity, s->n_deposited + count, sizeof *s->deposited, err);
    s->deposited = items;
    return status;
}

/* A residue whose names do not fit is left out: it is not a nucleotide. */
static void add_deposited(rt_structure *s, rt_cif_value chain, rt_cif_value residue, int64_t number)
{
    rt_deposited *item = &s->deposited[s->n_deposited];
    if (!rt_cif_copy(item->chain, sizeof item->chain, chain) || number < 1 || number > INT32_MAX) return;
    if (!rt_cif_copy(item->residue, sizeof item->residue, residue)) return;
    item->number = (int32_t)number;
    /* several components at one place: the first one counts */
    if (s->n_deposited && item[-1].number == item->number && strcmp(item[-1].chain, item->chain) == 0) return;
    s->n_deposited++;
}

static rt_status read_scheme(rt_structure *s, const rt_cif_table *scheme, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t capacity = 0, number, asym = rt_cif_column(scheme, "asym_id"), seq = rt_cif_column(scheme, "seq_id");
    int64_t mon = rt_cif_column(scheme, "mon_id");
    if (asym < 0 || seq < 0 || mon < 0) return RT_OK;
    RT_TRY(grow_deposited(s, &capacity, scheme->n_row, err));
    for (int64_t row = 0; row < scheme->n_row; row++)
        if (rt_cif_parse_int(rt_cif_get(scheme, row, seq), &number))
            add_deposited(s, rt_cif_get(scheme, row, asym), rt_cif_get(scheme, row, mon), number);
done:
    return status;
}

/* The entities' sequences, repeated for every chain that _struct_asym names. */
static rt_status read_entities(rt_structure *s, const rt_cif_table *sequence, const rt_cif_table *asym, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t capacity = 0, number, id = rt_cif_column(asym, "id"), asym_entity = rt_cif_column(asym, "entity_id");
    int64_t entity = rt_cif_column(sequence, "entity_id"), num = rt_cif_column(sequence, "num");
    int64_t mon = rt_cif_column(sequence, "mon_id");
    char name[16];
    if (id < 0 || asym_entity < 0 || entity < 0 || num < 0 || mon < 0) return RT_OK;
    for (int64_t chain = 0; chain < asym->n_row; chain++) {
        if (!rt_cif_copy(name, sizeof name, rt_cif_get(asym, chain, asym_entity))) continue;
        for (int64_t row = 0; row < sequence->n_row; row++) {
            if (!rt_cif_equals(rt_cif_get(sequence, row, entity), name)) continue;
            RT_TRY(grow_deposited(s, &capacity, 1, err));
            if (rt_cif_parse_int(rt_cif_get(sequence, row, num), &number))
                add_deposited(s, rt_cif_get(asym, chain, id), rt_cif_get(sequence, row, mon), number);
        }
    }
done:
    return status;
}

static rt_status read_deposited(rt_structure *s, const rt_cif *cif, int64_t block, rt_err *err)
{
    rt_cif_table scheme, sequence, asym;
    if (rt_cif_find(&scheme, cif, block, "_pdbx_poly_seq_scheme")) return read_scheme(s, &scheme, err);
    if (rt_cif_find(&sequence, cif, block, "_entity_poly_seq") && rt_cif_find(&asym, cif, block, "_struct_asym"))
        return read_entities(s, &sequence, &asym, err);
    return RT_OK;
}

/* Where no atom at all has a polymer number (no such column, or dots in it, as programs write that know no sequence),
 * the authors' stand in. */
static void number_by_author(rt_structure *s)
{
    for (int64_t i = 0; i < s->n_atom; i++)
        if (s->atom[i].label_number != RT_NO_NUMBER) return;
    for (int64_t i = 0; i < s->n_atom; i++) s->atom[i].label_number = s->atom[i].auth_number;
}

rt_status rt_structure_read(rt_structure *out_structure, const rt_cif *cif, int64_t block, rt_err *err)
{
    rt_status status = RT_OK;
    rt_structure structure = {0};
    atom_site site;
    rt_cif_value name = rt_cif_block_name(cif, block);
    *out_structure = structure;
    RT_TRY(find_columns(&site, cif, block, err));
    RT_TRY_ALLOC(structure.atom, site.table.n_row);
    structure.name = rt_copy_text(name.text, name.length, err);
    RT_TRY(structure.name ? RT_OK : RT_ERR_MEMORY);
    structure.n_atom = site.table.n_row;
    for (int64_t row = 0; row < structure.n_atom; row++) {
        RT_TRY(read_atom(&structure.atom[row], &site, row, err));
        if (row == 0 || structure.atom[row].model != structure.atom[row - 1].model) structure.n_model++;
    }
    number_by_author(&structure);
    RT_TRY(read_deposited(&structure, cif, block, err));
    structure.numbered = site.label_number >= 0 && structure.n_deposited > 0;
    rt_structure_header_cif(&structure, cif, block);
    *out_structure = structure;
done:
    if (status != RT_OK) rt_structure_free_members(&structure);
    return status;
}

rt_status rt_structure_load(rt_structure *out_structure, const char *path, rt_err *err)
{
    rt_cif *cif;
    *out_structure = (rt_structure){0};
    rt_status status = rt_cif_load(&cif, path, err);
    if (status != RT_OK) return status;
    if (!rt_cif_block_count(cif)) RT_BUG("a CIF file was read without a block");
    status = rt_structure_read(out_structure, cif, 0, err);
    rt_cif_close(cif);
    return status;
}

void rt_structure_free_members(rt_structure *structure)
{
    free(structure->name);
    free(structure->atom);
    free(structure->deposited);
    *structure = (rt_structure){0};
}
