/* family_table.h - families.tsv: the families of every target, and the connected component it belongs to
 * Room: prep.  Uses: base/file, base/memory, base/text, io/csv, prep/hits, prep/chain_table, prep/similar.
 *
 * Columns: target, family (one name, for statistics), component, source (cmscan, table, rna3db: a family of its own;
 * similar: that of the nearest similar sequence; alone: none), evalue, domains ("RF00005:1-72;RF00162:80-160", every
 * family that the target has; "-"), nearest (the most similar other sequence's first target; "-") and identity.
 * 'rnatune compare --families' reads the first two.
 */
#ifndef RT_PREP_FAMILY_TABLE_H
#define RT_PREP_FAMILY_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "prep/chain_table.h"
#include "prep/hits.h"
#include "prep/similar.h"

typedef struct {
    char *target, *family, *component, *source, *domains, *nearest;
    double evalue, identity;     /* NaN for none */
} rt_family_row;

typedef struct {
    rt_family_row *row;
    int64_t n, capacity;
    int64_t n_component, n_cmscan, n_table, n_rna3db, n_similar, n_alone;   /* filled by build */
} rt_family_table;

typedef struct {
    const rt_hits *opt_hits;              /* resolved; sequence: a target's id.  Equal sequences share them */
    const rt_chain_table *opt_rfam, *opt_rna3db;   /* by the PDB chain that a target's id names */
    bool join_clans;                      /* families of one clan are one unit, too */
} rt_family_sources;

/* A component is what is connected by a common family (every domain counts), a common RNA3DB component, a similar
 * sequence or an equal one.  Shapes: target (n); unique of the n sequences.  Errors: RT_ERR_MEMORY. */
rt_status rt_family_table_build(rt_family_table *out_table, const char *const *target, int64_t n,
                                const rt_unique *unique, const rt_similar *similar, const rt_family_sources *sources,
                                rt_err *err);
rt_status rt_family_table_write(const rt_family_table *table, const char *path, rt_err *err);
/* Only target, family and component are needed of the columns.  Sorted by target.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT (a missing column or value, a target twice) with the line. */
rt_status rt_family_table_read(rt_family_table *out_table, const char *path, rt_err *err);
void rt_family_table_free_members(rt_family_table *table);
/* In a table that was read: NULL when there is none. */
const rt_family_row *rt_family_table_find(const rt_family_table *table, const char *target);

/* Makes one component of the two that each line's targets a and b belong to: a list of leaks as 'rnatune audit'
 * prints it,
 * or any TSV with columns a and b.  Lines that name no target of the table are passed over.  In a table that was read.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT, RT_ERR_MEMORY. */
rt_status rt_family_table_join(rt_family_table *table, int64_t *out_n_joined, const char *path, rt_err *err);

/* The next family of `domains`: copies its name and moves *at behind it; false at the end. */
bool rt_family_next_domain(char *out, int64_t size, const char **at);

#endif
