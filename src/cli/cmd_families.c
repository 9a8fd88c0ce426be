/* cmd_families.c - rnatune families: which Rfam family each target is in, and what must stay together in a split */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/pool.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "prep/dataset.h"
#include "prep/family_table.h"
#include "prep/infernal.h"

typedef struct {
    rt_dataset *set;
    rt_pool *pool;
    const char **id, **sequence;   /* of every target */
    int64_t n;
    rt_unique unique;
    rt_similar similar;
    rt_hits hits;
    rt_hits_dropped dropped;
    rt_models models;
    rt_chain_table rfam, rna3db;
    rt_family_table table;
} work;

static rt_status open_set(work *w, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_dataset_open(&w->set, rt_option_text(o, "data"), err));
    w->n = rt_dataset_count(w->set);
    RT_TRY_ALLOC(w->id, w->n);
    RT_TRY_ALLOC(w->sequence, w->n);
    for (int64_t i = 0; i < w->n; i++) {
        w->id[i] = rt_dataset_at(w->set, i)->id;
        w->sequence[i] = rt_dataset_at(w->set, i)->sequence;
    }
    RT_TRY(rt_unique_build(&w->unique, w->sequence, w->n, err));
    RT_TRY(rt_pool_create(&w->pool, rt_choice_threads(o), err));
done:
    return status;
}

/* cmscan over the distinct sequences, each under the name of its first target. */
static rt_status scan(work *w, const rt_options *o, const char *folder, rt_err *err)
{
    rt_status status = RT_OK;
    const char **name;
    rt_infernal_options options = {.cm = rt_option_text(o, "cm"), .work = folder,
                                   .search_space = rt_option_double(o, "search-space"),
                                   .both_strands = rt_option_flag(o, "both-strands")};
    RT_TRY_ALLOC(name, w->unique.n);
    for (int64_t u = 0; u < w->unique.n; u++) name[u] = w->id[w->unique.first[u]];
    RT_TRY(rt_infernal_scan(&w->hits, name, (const char *const *)w->unique.text, w->unique.n, &options, w->pool, err));
done:
    free(name);
    return status;
}

static rt_status append_hits(rt_hits *out, rt_hits *more, rt_err *err)
{
    void *all = out->hit;
    rt_status status = rt_grow(&all, &out->capacity, out->n + more->n, sizeof *out->hit, err);
    out->hit = all;
    if (status != RT_OK) return status;
    if (more->n) memcpy(out->hit + out->n, more->hit, (size_t)more->n * sizeof *more->hit);
    out->n += more->n;
    more->n = 0;
    return RT_OK;
}

/* Hits from cmscan or from tables, and which of them count. */
static rt_status find_hits(work *w, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    char folder[4096];
    bool clans = rt_option_has(o, "clanin");
    rt_hits_rules rules = {.evalue = rt_option_double(o, "evalue"), .both_strands = rt_option_flag(o, "both-strands"),
                           .clans = clans};
    if (rt_option_has(o, "cm")) RT_TRY(rt_models_read(&w->models, rt_option_text(o, "cm"), err));
    if (clans) RT_TRY(rt_models_read_clans(&w->models, rt_option_text(o, "clanin"), err));
    for (int i = 0; i < rt_option_count(o, "tblout"); i++) {
        rt_hits more;
        RT_TRY(rt_hits_read(&more, rt_option_at(o, "tblout", i), true, err));
        status = append_hits(&w->hits, &more, err);
        rt_hits_free_members(&more);
        if (status != RT_OK) goto done;
    }
    if (rt_option_has(o, "work")) snprintf(folder, sizeof folder, "%s", rt_option_text(o, "work"));
    else snprintf(folder, sizeof folder, "%s.work", rt_option_text(o, "out"));
    if (rt_option_has(o, "cm") && !rt_option_has(o, "tblout")) RT_TRY(scan(w, o, folder, err));
    RT_TRY(rt_hits_resolve(&w->hits, &w->dropped, w->models.n ? &w->models : NULL, &rules, err));
done:
    return status;
}

