/* cmd_pairs.c - rnatune pairs: base pairs of sequences and of structures */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "prep/fasta.h"
#include "prep/pairs_3d.h"
#include "prep/pairs_print.h"
#include "prep/pairs_vienna.h"
#include "prep/partition.h"

/* Pairs below this are too few to move an unpaired share or an expected accuracy. */
static const double LISTED = 1e-6;

typedef struct {
    const char *method, *format, *structure;
    double min_prob, gamma;
    rt_loop_model model;
} task;

/* Which structure the formats of one structure show. */
static rt_status choose_structure(int32_t *out_partner, double *out_score, const task *t, const rt_pairs *pairs, rt_err *err)
{
    *out_score = NAN;
    if (!strcmp(t->structure, "mea")) return rt_pairs_mea(out_partner, out_score, pairs, t->gamma, err);
    if (!strcmp(t->structure, "mfe") && pairs->best) {
        memcpy(out_partner, pairs->best, (size_t)pairs->length * sizeof *out_partner);
        *out_score = pairs->best_score;
        return RT_OK;
    }
    rt_pairs_threshold(out_partner, pairs, t->min_prob);
    return RT_OK;
}

static rt_status print(const task *t, const char *name, const char *sequence, const rt_pairs *pairs, rt_err *err)
{
    rt_status status = RT_OK;
    rt_text text = {0};
    int32_t *partner = NULL;
    double score;
    if (!strcmp(t->format, "tsv")) {
        rt_pairs_print_tsv(&text, name, pairs, t->min_prob);
    } else {
        RT_TRY_ALLOC(partner, pairs->length);
        RT_TRY(choose_structure(partner, &score, t, pairs, err));
        if (!strcmp(t->format, "dot")) RT_TRY(rt_pairs_print_dot(&text, name, sequence, partner, score, err));
        if (!strcmp(t->format, "bpseq")) rt_pairs_print_bpseq(&text, name, sequence, partner, pairs->length);
        if (!strcmp(t->format, "ct")) rt_pairs_print_ct(&text, name, sequence, partner, pairs->length);
    }
    if (text.failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    else if (text.data) fputs(text.data, stdout);
done:
    free(partner);
    rt_text_free(&text);
    return status;
}

static rt_status fold_sequences(const task *t, const char *path, rt_err *err)
{
    rt_fasta fasta;
    rt_status status = rt_fasta_read(&fasta, path, err);
    for (int64_t k = 0; k < fasta.n && status == RT_OK; k++) {
        const rt_fasta_record *record = &fasta.record[k];
        rt_pairs pairs;
        if (rt_stop_requested()) status = rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped after %lld sequences", (long long)k);
        else if (!strcmp(t->method, "vienna"))
            status = rt_pairs_vienna_fold(&pairs, record->sequence, record->length, LISTED, err);
        else status = rt_partition_fold(&pairs, &t->model, record->sequence, record->length, LISTED, err);
        if (status != RT_OK) break;
        status = print(t, record->name, record->sequence, &pairs, err);
        rt_pairs_free_members(&pairs);
    }
    rt_fasta_free_members(&fasta);
    return status;
}

static rt_status read_structure(const task *t, const char *path, rt_err *err)
{
    rt_pairs_3d found;
    rt_status status = rt_pairs_3d_read(&found, path, err);
    if (status == RT_OK && !strcmp(t->format, "contacts")) {
        rt_text text = {0};
        rt_pairs_3d_print(&text, &found);
        if (text.failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
        else fputs(text.data, stdout);
        rt_text_free(&text);
    }
    for (int64_t c = 0; c < found.n_chain && status == RT_OK && strcmp(t->format, "contacts") != 0; c++)
        status = print(t, found.chain[c].name, found.chain[c].sequence, &found.chain[c].pairs, err);
    rt_pairs_3d_free_members(&found);
    return status;
}

static rt_status check_options(task *t, const rt_options *o, rt_err *err)
{
    bool from_structure = !strcmp(t->method, "3d");
    if (from_structure != rt_option_has(o, "structure") || from_structure == rt_option_has(o, "fasta")) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "--method %s reads %s", t->method,
                from_structure ? "--structure alone" : "--fasta alone");
        return rt_hint(err, "'--method 3d --structure entry.cif', or '--method eternafold --fasta rna.fa'");
    }
    if (!from_structure && !strcmp(t->format, "contacts"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--format contacts is of --method 3d");
    if (from_structure && rt_option_given(o, "best"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--best is not of --method 3d: its pairs are what is there");
    if (from_structure) t->structure = "probable";
    return RT_OK;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const rt_options *o = cli->options;
    task t = {.method = rt_option_text(o, "method"), .format = rt_option_text(o, "format"),
              .structure = rt_option_text(o, "best"), .min_prob = rt_option_double(o, "min-prob"),
              .gamma = rt_option_double(o, "gamma")};
    rt_status status = check_options(&t, o, err);
    if (status != RT_OK) return status;
    if (!strcmp(t.method, "vienna") && !rt_pairs_vienna_here()) {
        rt_pairs none;
        return rt_pairs_vienna_fold(&none, "", 0, 0, err);
    }
    if (!strcmp(t.method, "eternafold"))
        status = rt_loop_model_load(&t.model, rt_option_text(o, "params"), err);
    if (status != RT_OK) return status;
    if (!strcmp(t.format, "tsv")) puts("id\ti\tj\tp");
    if (!strcmp(t.method, "3d")) return read_structure(&t, rt_option_text(o, "structure"), err);
    return fold_sequences(&t, rt_option_text(o, "fasta"), err);
}

static const rt_option OPTIONS[] = {
    {.name = "method", .type = RT_OPTION_CHOICE, .choices = "eternafold|vienna|3d", .fallback = "eternafold",
     .help = "EternaFold's model, ViennaRNA's energies (when built with it), or the pairs of a structure's coordinates"},
    {.name = "fasta", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "--structure",
     .help = "sequences, plain or gzip"},
    {.name = "structure", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "--fasta",
     .help = "mmCIF or PDB file, for --method 3d"},
    {.name = "min-prob", .type = RT_OPTION_DOUBLE, .value = "P", .fallback = "0.01", .low = 0, .high = 1,
     .help = "leave out pairs below this probability; those below 1e-6 are never listed"},
    {.name = "format", .type = RT_OPTION_CHOICE, .choices = "tsv|dot|bpseq|ct|contacts", .fallback = "tsv",
     .help = "all pairs as a table, one structure as dot-bracket, bpseq or ct, or every contact of a structure"},
    {.name = "best", .type = RT_OPTION_CHOICE, .choices = "mea|mfe|probable", .fallback = "mea",
     .help = "the structure to print: of maximum expected accuracy, the single most favourable one, or every pair of "
             "at least --min-prob"},
    {.name = "gamma", .type = RT_OPTION_DOUBLE, .value = "G", .fallback = "1", .low = 0.001, .high = 1000,
     .help = "how much a right pair counts in the expected accuracy"},
    {.name = "params", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "EternaFold's own",
     .help = "other parameters of EternaFold's model"},
    {0},
};

const rt_command rt_cmd_pairs = {
    .name = "pairs",
    .summary = "base pairs of sequences, with probabilities, or of structures",
    .options = OPTIONS,
    .description =
        "Probabilities are of the whole ensemble of structures without pseudoknots, by EternaFold's parameters or by "
        "ViennaRNA's energies at 37 C. Pairs of a structure are the canonical ones of its coordinates; --format "
        "contacts lists every pair with its Leontis-Westhof class and hydrogen bonds, and every stack. Residues count "
        "from 1 in the sequence that was given, or in the chain as it was deposited.",
    .output = "TSV with the columns id, i, j, p (i < j), or what --format says.",
    .examples =
        "  rnatune pairs --fasta rna.fa --min-prob 0.95\n"
        "  rnatune pairs --fasta rna.fa --method vienna --format dot --best mfe\n"
        "  rnatune pairs --method 3d --structure 1ehz.cif.gz --format contacts\n",
    .long_work = true,
    .run = run,
};
