#include "prep/family_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "prep/tsv.h"
#include "prep/components.h"

static rt_status add_row(rt_family_table *table, rt_family_row **ret, rt_err *err)
{
    void *rows = table->row;
    rt_status status = rt_grow(&rows, &table->capacity, table->n + 1, sizeof *table->row, err);
    table->row = rows;
    if (status != RT_OK) return status;
    *ret = &table->row[table->n++];
    **ret = (rt_family_row){.evalue = NAN, .identity = NAN};
    return RT_OK;
}

void rt_family_table_free_members(rt_family_table *table)
{
    for (int64_t i = 0; i < table->n; i++) {
        rt_family_row *r = &table->row[i];
        free(r->target), free(r->family), free(r->component), free(r->source), free(r->domains), free(r->nearest);
    }
    free(table->row);
    *table = (rt_family_table){0};
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

/* Things that targets have in common: families, clans, RNA3DB components.  They are nodes behind the sequences. */
typedef struct { char **name; int64_t n, capacity; } groups;

static rt_status find_group(groups *g, int64_t *out, const char *name, rt_err *err)
{
    for (*out = 0; *out < g->n; ++*out)
        if (strcmp(g->name[*out], name) == 0) return RT_OK;
    void *names = g->name;
    rt_status status = rt_grow(&names, &g->capacity, g->n + 1, sizeof *g->name, err);
    g->name = names;
    if (status != RT_OK) return status;
    g->name[g->n] = rt_copy_text(name, -1, err);
    return g->name[g->n++] ? RT_OK : RT_ERR_MEMORY;
}

typedef struct { int32_t sequence, group; } membership;

/* What is known of a distinct sequence. */
typedef struct {
    char *family;            /* NULL: not yet */
    const char *source;
    double evalue;
    rt_text domains;
    int32_t nearest;         /* -1 */
    float identity;
} known;

typedef struct {
    const char *const *target;
    int64_t n;
    const rt_unique *unique;
    const rt_similar *similar;
    const rt_family_sources *sources;
    groups group;
    membership *member;
    int64_t n_member, member_capacity;
    known *known;
    rt_family_table *table;
} builder;

static rt_status add_member(builder *b, int64_t sequence, const char *prefix, const char *name, rt_err *err)
{
    char key[256];
    int64_t group;
    snprintf(key, sizeof key, "%s:%.200s", prefix, name);
    rt_status status = find_group(&b->group, &group, key, err);
    if (status != RT_OK) return status;
    void *members = b->member;
    status = rt_grow(&members, &b->member_capacity, b->n_member + 1, sizeof *b->member, err);
    b->member = members;
    if (status == RT_OK) b->member[b->n_member++] = (membership){(int32_t)sequence, (int32_t)group};
    return status;
}

/* Names the sequence's family when it has none, or none as sure from the same source. */
static rt_status name_family(known *k, const char *family, const char *source, double evalue, rt_err *err)
{
    if (k->family && (strcmp(k->source, source) != 0 || !(evalue < k->evalue))) return RT_OK;
    free(k->family);
    k->family = rt_copy_text(family, -1, err);
    k->source = source;
    k->evalue = evalue;
    return k->family ? RT_OK : RT_ERR_MEMORY;
}

static void add_domain(known *k, const char *family, int64_t from, int64_t to)
{
    char one[300];
    snprintf(one, sizeof one, "%.200s:%lld-%lld", family, (long long)from, (long long)to);
    if (k->domains.data && strstr(k->domains.data, one)) return;   /* the same from two chains of one sequence */
    rt_text_add(&k->domains, "%s%s", k->domains.length ? ";" : "", one);
}

typedef struct { const char *id; int64_t number; } id_entry;
static int by_id(const void *a, const void *b) { return strcmp(((const id_entry *)a)->id, ((const id_entry *)b)->id); }

static rt_status take_hits(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_hits *hits = b->sources->opt_hits;
    id_entry *ids;
    RT_TRY_ALLOC(ids, b->n);
    for (int64_t i = 0; i < b->n; i++) ids[i] = (id_entry){b->target[i], i};
    if (b->n > 1) qsort(ids, (size_t)b->n, sizeof *ids, by_id);
    for (int64_t h = 0; h < hits->n && status == RT_OK; h++) {
        const rt_hit *hit = &hits->hit[h];
        id_entry key = {hit->sequence, 0}, *at = bsearch(&key, ids, (size_t)b->n, sizeof *ids, by_id);
        if (!at) continue;      /* a table may hold more than this set */
        int64_t u = b->unique->of[at->number];
        status = add_member(b, u, "family", hit->accession, err);
        if (status == RT_OK && b->sources->join_clans && hit->clan[0]) status = add_member(b, u, "clan", hit->clan,
                                                                                           err);
        if (status == RT_OK) status = name_family(&b->known[u], hit->accession, "cmscan", hit->evalue, err);
        add_domain(&b->known[u], hit->accession, hit->from, hit->to);
    }
done:
    free(ids);
    return status;
}

static rt_status take_chains(builder *b, const rt_chain_table *table, const char *prefix, const char *source,
                             rt_err *err)
{
    char chain[RT_CHAIN_NAME];
    for (int64_t i = 0; i < b->n; i++) {
        int64_t count, u = b->unique->of[i];
        if (!rt_chain_name(chain, b->target[i])) continue;
        const rt_chain_row *row = rt_chain_table_find(table, chain, &count);
        for (int64_t k = 0; k < count; k++) {
            rt_status status = add_member(b, u, prefix, row[k].group, err);
            if (status == RT_OK) status = name_family(&b->known[u], row[k].group, source, row[k].evalue, err);
            if (status != RT_OK) return status;
            if (strcmp(prefix, "family") == 0) add_domain(&b->known[u], row[k].group, row[k].from, row[k].to);
        }
    }
    return RT_OK;
}

static void find_nearest(builder *b)
{
    for (int64_t p = 0; p < b->similar->n_pair; p++) {
        const rt_similar_pair *pair = &b->similar->pair[p];
        for (int side = 0; side < 2; side++) {
            known *k = &b->known[side ? pair->b : pair->a];
            if (k->nearest >= 0 && k->identity >= pair->identity) continue;
            k->nearest = side ? pair->a : pair->b;
            k->identity = pair->identity;
        }
    }
}

/* A sequence without a family gets that of the most similar one that has: first from those with a family of their own,
 * then from those that got it so. */
static rt_status spread_families(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    int32_t *from = NULL;
    float *best = NULL;
    bool changed = true;
    RT_TRY_ALLOC(from, b->unique->n);
    RT_TRY_ALLOC(best, b->unique->n);
    while (changed) {
        changed = false;
        memset(best, 0, (size_t)b->unique->n * sizeof *best);
        for (int64_t p = 0; p < b->similar->n_pair; p++) {
            const rt_similar_pair *pair = &b->similar->pair[p];
            for (int side = 0; side < 2; side++) {
                int32_t with = side ? pair->a : pair->b, without = side ? pair->b : pair->a;
                if (!b->known[with].family || b->known[without].family || pair->identity <= best[without]) continue;
                best[without] = pair->identity;
                from[without] = with;
            }
        }
        for (int64_t u = 0; u < b->unique->n; u++) {
            if (best[u] <= 0) continue;
            b->known[u].family = rt_copy_text(b->known[from[u]].family, -1, err);
            if (!b->known[u].family) RT_TRY(RT_ERR_MEMORY);
            b->known[u].source = "similar";
            b->known[u].evalue = NAN;
            changed = true;
        }
    }
done:
    free(from);
    free(best);
    return status;
}

static void count_source(rt_family_table *t, const char *source)
{
    int64_t *count = !strcmp(source, "cmscan") ? &t->n_cmscan : !strcmp(source, "table") ? &t->n_table
                     : !strcmp(source, "rna3db") ? &t->n_rna3db : !strcmp(source,
                                                                          "similar") ? &t->n_similar : &t->n_alone;
    ++*count;
}

static rt_status fill_rows(builder *b, const int32_t *component, const int32_t *first_of, rt_err *err)
{
    rt_status status = RT_OK;
    char text[300];
    for (int64_t i = 0; i < b->n; i++) {
        rt_family_row *r;
        const known *k = &b->known[b->unique->of[i]];
        RT_TRY(add_row(b->table, &r, err));
        r->target = rt_copy_text(b->target[i], -1, err);
        snprintf(text, sizeof text, "component_%d", component[i] + 1);
        r->component = rt_copy_text(text, -1, err);
        snprintf(text, sizeof text, "cluster_%.200s", b->target[first_of[component[i]]]);
        r->family = rt_copy_text(k->family ? k->family : text, -1, err);
        r->source = rt_copy_text(k->family ? k->source : "alone", -1, err);
        r->domains = rt_copy_text(k->domains.length ? k->domains.data : "-", -1, err);
        r->nearest = rt_copy_text(k->nearest >= 0 ? b->target[b->unique->first[k->nearest]] : "-", -1, err);
        if (!r->target || !r->component || !r->family || !r->source || !r->domains || !r->nearest || k->domains.failed)
            RT_TRY(RT_ERR_MEMORY);
        r->evalue = k->family ? k->evalue : NAN;
        r->identity = k->nearest >= 0 ? (double)k->identity : NAN;
        count_source(b->table, r->source);
    }
done:
    return status;
}

rt_status rt_family_table_build(rt_family_table *out_table, const char *const *target, int64_t n,
                                const rt_unique *unique, const rt_similar *similar, const rt_family_sources *sources,
                                rt_err *err)
{
    rt_status status = RT_OK;
    builder b = {.target = target, .n = n, .unique = unique, .similar = similar, .sources = sources,
                 .table = out_table};
    rt_components components = {0};
    int32_t *of_sequence = NULL, *first_of = NULL;
    *out_table = (rt_family_table){0};
    RT_TRY_ALLOC(b.known, unique->n);
    for (int64_t u = 0; u < unique->n; u++) b.known[u].nearest = -1;
    if (sources->opt_hits) RT_TRY(take_hits(&b, err));
    if (sources->opt_rfam) RT_TRY(take_chains(&b, sources->opt_rfam, "family", "table", err));
    if (sources->opt_rna3db) RT_TRY(take_chains(&b, sources->opt_rna3db, "rna3db", "rna3db", err));
    find_nearest(&b);
    RT_TRY(spread_families(&b, err));
    /* nodes: targets, then distinct sequences, then groups; components are counted in targets */
    RT_TRY(rt_components_create(&components, n + unique->n + b.group.n, err));
    for (int64_t i = 0; i < n; i++) rt_components_join(&components, i, n + unique->of[i]);
    for (int64_t m = 0; m < b.n_member; m++)
        rt_components_join(&components, n + b.member[m].sequence, n + unique->n + b.member[m].group);
    for (int64_t p = 0; p < similar->n_pair; p++)
        rt_components_join(&components, n + similar->pair[p].a, n + similar->pair[p].b);
    RT_TRY_ALLOC(of_sequence, n);
    RT_TRY_ALLOC(first_of, n);
    RT_TRY(rt_components_number(&components, n, of_sequence, &out_table->n_component, err));
    for (int64_t i = n - 1; i >= 0; i--) first_of[of_sequence[i]] = (int32_t)i;
    RT_TRY(fill_rows(&b, of_sequence, first_of, err));
done:
    for (int64_t u = 0; b.known && u < unique->n; u++) free(b.known[u].family), rt_text_free(&b.known[u].domains);
    for (int64_t g = 0; g < b.group.n; g++) free(b.group.name[g]);
    free(b.group.name);
    free(b.member);
    free(b.known);
    free(of_sequence);
    free(first_of);
    rt_components_free_members(&components);
    if (status != RT_OK) rt_family_table_free_members(out_table);
    return status;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

rt_status rt_family_table_write(const rt_family_table *table, const char *path, rt_err *err)
{
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    FILE *out = rt_writer_stream(writer);
    fprintf(out, "target\tfamily\tcomponent\tsource\tevalue\tdomains\tnearest\tidentity\n");
    for (int64_t i = 0; i < table->n; i++) {
        const rt_family_row *r = &table->row[i];
        fprintf(out, "%s\t%s\t%s\t%s", r->target, r->family, r->component, r->source);
        rt_tsv_print_number(out, r->evalue, "%.3g");
        fprintf(out, "\t%s\t%s", r->domains, r->nearest);
        rt_tsv_print_number(out, r->identity, "%.4f");
        fputc('\n', out);
    }
    return rt_writer_commit(writer, err);
}

static int by_target(const void *a, const void *b)
{
    return strcmp(((const rt_family_row *)a)->target, ((const rt_family_row *)b)->target);
}

static rt_status field(char **out, const rt_csv *csv, int64_t column, const char *otherwise, rt_err *err)
{
    const char *text = column >= 0 ? rt_csv_text(csv, column) : otherwise;
    if (!text[0]) return rt_csv_fail(csv, err, "column '%s' is empty", rt_csv_column(csv, column));
    *out = rt_copy_text(text, -1, err);
    if (*out) rt_tame_text(*out);
    return *out ? RT_OK : RT_ERR_MEMORY;
}

rt_status rt_family_table_read(rt_family_table *out_table, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t target, family, component;
    bool more;
    *out_table = (rt_family_table){0};
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &target, "target", err));
    RT_TRY(rt_csv_require(csv, &family, "family", err));
    RT_TRY(rt_csv_require(csv, &component, "component", err));
    int64_t domains = rt_csv_find(csv, "domains"), source = rt_csv_find(csv, "source");
    for (;;) {
        rt_family_row *r;
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        RT_TRY(add_row(out_table, &r, err));
        RT_TRY(field(&r->target, csv, target, "", err));
        RT_TRY(field(&r->family, csv, family, "", err));
        RT_TRY(field(&r->component, csv, component, "", err));
        RT_TRY(field(&r->domains, csv, domains, "-", err));
        RT_TRY(field(&r->source, csv, source, "-", err));
        r->nearest = rt_copy_text("-", -1, err);
        if (!r->nearest) RT_TRY(RT_ERR_MEMORY);
    }
    if (out_table->n > 1) qsort(out_table->row, (size_t)out_table->n, sizeof *out_table->row, by_target);
    for (int64_t i = 1; i < out_table->n; i++)
        if (by_target(&out_table->row[i - 1], &out_table->row[i]) == 0)
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "has the target '%s' twice", out_table->row[i].target));
done:
    rt_csv_close(csv);
    if (status != RT_OK) rt_family_table_free_members(out_table);
    return status;
}

