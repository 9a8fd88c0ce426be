/* cmd_audit.c - rnatune audit: does anything of validation or test leak into training? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "prep/audit.h"
#include "prep/tsv.h"

enum { MAX_FILES = 64 };

/* Everything that is audited, and the files it came from. */
typedef struct {
    rt_dataset *set;
    rt_split split;
    rt_family_table families;
    rt_template_file *templates;
    rt_template_list sources;
    rt_held_out held;
    rt_augmented augmented;
    rt_pool *pool;
    rt_audit_file file[MAX_FILES];
    int64_t n_file;
    char sources_path[4400];
} inputs;

static rt_status note(inputs *x, const char *role, const char *path, rt_err *err)
{
    if (x->n_file == MAX_FILES) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "more than %d files", MAX_FILES);
    x->file[x->n_file++] = (rt_audit_file){role, path};
    return RT_OK;
}

static rt_status open_templates(inputs *x, rt_audit_input *in, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    const char *path = rt_option_text(o, "templates");
    RT_TRY(rt_template_file_open(&x->templates, path, err));
    RT_TRY(note(x, "templates", path, err));
    in->opt_templates = x->templates;
    snprintf(x->sources_path, sizeof x->sources_path, "%s.sources.tsv", path);
    if (rt_option_has(o, "template-sources"))
        snprintf(x->sources_path, sizeof x->sources_path, "%s", rt_option_text(o, "template-sources"));
    if (!rt_file_exists(x->sources_path)) {
        rt_warn("%s is not there: the templates' dates cannot be proved", x->sources_path);
        return RT_OK;
    }
    RT_TRY(rt_template_list_read(&x->sources, x->sources_path, err));
    RT_TRY(note(x, "template-sources", x->sources_path, err));
    in->opt_sources = &x->sources;
done:
    return status;
}

static rt_status open_inputs(inputs *x, rt_audit_input *in, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_dataset_open(&x->set, rt_option_text(o, "data"), err));
    RT_TRY(rt_split_read(&x->split, rt_option_text(o, "split"), err));
    RT_TRY(rt_family_table_read(&x->families, rt_option_text(o, "families"), err));
    RT_TRY(note(x, "families", rt_option_text(o, "families"), err));
    *in = (rt_audit_input){.set = x->set, .split = &x->split, .families = &x->families,
                           .opt_cutoff = rt_option_text(o, "cutoff"), .identity = rt_option_double(o, "identity"),
                           .chance = rt_option_double(o, "chance"), .tm = rt_option_double(o, "tm"),
                           .tm_residues = rt_option_int(o, "tm-residues"),
                               .template_tm = rt_option_double(o, "template-tm")};
    if (in->opt_cutoff && !rt_split_is_date(in->opt_cutoff))
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "--cutoff '%s' is no date such as 2022-05-27", in->opt_cutoff));
    if (rt_option_has(o, "templates")) RT_TRY(open_templates(x, in, o, err));
    for (int i = 0; i < rt_option_count(o, "hold-out"); i++) {
        RT_TRY(rt_held_out_read(&x->held, rt_option_at(o, "hold-out", i), err));
        RT_TRY(note(x, "hold-out", rt_option_at(o, "hold-out", i), err));
        in->opt_held = &x->held;
    }
    if (rt_option_has(o, "augmented")) {
        RT_TRY(rt_augmented_read(&x->augmented, rt_option_text(o, "augmented"), err));
        RT_TRY(note(x, "augmented", rt_option_text(o, "augmented"), err));
        in->opt_augmented = &x->augmented;
    }
    RT_TRY(rt_pool_create(&x->pool, rt_choice_threads(o), err));
done:
    return status;
}

static void close_inputs(inputs *x)
{
    rt_pool_free(x->pool);
    rt_augmented_free_members(&x->augmented);
    rt_held_out_free_members(&x->held);
    rt_template_list_free_members(&x->sources);
    rt_template_file_close(x->templates);
    rt_family_table_free_members(&x->families);
    rt_split_free_members(&x->split);
    rt_dataset_close(x->set);
}

