#include "prep/chain_table.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "io/plain.h"

static const char *const PART[] = {"train", "validation", "test", "none"};

const char *rt_part_name(rt_part part) { return PART[part]; }

bool rt_part_find(rt_part *out_part, const char *name)
{
    static const struct { const char *name; rt_part part; } OTHER[] = {
        {"train_set", RT_PART_TRAIN}, {"training", RT_PART_TRAIN}, {"valid_set", RT_PART_VALIDATION},
        {"valid", RT_PART_VALIDATION}, {"val", RT_PART_VALIDATION}, {"validation_set", RT_PART_VALIDATION},
        {"test_set", RT_PART_TEST}};
    for (int i = 0; i < 4; i++)
        if (strcasecmp(name, PART[i]) == 0) return *out_part = (rt_part)i, true;
    for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++)
        if (strcasecmp(name, OTHER[i].name) == 0) return *out_part = OTHER[i].part, true;
    return false;
}

bool rt_chain_name(char out[RT_CHAIN_NAME], const char *id)
{
    for (int i = 0; i < 4; i++)
        if (!isalnum((unsigned char)id[i])) return false;
    if (!isdigit((unsigned char)id[0]) || id[4] != '_' || !id[5] || strlen(id) >= RT_CHAIN_NAME) return false;
    snprintf(out, RT_CHAIN_NAME, "%s", id);
    for (int i = 0; i < 4; i++) out[i] = (char)tolower((unsigned char)out[i]);
    return true;
}

bool rt_chain_same(const char *a, const char *b)
{
    char x[RT_CHAIN_NAME], y[RT_CHAIN_NAME];
    if (strcmp(a, b) == 0) return true;
    return rt_chain_name(x, a) && rt_chain_name(y, b) && strcmp(x, y) == 0;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int by_chain(const void *a, const void *b)
{
    const rt_chain_row *x = a, *y = b;
    int order = strcmp(x->chain, y->chain);
    if (order) return order;
    double e = isnan(x->evalue) ? INFINITY : x->evalue, f = isnan(y->evalue) ? INFINITY : y->evalue;
    if (e != f) return e < f ? -1 : 1;
    order = strcmp(x->group, y->group);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static rt_status add_row(rt_chain_table *table, const rt_chain_row *row, const char *group, const char *label,
                         rt_err *err)
{
    void *rows = table->row;
    rt_status status = rt_grow(&rows, &table->capacity, table->n + 1, sizeof *table->row, err);
    table->row = rows;
    if (status != RT_OK) return status;
    rt_chain_row *r = &table->row[table->n++];
    *r = *row;
    r->group = rt_copy_text(group, -1, err);
    r->label = rt_copy_text(label, -1, err);
    if (!r->group || !r->label) return RT_ERR_MEMORY;
    rt_tame_text(r->group);
    rt_tame_text(r->label);
    return RT_OK;
}

void rt_chain_table_free_members(rt_chain_table *table)
{
    for (int64_t i = 0; i < table->n; i++) {
        free(table->row[i].group);
        free(table->row[i].label);
    }
    free(table->row);
    *table = (rt_chain_table){0};
}

const rt_chain_row *rt_chain_table_find(const rt_chain_table *table, const char *chain, int64_t *out_n)
{
    int64_t low = 0, high = table->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(table->row[middle].chain, chain) < 0) low = middle + 1;
        else high = middle;
    }
    for (*out_n = 0; low + *out_n < table->n && strcmp(table->row[low + *out_n].chain, chain) == 0;) ++*out_n;
    return *out_n ? &table->row[low] : NULL;
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

/* Rfam offers a TSV, others convert it to CSV. */
static rt_status open_table(rt_csv **ret_csv, const char *path, rt_err *err)
{
    rt_plain plain;
    *ret_csv = NULL;
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    const char *end = memchr(plain.data, '\n', (size_t)plain.size);
    bool tabs = end && memchr(plain.data, '\t', (size_t)(end - plain.data)), packed = plain.unpacked;
    rt_plain_close(&plain);
    if (!tabs) return rt_csv_open_stream(ret_csv, path, err);
    if (!packed) return rt_csv_open_tsv(ret_csv, path, err);
    rt_fail(err, RT_ERR_UNSUPPORTED, path, 0, "is a packed table with tabs");
    return rt_hint(err, "unpack it first: gunzip");
}

static rt_status chain_of(char out[RT_CHAIN_NAME], const rt_csv *csv, int64_t pdb, int64_t chain, rt_err *err)
{
    char id[64];
    snprintf(id, sizeof id, "%.20s_%.20s", rt_csv_text(csv, pdb), rt_csv_text(csv, chain));
    if (rt_chain_name(out, id)) return RT_OK;
    return rt_csv_fail(csv, err, "'%.20s' and '%.20s' are no PDB code and chain", rt_csv_text(csv, pdb),
                       rt_csv_text(csv, chain));
}

rt_status rt_chain_table_read_rfam(rt_chain_table *out_table, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t family, pdb, chain;
    bool more;
    *out_table = (rt_chain_table){0};
    RT_TRY(open_table(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &family, "rfam_acc", err));
    RT_TRY(rt_csv_require(csv, &pdb, "pdb_id", err));
    RT_TRY(rt_csv_require(csv, &chain, "chain", err));
    int64_t evalue = rt_csv_find(csv, "evalue_score"), label = rt_csv_find(csv, "id");
    int64_t from = rt_csv_find(csv, "pdb_start"), to = rt_csv_find(csv, "pdb_end");
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        rt_chain_row row = {.evalue = NAN, .part = RT_PART_NONE, .line = rt_csv_line(csv)};
        if (!rt_csv_length(csv, chain)) {      /* a chain called NA that pandas took for "not available" */
            out_table->n_unnamed++;
            continue;
        }
        RT_TRY(chain_of(row.chain, csv, pdb, chain, err));
        if (rt_csv_missing(csv, family)) RT_TRY(rt_csv_fail(csv, err, "chain %s has no family", row.chain));
        if (evalue >= 0) RT_TRY(rt_csv_double(csv, evalue, &row.evalue, err));
        if (from >= 0) RT_TRY(rt_csv_int(csv, from, &row.from, err));
        if (to >= 0) RT_TRY(rt_csv_int(csv, to, &row.to, err));
        RT_TRY(add_row(out_table, &row, rt_csv_text(csv, family), label >= 0 ? rt_csv_text(csv, label) : "", err));
    }
    if (out_table->n > 1) qsort(out_table->row, (size_t)out_table->n, sizeof *out_table->row, by_chain);
done:
    rt_csv_close(csv);
    if (status != RT_OK) rt_chain_table_free_members(out_table);
    return status;
}