static void print_summary(const work *w)
{
    const rt_family_table *t = &w->table;
    int64_t largest = 0;
    for (int64_t i = 0; i < t->n; i++) largest += strcmp(t->row[i].component, "component_1") == 0;
    printf("what\tcount\n");
    printf("targets\t%lld\ndistinct_sequences\t%lld\n", (long long)t->n, (long long)w->unique.n);
    printf("family_from_cmscan\t%lld\nfamily_from_table\t%lld\nfamily_from_rna3db\t%lld\nfamily_by_similarity\t%lld\n"
           "no_family\t%lld\n", (long long)t->n_cmscan, (long long)t->n_table, (long long)t->n_rna3db,
           (long long)t->n_similar, (long long)t->n_alone);
    printf("hits_kept\t%lld\nhits_below_threshold\t%lld\nhits_on_other_strand\t%lld\nhits_overlapped\t%lld\n",
           (long long)w->hits.n, (long long)w->dropped.weak, (long long)w->dropped.minus,
               (long long)w->dropped.overlapped);
    printf("similar_pairs\t%lld\nsimilar_by_chance\t%lld\n", (long long)w->similar.n_pair,
           (long long)w->similar.n_chance);
    printf("components\t%lld\nlargest_component\t%lld\n", (long long)t->n_component, (long long)largest);
}

