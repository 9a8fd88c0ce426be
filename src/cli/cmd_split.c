/* cmd_split.c - rnatune split: whole components to train, validation and test */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "prep/held_out.h"
#include "prep/split.h"

/* out_held (targets): its name is that of a held-out target, or its sequence is equal or similar to one's. */
static rt_status find_held(uint8_t *out_held, const rt_dataset *set, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    rt_held_out held = {0};
    rt_unique unique = {0};
    rt_similar similar = {0};
    rt_pool *pool = NULL;
    const char **text = NULL;
    uint8_t *parts = NULL;
    int64_t n = rt_dataset_count(set), count = 0;
    for (int i = 0; i < rt_option_count(o, "hold-out"); i++) RT_TRY(rt_held_out_read(&held,
        rt_option_at(o, "hold-out", i), err));
    RT_TRY_ALLOC(text, n + held.n);
    for (int64_t i = 0; i < n; i++) text[i] = rt_dataset_at(set, i)->sequence;
    for (int64_t i = 0; i < held.n; i++) text[n + i] = held.sequence[i];
    RT_TRY(rt_unique_build(&unique, text, n + held.n, err));
    RT_TRY_ALLOC(parts, unique.n);
    for (int64_t i = 0; i < n + held.n; i++) parts[unique.of[i]] |= i < n ? 1 : 2;
    rt_similar_options options = {.identity = rt_option_double(o, "identity"),
                                  .max_chance = rt_option_double(o, "chance"),
                                  .min_length = RT_SIMILAR_MIN_LENGTH, .opt_parts = parts};
    RT_TRY(rt_pool_create(&pool, rt_choice_threads(o), err));
    RT_TRY(rt_similar_find(&similar, &unique, &options, pool, err));
    for (int64_t u = 0; u < unique.n; u++) parts[u] = parts[u] & 2 ? 4 : 0;       /* 4: equal, 8: similar */
    for (int64_t p = 0; p < similar.n_pair; p++) {
        const rt_similar_pair *pair = &similar.pair[p];
        if (parts[pair->a] & 4) parts[pair->b] |= 8;
        if (parts[pair->b] & 4) parts[pair->a] |= 8;
    }
    for (int64_t i = 0; i < n; i++) out_held[i] = parts[unique.of[i]] != 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < held.n && !out_held[i]; k++)
            out_held[i] = rt_chain_same(rt_dataset_at(set, i)->id, held.id[k]);
    for (int64_t i = 0; i < n; i++) count += out_held[i];
    rt_info("%lld held-out targets; %lld of the set are among them or similar to one", (long long)held.n,
            (long long)count);
done:
    free(text);
    free(parts);
    rt_similar_free_members(&similar);
    rt_unique_free_members(&unique);
    rt_pool_free(pool);
    rt_held_out_free_members(&held);
    return status;
}

static rt_status show(const rt_split *split, const rt_dataset *set, const double *share, rt_err *err)
{
    rt_text text = {0};
    rt_split_print(&text, split, set, share);
    rt_status status = text.failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory") : RT_OK;
    if (status == RT_OK) fputs(text.data, stdout);
    rt_text_free(&text);
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    rt_dataset *set = NULL;
    rt_family_table families = {0};
    rt_chain_table rna3db = {0};
    rt_split split = {0};
    uint8_t *held = NULL;
    char hash[RT_HASH_TEXT];
    rt_err why;
    rt_split_options options = {.seed = (uint64_t)rt_option_int(o, "seed"), .opt_cutoff = rt_option_text(o, "cutoff")};
    if (rt_split_read_sizes(options.share, rt_option_text(o, "sizes"), &why) != RT_OK) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "--sizes %s", why.what);
        return rt_hint(err, "%s", why.hint);
    }
    if (options.opt_cutoff && !rt_split_is_date(options.opt_cutoff))
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "--cutoff '%s' is no date such as 2022-05-27", options.opt_cutoff));
    RT_TRY(rt_dataset_open(&set, rt_option_text(o, "data"), err));
    RT_TRY(rt_family_table_read(&families, rt_option_text(o, "families"), err));
    RT_TRY(rt_hash_file(hash, NULL, rt_option_text(o, "families"), err));
    for (int i = 0; i < rt_option_count(o, "join"); i++) {
        int64_t joined;
        RT_TRY(rt_family_table_join(&families, &joined, rt_option_at(o, "join", i), err));
        rt_info("%s: %lld components joined to others", rt_option_at(o, "join", i), (long long)joined);
    }
    options.families_hash = hash;
    if (rt_option_has(o, "rna3db")) {
        RT_TRY(rt_chain_table_read_rna3db(&rna3db, rt_option_text(o, "rna3db"), err));
        options.opt_rna3db = &rna3db;
    }
    RT_TRY_ALLOC(held, rt_dataset_count(set));
    if (rt_option_count(o, "hold-out")) {
        RT_TRY(find_held(held, set, o, err));
        options.opt_held = held;
    }
    RT_TRY(rt_split_plan(&split, set, &families, &options, err));
    RT_TRY(rt_split_write(&split, rt_option_text(o, "out"), err));
    RT_TRY(show(&split, set, options.share, err));
    rt_info("written: %s (%s)", rt_option_text(o, "out"), split.made_from);