/* ---- RNA3DB ------------------------------------------------------------------------------------------------------ */

static int64_t find_either(const rt_csv *csv, const char *a, const char *b)
{
    int64_t column = rt_csv_find(csv, a);
    return column >= 0 ? column : rt_csv_find(csv, b);
}

static rt_status read_rna3db_csv(rt_chain_table *table, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t component;
    bool more;
    RT_TRY(open_table(&csv, path, err));
    int64_t pdb = rt_csv_find(csv, "PDB_ID"), chain = rt_csv_find(csv, "Chain_ID"), full = rt_csv_find(csv, "full_id");
    int64_t part = find_either(csv, "dataset", "split");
    component = find_either(csv, "component_x", "component");
    if (component < 0) RT_TRY(rt_csv_require(csv, &component, "component", err));
    if (full < 0 && (pdb < 0 || chain < 0)) RT_TRY(rt_csv_require(csv, &full, "full_id", err));
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        rt_chain_row row = {.evalue = NAN, .part = RT_PART_NONE, .line = rt_csv_line(csv)};
        if (pdb >= 0 && chain >= 0) RT_TRY(chain_of(row.chain, csv, pdb, chain, err));
        else if (!rt_chain_name(row.chain, rt_csv_text(csv, full)))
            RT_TRY(rt_csv_fail(csv, err, "'%.40s' is no PDB chain such as 1ehz_A", rt_csv_text(csv, full)));
        if (part >= 0 && !rt_part_find(&row.part, rt_csv_text(csv, part)))
            RT_TRY(rt_csv_fail(csv, err, "'%.40s' is no part of a split (train_set, valid_set, test_set)",
                               rt_csv_text(csv, part)));
        if (rt_csv_missing(csv, component)) RT_TRY(rt_csv_fail(csv, err, "chain %s has no component", row.chain));
        RT_TRY(add_row(table, &row, rt_csv_text(csv, component), "", err));
    }