const rt_family_row *rt_family_table_find(const rt_family_table *table, const char *target)
{
    rt_family_row key = {.target = (char *)(uintptr_t)target};
    return table->n ? bsearch(&key, table->row, (size_t)table->n, sizeof *table->row, by_target) : NULL;
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

typedef struct { const char *component; int64_t row; } component_row;

static int by_component(const void *a, const void *b)
{
    const component_row *x = a, *y = b;
    int order = strcmp(x->component, y->component);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Rows of one component are one set. */
static rt_status sets_of_rows(rt_components *out, const rt_family_table *table, rt_err *err)
{
    rt_status status = RT_OK;
    component_row *all = NULL;
    RT_TRY(rt_components_create(out, table->n, err));
    RT_TRY_ALLOC(all, table->n);
    for (int64_t i = 0; i < table->n; i++) all[i] = (component_row){table->row[i].component, i};
    if (table->n > 1) qsort(all, (size_t)table->n, sizeof *all, by_component);
    for (int64_t i = 1; i < table->n; i++)
        if (strcmp(all[i].component, all[i - 1].component) == 0) rt_components_join(out, all[i].row, all[i - 1].row);
done:
    free(all);
    return status;
}

rt_status rt_family_table_join(rt_family_table *table, int64_t *out_n_joined, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    rt_components sets = {0};
    int64_t a, b;
    bool more;
    *out_n_joined = 0;
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &a, "a", err));
    RT_TRY(rt_csv_require(csv, &b, "b", err));
    RT_TRY(sets_of_rows(&sets, table, err));
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        const rt_family_row *x = rt_family_table_find(table, rt_csv_text(csv, a));
        const rt_family_row *y = rt_family_table_find(table, rt_csv_text(csv, b));
        if (!x || !y) continue;
        int64_t i = x - table->row, k = y - table->row;
        *out_n_joined += rt_components_find(&sets, i) != rt_components_find(&sets, k);
        rt_components_join(&sets, i, k);
    }
    for (int64_t i = 0; i < table->n; i++) {      /* the name of the set's standing row, which keeps its own */
        int64_t root = rt_components_find(&sets, i);
        char *name = rt_copy_text(table->row[root].component, -1, err);
        if (!name) RT_TRY(RT_ERR_MEMORY);
        free(table->row[i].component);
        table->row[i].component = name;
    }
done:
    rt_csv_close(csv);
    rt_components_free_members(&sets);
    return status;
}

bool rt_family_next_domain(char *out, int64_t size, const char **at)
{
    while (**at == ';') ++*at;
    if (!**at || strcmp(*at, "-") == 0) return false;
    size_t length = strcspn(*at, ";"), name = strcspn(*at, ":;");
    snprintf(out, (size_t)size, "%.*s", (int)name, *at);
    *at += length;
    return true;
}
