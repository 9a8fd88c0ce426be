/* cmd_templates.c - rnatune templates: template features that do not hold the answer */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/commands.h"
#include "prep/split.h"
#include "prep/templates.h"

static rt_status check_options(const rt_options *o, rt_err *err)
{
    const char *cutoff = rt_option_text(o, "cutoff");
    if (cutoff && !rt_split_is_date(cutoff))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--cutoff '%s' is no date such as 2022-05-27", cutoff);
    if (rt_option_has(o, "csv") == rt_option_has(o, "structures")) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "coordinates come from --csv or from --structures: one of them is needed");
        return RT_ERR_USAGE;
    }
    if (rt_option_has(o, "structures") && !rt_option_has(o, "hits"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--structures needs --hits: which chain fits where");
    return RT_OK;
}

static void print_counts(const rt_templates_counts *c)
{
    printf("what\tcount\ntargets\t%lld\nkept\t%lld\nown_structure\t%lld\nafter_cutoff\t%lld\nno_date\t%lld\n"
           "matches_answer\t%lld\nno_file\t%lld\nno_match\t%lld\ntoo_many\t%lld\ntargets_not_in_set\t%lld\n",
           (long long)c->n_target, (long long)c->n_kept, (long long)c->n_own, (long long)c->n_late,
               (long long)c->n_undated,
           (long long)c->n_answer, (long long)c->n_no_file, (long long)c->n_no_match, (long long)c->n_too_many,
           (long long)c->n_unknown);
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    rt_dataset *set = NULL;
    rt_template_file *csv = NULL;
    rt_template_hits hits = {0};
    rt_release_dates dates = {0};
    rt_template_list list = {0};
    rt_templates_counts counts;
    char path[4400];
    RT_TRY(check_options(o, err));
    RT_TRY(rt_dataset_open(&set, rt_option_text(o, "data"), err));
    rt_templates_options options = {.set = set, .opt_structures = rt_option_text(o, "structures"),
                                    .opt_cutoff = rt_option_text(o, "cutoff"), .limit = rt_option_int(o, "max"),
                                    .template_tm = rt_option_double(o, "template-tm"),
                                    .columns = rt_option_int(o, "columns")};
    if (rt_option_has(o, "csv")) {
        RT_TRY(rt_template_file_open(&csv, rt_option_text(o, "csv"), err));
        options.opt_templates = csv;
    }
    if (rt_option_has(o, "hits")) {
        RT_TRY(rt_template_hits_read(&hits, rt_option_text(o, "hits"), err));
        options.opt_hits = &hits;
    }
    if (rt_option_has(o, "dates")) {
        RT_TRY(rt_release_dates_read(&dates, rt_option_text(o, "dates"), err));
        options.opt_dates = &dates;
    } else {
        rt_warn("no --dates: a template of unknown date is dropped wherever there is a cut-off");
    }
    if (csv && !options.opt_hits)
        rt_warn("no --hits: where the templates come from is unknown, and no audit can prove that they are old enough");
    RT_TRY(rt_templates_write(rt_option_text(o, "out"), &list, &counts, &options, err));
    snprintf(path, sizeof path, "%s.sources.tsv", rt_option_text(o, "out"));
    RT_TRY(rt_template_list_write(&list, path, err));
    print_counts(&counts);
    rt_info("written: %s and %s", rt_option_text(o, "out"), path);
done:
    rt_template_list_free_members(&list);
    rt_release_dates_free_members(&dates);
    rt_template_hits_free_members(&hits);
    rt_template_file_close(csv);
    rt_dataset_close(set);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "data", .type = RT_OPTION_FOLDER, .required = true, .value = "SET",
     .help = "the set that 'rnatune import' made"},
    {.name = "out", .type = RT_OPTION_OUT_FILE, .required = true, .value = "FILE", .help = "template_features.pt"},
    {.name = "csv", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "templates as a submission table, x_1 y_1 z_1 ... x_40, or a .pt"},
    {.name = "hits", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "MMseqs2's hits: query, target, evalue, qstart, qend, tstart, tend, qaln, taln; with --csv: the k-th "
             "distinct "
             "chain of a target is its k-th template"},
    {.name = "structures", .type = RT_OPTION_FOLDER, .value = "DIR",
     .help = "the hits' structures, 7qr4.cif or .pdb, .gz too"},
    {.name = "dates", .type = RT_OPTION_FILE, .value = "FILE", .help = "CSV of PDB codes and release dates"},
    {.name = "cutoff", .type = RT_OPTION_TEXT, .value = "DATE",
     .help = "drop templates released after it (YYYY-MM-DD); those of the target's own date or later are dropped "
             "anyway"},
    {.name = "template-tm", .type = RT_OPTION_DOUBLE, .value = "X", .fallback = "0.95", .low = 0.3, .high = 1,
     .help = "drop templates with this TM-score to the answer"},
    {.name = "max", .type = RT_OPTION_INT, .value = "N", .fallback = "40", .low = 1, .high = 1000,
     .help = "templates to keep of a target, lowest E-value first"},
    {.name = "columns", .type = RT_OPTION_INT, .value = "N", .fallback = "0", .low = 0, .high = 1000,
     .help = "give every target so many, empty ones all NaN (the reference's training needs 40); 0: as many as it has"},
    {0},
};

const rt_command rt_cmd_templates = {
    .name = "templates",
    .summary = "make template features, without those that hold the answer",
    .options = OPTIONS,
    .description =
        "Takes C1' coordinates from the structures of MMseqs2's hits, or from a template table, and writes the "
        "reference's "
        "template_features.pt. Dropped are templates of the target's own PDB entry, templates released on the target's "
        "date or later or after --cutoff, and templates that match the target's known structure too well. A residue "
        "that "
        "a template lacks is NaN, which predict and training mask.\n"
        "\n"
        "FILE.sources.tsv lists every template: where it is from, when it was released, and why it was dropped. "
        "'rnatune "
        "audit' reads it.",
    .output = "Counts as a table; FILE and FILE.sources.tsv.",
    .examples =
        "  rnatune templates --data set --hits hits.m8 --structures PDB_RNA \\\n"
        "      --dates pdb_release_dates_NA.csv --out template_features.pt\n",
    .long_work = true,
    .run = run,
};