done:
    rt_csv_close(csv);
    return status;
}

/* {component: {representative: {chain: description}}} */
static rt_status take_components(rt_chain_table *table, const char *path, rt_part part, json_t *components, rt_err *err)
{
    rt_status status = RT_OK;
    const char *component, *representative, *chain;
    json_t *clusters, *chains, *description;
    if (!json_is_object(components))
        return rt_fail(err, RT_ERR_FORMAT, path, 0, "components were expected to be an object, not %s",
                       rt_json_type_name(components));
    json_object_foreach(components, component, clusters) {
        if (!json_is_object(clusters))
            return rt_fail(err, RT_ERR_FORMAT, path, 0, "component '%.60s' is %s, not an object of clusters", component,
                           rt_json_type_name(clusters));
        json_object_foreach(clusters, representative, chains) {
            if (!json_is_object(chains))
                return rt_fail(err, RT_ERR_FORMAT, path, 0, "cluster '%.60s' of '%.60s' is %s, not an object of chains",
                               representative, component, rt_json_type_name(chains));
            json_object_foreach(chains, chain, description) {
                rt_chain_row row = {.evalue = NAN, .part = part};
                (void)description;
                if (!rt_chain_name(row.chain, chain))
                    return rt_fail(err, RT_ERR_FORMAT, path, 0,
                                   "component '%.60s': '%.60s' is no PDB chain such as 1ehz_A",
                                   component, chain);
                RT_TRY(add_row(table, &row, component, "", err));
            }
        }
    }
done:
    return status;
}

static rt_status read_rna3db_json(rt_chain_table *table, const char *path, const rt_plain *plain, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *root, *value;
    const char *key;
    rt_part part;
    bool parts = false;
    status = rt_json_parse(&root, plain->data, plain->size, path, err);
    if (status != RT_OK) return status;
    json_object_foreach(root, key, value) parts = parts || rt_part_find(&part, key);
    if (parts) {
        json_object_foreach(root, key, value) {
            if (!rt_part_find(&part, key))
                RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0,
                               "'%.60s' is no part of a split (train_set, valid_set, test_set)",
                               key));
            RT_TRY(take_components(table, path, part, value, err));
        }
    } else {
        RT_TRY(take_components(table, path, RT_PART_NONE, root, err));
    }
done:
    json_decref(root);
    return status;
}

rt_status rt_chain_table_read_rna3db(rt_chain_table *out_table, const char *path, rt_err *err)
{
    rt_plain plain;
    *out_table = (rt_chain_table){0};
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    int64_t at = 0;
    while (at < plain.size && (unsigned char)plain.data[at] <= ' ') at++;
    if (at < plain.size && plain.data[at] == '{') status = read_rna3db_json(out_table, path, &plain, err);
    else status = read_rna3db_csv(out_table, path, err);
    rt_plain_close(&plain);
    if (status == RT_OK && out_table->n > 1) qsort(out_table->row, (size_t)out_table->n, sizeof *out_table->row,
                                                   by_chain);
    for (int64_t i = 1; i < out_table->n && status == RT_OK; i++) {
        const rt_chain_row *a = &out_table->row[i - 1], *b = &out_table->row[i];
        if (strcmp(a->chain, b->chain) == 0 && (strcmp(a->group, b->group) != 0 || a->part != b->part))
            status = rt_fail(err, RT_ERR_FORMAT, path, b->line, "chain %s is in %s (%s) and in %s (%s)", a->chain,
                             a->group,
                             rt_part_name(a->part), b->group, rt_part_name(b->part));
    }
    if (status == RT_OK && !out_table->n) status = rt_fail(err, RT_ERR_FORMAT, path, 0, "has no chain");
    if (status != RT_OK) rt_chain_table_free_members(out_table);
    return status;
}