done:
    free(held);
    rt_split_free_members(&split);
    rt_chain_table_free_members(&rna3db);
    rt_family_table_free_members(&families);
    rt_dataset_close(set);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "data", .type = RT_OPTION_FOLDER, .required = true, .value = "SET",
     .help = "the set that 'rnatune import' made"},
    {.name = "families", .type = RT_OPTION_FILE, .required = true, .value = "FILE", .help = "from 'rnatune families'"},
    {.name = "out", .type = RT_OPTION_OUT_FILE, .required = true, .value = "FILE",
     .help = "the table to write, split.tsv"},
    {.name = "sizes", .type = RT_OPTION_TEXT, .value = "T/V/T", .fallback = "80/10/10",
     .help = "shares of train, validation and test, in targets"},
    {.name = "seed", .type = RT_OPTION_INT, .value = "N", .fallback = "1", .low = 0, .high = 9e15,
     .help = "orders components of the same size"},
    {.name = "cutoff", .type = RT_OPTION_TEXT, .value = "DATE",
     .help = "targets dated after it, or not dated at all, do not train (YYYY-MM-DD)"},
    {.name = "hold-out", .type = RT_OPTION_FILE, .repeated = true, .value = "FILE",
     .help = "test_sequences.csv, sample_submission.csv, ...: no component trains that has a target of it, or one "
             "similar"},
    {.name = "join", .type = RT_OPTION_FILE, .repeated = true, .value = "FILE",
     .help = "what 'rnatune audit' printed: the components of each line's targets a and b become one"},
    {.name = "rna3db", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "RNA3DB's table or JSON: its published split; chains that it lacks are in no part"},
    {.name = "identity", .type = RT_OPTION_DOUBLE, .value = "X", .fallback = "0.8", .low = 0.6, .high = 1,
     .help = "similar to a held-out target: as 'rnatune families'"},
    {.name = "chance", .type = RT_OPTION_DOUBLE, .value = "E", .fallback = "1e-5", .low = 0, .high = 1e9,
     .help = "similar to a held-out target: as 'rnatune families'"},
    RT_CHOICE_THREADS,
    {0},
};

const rt_command rt_cmd_split = {
    .name = "split",
    .summary = "divide targets into train, validation and test without dividing a component",
    .options = OPTIONS,
    .description =
        "Places whole components of families.tsv. A component with a target of the competition's validation table "
        "goes to "
        "validation, of its test table to test. The others go, largest first, where the numbers of targets, their "
        "lengths "
        "and the sizes of components then come nearest to --sizes. The same set, families, options and seed give the "
        "same "
        "bytes.\n"
        "\n"
        "When 'rnatune audit' finds 3D copies across the split, give its list to --join and split again, until it "
        "holds.\n"
        "\n"
        "A target that --cutoff keeps from training, of a component that trains, is in no part ('none', with a note).",
    .output = "A line for each part, then one for each component of more than a tenth of all targets.",
    .examples = "  rnatune split --data set --families families.tsv --cutoff 2022-05-27 --out split.tsv\n"
                "  rnatune audit --data set --families families.tsv --split split.tsv >leaks.tsv ||\n"
                "      rnatune split --data set --families families.tsv --join leaks.tsv --out split.tsv\n",
    .long_work = true,
    .run = run,
};