static void close_all(work *w)
{
    rt_family_table_free_members(&w->table);
    rt_chain_table_free_members(&w->rfam);
    rt_chain_table_free_members(&w->rna3db);
    rt_hits_free_members(&w->hits);
    rt_models_free_members(&w->models);
    rt_similar_free_members(&w->similar);
    rt_unique_free_members(&w->unique);
    rt_pool_free(w->pool);
    free(w->id);
    free(w->sequence);
    rt_dataset_close(w->set);
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    work w = {0};
    char folder[4096];
    bool scanned = rt_option_has(o, "cm") && !rt_option_has(o, "tblout");
    if (!rt_option_has(o, "cm") && !rt_option_has(o, "tblout") && !rt_option_has(o, "table") &&
        !rt_option_has(o, "rna3db"))
        rt_warn("none of --cm, --tblout, --table, --rna3db: targets are joined by sequence similarity alone");
    RT_TRY(open_set(&w, o, err));
    if (rt_option_has(o, "table")) RT_TRY(rt_chain_table_read_rfam(&w.rfam, rt_option_text(o, "table"), err));
    if (rt_option_has(o, "rna3db")) RT_TRY(rt_chain_table_read_rna3db(&w.rna3db, rt_option_text(o, "rna3db"), err));
    if (w.rfam.n_unnamed)
        rt_warn("%s: %lld rows name no chain and are left out", rt_option_text(o, "table"),
                (long long)w.rfam.n_unnamed);
    RT_TRY(find_hits(&w, o, err));
    rt_similar_options similar = {.identity = rt_option_double(o, "identity"),
                                  .max_chance = rt_option_double(o, "chance"),
                                  .min_length = rt_option_int(o, "min-length")};
    RT_TRY(rt_similar_find(&w.similar, &w.unique, &similar, w.pool, err));
    rt_family_sources sources = {.opt_hits = &w.hits, .join_clans = rt_option_flag(o, "join-clans"),
                                 .opt_rfam = rt_option_has(o, "table") ? &w.rfam : NULL,
                                 .opt_rna3db = rt_option_has(o, "rna3db") ? &w.rna3db : NULL};
    RT_TRY(rt_family_table_build(&w.table, w.id, w.n, &w.unique, &w.similar, &sources, err));
    RT_TRY(rt_family_table_write(&w.table, rt_option_text(o, "out"), err));
    if (scanned && !rt_option_has(o, "work")) {
        snprintf(folder, sizeof folder, "%s.work", rt_option_text(o, "out"));
        rt_infernal_clean(folder);
    }
    print_summary(&w);
    rt_info("written: %s", rt_option_text(o, "out"));
done:
    close_all(&w);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "data", .type = RT_OPTION_FOLDER, .required = true, .value = "SET",
     .help = "the set that 'rnatune import' made"},
    {.name = "out", .type = RT_OPTION_OUT_FILE, .required = true, .value = "FILE",
     .help = "the table to write, families.tsv"},
    {.name = "cm", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "covariance models (Rfam.cm, gzip too): cmscan of Infernal searches the targets with them"},
    {.name = "tblout", .type = RT_OPTION_FILE, .repeated = true, .value = "FILE",
     .help = "a table of cmscan or cmsearch --tblout in place of a search; --cm then only gives the thresholds"},
    {.name = "clanin", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "Rfam.clanin: only hits of one clan compete for a place; without it all overlapping hits do"},
    {.name = "join-clans", .type = RT_OPTION_FLAG, .help = "families of one clan count as one family"},
    {.name = "table", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "Rfam's table of PDB chains (Rfam.pdb), CSV or TSV"},
    {.name = "rna3db", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "RNA3DB's table or JSON: its components are kept whole"},
    {.name = "evalue", .type = RT_OPTION_DOUBLE, .value = "E", .fallback = "0.001", .low = 0, .high = 10,
     .help = "highest E-value of a hit on a model without a gathering threshold"},
    {.name = "search-space", .type = RT_OPTION_DOUBLE, .value = "Z", .low = 1e-6, .high = 1e9, .unit = "megabases",
     .otherwise = "cmscan's own", .help = "cmscan's -Z"},
    {.name = "both-strands", .type = RT_OPTION_FLAG, .help = "hits on the reverse complement count, too"},
    {.name = "identity", .type = RT_OPTION_DOUBLE, .value = "X", .fallback = "0.8", .low = 0.6, .high = 1,
     .help = "similar: this share of the shorter sequence's residues is identical"},
    {.name = "chance", .type = RT_OPTION_DOUBLE, .value = "E", .fallback = "1e-5", .low = 0, .high = 1e9,
     .help = "similar: random sequences reach the pair's score fewer times than this; 0 asks for identity alone"},
    {.name = "min-length", .type = RT_OPTION_INT, .value = "N", .fallback = "11", .low = 1, .high = 100000,
     .help = "shorter sequences are similar to equal ones only"},
    {.name = "work", .type = RT_OPTION_OUT_FOLDER, .value = "DIR", .otherwise = "FILE.work, removed at the end",
     .help = "where cmscan's finished pieces lie, so that an interrupted search goes on; kept"},
    RT_CHOICE_THREADS,
    {0},
};

const rt_command rt_cmd_families = {
    .name = "families",
    .summary = "find every target's Rfam family, and what must stay together in a split",
    .options = OPTIONS,
    .description =
        "Gives each target its Rfam families: by cmscan (--cm), by cmscan's table (--tblout), by Rfam's own table of "
        "PDB "
        "chains (--table) or by RNA3DB (--rna3db), in this order of trust, all of them together. A hit counts when it "
        "reaches the model's gathering threshold, or --evalue where the model has none; of overlapping hits the one "
        "with "
        "the lower E-value counts. A target may have several.\n"
        "\n"
        "Then every pair of sequences is compared, and a component is what a common family or similarity connects. A "
        "component is the unit of 'rnatune split' and of 'rnatune compare --families'.",
    .output = "Counts as a table; families.tsv with a line for each target.",
    .examples =
        "  rnatune families --data set --cm Rfam.cm.gz --clanin Rfam.clanin --out families.tsv\n"
        "  rnatune families --data set --table Rfam.pdb --out families.tsv\n",
    .long_work = true,
    .run = run,
};