static void print_leaks(const rt_audit *audit)
{
    printf("kind\ta\tpart_a\tb\tpart_b\tvalue\tlimit\tdetail\n");
    for (int64_t i = 0; i < audit->n_leak; i++) {
        const rt_leak *l = &audit->leak[i];
        printf("%s\t%s\t%s\t%s\t%s", rt_leak_name(l->kind), l->a, l->part_a, l->b, l->part_b);
        rt_tsv_print_number(stdout, l->value, "%.4f");
        rt_tsv_print_number(stdout, l->limit, "%.4f");
        printf("\t%s\n", l->detail);
    }
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    const char *split = rt_option_text(o, "split");
    inputs *x = NULL;
    rt_audit_input in;
    rt_audit audit = {0};
    x = calloc(1, sizeof *x);
    if (!x) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    RT_TRY(open_inputs(x, &in, o, err));
    RT_TRY(rt_audit_run(&audit, &in, x->pool, err));
    RT_TRY(rt_audit_write(&audit, &in, split, x->file, x->n_file, rt_version_text(), err));
    print_leaks(&audit);
    for (int k = 0; k < RT_LEAK_KINDS; k++) {
        const rt_audit_check_result *c = &audit.check[k];
        if (c->not_checked && !c->n_leak) rt_info("%-10s not checked: %s", rt_leak_name((rt_leak_kind)k),
                                                  c->not_checked);
        else rt_info("%-10s %lld leaks (%lld checked%s%s)", rt_leak_name((rt_leak_kind)k), (long long)c->n_leak,
                     (long long)c->n_checked, c->not_checked ? "; not in full: " : "", c->not_checked ? c->not_checked : "");
    }
    rt_info("%s: the split %s; written: %s.audit.json", split, audit.n_leak ? "LEAKS" : "holds", split);
    cli->check_failed = audit.n_leak > 0;
done:
    rt_audit_free_members(&audit);
    close_inputs(x);
    free(x);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "data", .type = RT_OPTION_FOLDER, .required = true, .value = "SET",
     .help = "the set that 'rnatune import' made"},
    {.name = "split", .type = RT_OPTION_FILE, .required = true, .value = "FILE",
     .help = "from 'rnatune split', or made by hand"},
    {.name = "families", .type = RT_OPTION_FILE, .required = true, .value = "FILE", .help = "from 'rnatune families'"},
    {.name = "templates", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "templates that training will use, .pt or CSV"},
    {.name = "template-sources", .type = RT_OPTION_FILE, .value = "FILE",
     .otherwise = "beside the templates, .sources.tsv",
     .help = "where they came from and when, as 'rnatune templates' writes it"},
    {.name = "cutoff", .type = RT_OPTION_TEXT, .value = "DATE",
     .help = "no template may be newer (YYYY-MM-DD); each target's own date holds anyway"},
    {.name = "hold-out", .type = RT_OPTION_FILE, .repeated = true, .value = "FILE",
     .help = "test_sequences.csv, sample_submission.csv, validation_sequences.csv: none of it may train"},
    {.name = "augmented", .type = RT_OPTION_FILE, .value = "FILE", .help = "the record of augmented examples"},
    {.name = "identity", .type = RT_OPTION_DOUBLE, .value = "X", .fallback = "0.8", .low = 0.6, .high = 1,
     .help = "near-identical: this share of the shorter sequence's residues is identical"},
    {.name = "chance", .type = RT_OPTION_DOUBLE, .value = "E", .fallback = "1e-5", .low = 0, .high = 1e9,
     .help = "near-identical: random sequences reach the pair's score fewer times than this"},
    {.name = "tm", .type = RT_OPTION_DOUBLE, .value = "X", .fallback = "0.45", .low = 0.1, .high = 1,
     .help = "a close 3D copy: TM-score over the held-out structure's length"},
    {.name = "tm-residues", .type = RT_OPTION_INT, .value = "N", .fallback = "30", .low = 3, .high = 100000,
     .help = "structures with fewer resolved residues are bare helices and not compared in 3D"},
    {.name = "template-tm", .type = RT_OPTION_DOUBLE, .value = "X", .fallback = "0.95", .low = 0.3, .high = 1,
     .help = "a template that matches the answer too well: TM-score by residue number"},
    RT_CHOICE_THREADS,
    {0},
};

const rt_command rt_cmd_audit = {
    .name = "audit",
    .summary = "prove that a split leaks nothing, or list what leaks",
    .options = OPTIONS,
    .description =
        "Looks for seven kinds of leaks: a family in two parts; a near-identical sequence in two parts; a close 3D "
        "copy in "
        "two parts; a template that is the target's own structure or matches the answer too well; a template dated "
        "after "
        "the cut-off; a held-out target among the training targets, as itself, augmented or with masked coordinates; "
        "an "
        "augmented sequence too near to a validation or test target.\n"
        "\n"
        "The verdict is written beside the split (FILE.audit.json) with the hashes of all that was looked at. Training "
        "refuses a split whose audit is missing, found leaks, or is not of the set, split, templates and augmented "
        "examples that it is given.",
    .output = "A line for each leak. Exit status 3 when there is one.",
    .examples =
        "  rnatune audit --data set --split split.tsv --families families.tsv --hold-out test_sequences.csv \\\n"
        "      --hold-out sample_submission.csv --templates template_features.pt\n",
    .long_work = true,
    .run = run,
};
