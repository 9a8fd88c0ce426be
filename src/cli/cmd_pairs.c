/* cmd_pairs.c - rnatune pairs: base pairs of sequences and of structures, and how well they agree */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/pairs_agreement.h"
#include "cli/print_json.h"
#include "prep/fasta.h"
#include "prep/pairs_3d.h"
#include "prep/pairs_print.h"
#include "prep/predictor.h"

/* Pairs below this are too few to move an unpaired share or an expected accuracy. */
static const double LISTED = 1e-6;
enum { BATCH = 256 };   /* sequences that are predicted before the first of them is printed */

typedef struct {
    const rt_options *options;
    const char *method, *format, *structure;
    double min_prob, gamma;
    rt_writer *writer;           /* of --out; NULL: stdout */
    rt_text table;               /* --json: what it is made of */
    bool json, begun;            /* the header of the table is out */
} task;

static const char *const NUMBERS[] = {"i", "j", "p", NULL};

static rt_status put(task *t, const rt_text *text, rt_err *err)
{
    if (text->failed) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    if (!text->data) return RT_OK;
    if (t->json) rt_text_add_bytes(&t->table, text->data, text->length);
    else fwrite(text->data, 1, (size_t)text->length, t->writer ? rt_writer_stream(t->writer) : stdout);
    return RT_OK;
}

static rt_status put_header(task *t, rt_err *err)
{
    const rt_text header = {.data = (char *)(uintptr_t)"id\ti\tj\tp\n", .length = 9};
    if (t->begun || strcmp(t->format, "tsv") != 0) return RT_OK;
    t->begun = true;
    return put(t, &header, err);
}

/* Which structure the formats of one structure show. */
static rt_status choose_structure(int32_t *out_partner, double *out_score, const task *t, const rt_pairs *pairs,
                                  rt_err *err)
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

static rt_status print(task *t, const char *name, const char *sequence, const rt_pairs *pairs, rt_err *err)
{
    rt_status status = RT_OK;
    rt_text text = {0};
    int32_t *partner = NULL;
    double score;
    RT_TRY(put_header(t, err));
    if (!strcmp(t->format, "tsv")) {
        rt_pairs_print_tsv(&text, name, pairs, t->min_prob);
    } else {
        RT_TRY_ALLOC(partner, pairs->length);
        RT_TRY(choose_structure(partner, &score, t, pairs, err));
        if (!strcmp(t->format, "dot")) RT_TRY(rt_pairs_print_dot(&text, name, sequence, partner, score, err));
        if (!strcmp(t->format, "bpseq")) rt_pairs_print_bpseq(&text, name, sequence, partner, pairs->length);
        if (!strcmp(t->format, "ct")) rt_pairs_print_ct(&text, name, sequence, partner, pairs->length);
    }
    status = put(t, &text, err);
done:
    free(partner);
    rt_text_free(&text);
    return status;
}

/* ---- sequences --------------------------------------------------------------------------------------------------- */

static rt_status open_predictor(rt_predictor **ret_predictor, const task *t, rt_err *err)
{
    const rt_options *o = t->options;
    rt_predictor_options options = {.opt_params = rt_option_text(o, "params"), .opt_models = rt_option_text(o, "cm"),
                                    .opt_cache = rt_option_text(o, "cache"), .min_prob = LISTED};
    RT_REQUIRE(rt_predict_method_find(&options.method, t->method));
    return rt_predictor_open(ret_predictor, &options, err);
}

/* A consensus has pairs only where the family is known. */
static rt_status check_families(const task *t, const rt_pairs *pairs, int64_t n, rt_err *err)
{
    const char *models = rt_option_text(t->options, "cm");
    int64_t bare = 0;
    for (int64_t k = 0; k < n; k++) bare += !pairs[k].n;
    if (bare == n) {
        rt_fail(err, RT_ERR_MISMATCH, models, 0, "no sequence belongs to a family of these models");
        return rt_hint(err, "'rnatune families' says which families are found; Rfam.cm holds all of Rfam");
    }
    if (bare)
        rt_warn("%lld of %lld sequences belong to no family of %s: they have no pairs", (long long)bare, (long long)n,
                models);
    return RT_OK;
}

static rt_status fold_batch(task *t, rt_predictor *predictor, const rt_fasta_record *record, int64_t n, rt_pool *pool,
                            rt_err *err)
{
    const char **sequence = rt_alloc(n, sizeof *sequence, err);
    rt_pairs *pairs = rt_alloc(n, sizeof *pairs, err);
    rt_status status = sequence && pairs ? RT_OK : RT_ERR_MEMORY;
    for (int64_t k = 0; k < n && status == RT_OK; k++) sequence[k] = record[k].sequence;
    if (status == RT_OK) status = rt_predictor_fold_all(pairs, NULL, predictor, sequence, n, pool, err);
    if (status == RT_OK && !strcmp(t->method, "cm")) status = check_families(t, pairs, n, err);
    for (int64_t k = 0; k < n && status == RT_OK; k++)
        status = print(t, record[k].name, record[k].sequence, &pairs[k], err);
    for (int64_t k = 0; k < n && pairs; k++) rt_pairs_free_members(&pairs[k]);
    free(pairs);
    free(sequence);
    return status;
}

static rt_status fold_sequences(task *t, rt_err *err)
{
    rt_status status = RT_OK;
    rt_fasta fasta = {0};
    rt_predictor *predictor = NULL;
    rt_pool *pool = NULL;
    RT_TRY(open_predictor(&predictor, t, err));
    RT_TRY(rt_pool_create(&pool, rt_choice_threads(t->options), err));
    RT_TRY(rt_fasta_read(&fasta, rt_option_text(t->options, "fasta"), err));
    int64_t size = strcmp(t->method, "cm") ? BATCH : fasta.n;   /* Infernal is started once */
    for (int64_t k = 0; k < fasta.n; k += size)
        RT_TRY(fold_batch(t, predictor, fasta.record + k, fasta.n - k < size ? fasta.n - k : size, pool, err));
done:
    rt_fasta_free_members(&fasta);
    rt_predictor_close(predictor);
    rt_pool_free(pool);
    return status;
}

/* ---- structures -------------------------------------------------------------------------------------------------- */

static rt_status read_structure(task *t, rt_err *err)
{
    rt_pairs_3d found;
    rt_status status = rt_pairs_3d_read(&found, rt_option_text(t->options, "structure"), err);
    if (status == RT_OK && !strcmp(t->format, "contacts")) {
        rt_text text = {0};
        rt_pairs_3d_print(&text, &found);
        status = put(t, &text, err);
        rt_text_free(&text);
    }
    for (int64_t c = 0; c < found.n_chain && status == RT_OK && strcmp(t->format, "contacts") != 0; c++)
        status = print(t, found.chain[c].name, found.chain[c].sequence, &found.chain[c].pairs, err);
    rt_pairs_3d_free_members(&found);
    return status;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static rt_status check_source(const task *t, rt_err *err)
{
    const rt_options *o = t->options;
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
    if (!strcmp(t->method, "cm") && rt_option_given(o, "best") && !strcmp(t->structure, "mfe"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--best mfe is not of --method cm: a consensus has no energy");
    if (rt_option_given(o, "best") && !strcmp(t->format, "tsv"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--best is of one structure (--format dot, bpseq or ct): tsv lists all pairs");
    if (rt_option_given(o, "gamma") && (from_structure || !strcmp(t->format, "tsv") || strcmp(t->structure, "mea") != 0))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--gamma is of --best mea, in --format dot, bpseq or ct");
    return RT_OK;
}

static rt_status check_options(task *t, rt_err *err)
{
    const rt_options *o = t->options;
    bool from_structure = !strcmp(t->method, "3d"), compares = rt_option_count(o, "compare") > 0;
    static const char *const NOT_WITH_COMPARE[] = {"fasta", "structure", "method", "format", "best", "gamma"};
    for (int k = 0; compares && k < 6; k++)
        if (rt_option_given(o, NOT_WITH_COMPARE[k]))
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s is not of --compare, which takes every method",
                           NOT_WITH_COMPARE[k]);
    if (!compares && rt_option_given(o, "max-length"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--max-length is of --compare");
    rt_status status = compares ? RT_OK : check_source(t, err);
    if (status != RT_OK) return status;
    if (t->json && strcmp(t->format, "tsv") != 0 && strcmp(t->format, "contacts") != 0)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--json is of the tables: --format tsv and contacts, and --compare");
    if (!compares && t->min_prob > 0 && t->min_prob < LISTED) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "--min-prob %g: pairs below %g are never listed", t->min_prob, LISTED);
        return rt_hint(err, "--min-prob 0 lists all that are");
    }
    if (t->json && rt_option_has(o, "out"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--json goes to stdout: not with --out");
    if (from_structure) t->structure = "probable";
    return RT_OK;
}

static rt_status work(task *t, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = t->options;
    rt_text text = {0};
    if (rt_option_count(o, "compare")) {
        RT_TRY(rt_pairs_agreement_print(&text, o, err));
        RT_TRY(put(t, &text, err));
    } else {
        RT_TRY(!strcmp(t->method, "3d") ? read_structure(t, err) : fold_sequences(t, err));
        RT_TRY(put_header(t, err));
    }
    if (t->table.failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    else if (t->json)
        status = rt_print_table_json(t->table.data,
                                     rt_option_count(o, "compare") ? RT_PAIRS_AGREEMENT_NUMBERS : NUMBERS, err);
done:
    rt_text_free(&text);
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const rt_options *o = cli->options;
    task t = {.options = o, .method = rt_option_text(o, "method"), .format = rt_option_text(o, "format"),
              .structure = rt_option_text(o, "best"), .min_prob = rt_option_double(o, "min-prob"),
              .gamma = rt_option_double(o, "gamma"), .json = rt_option_flag(o, "json")};
    rt_status status = check_options(&t, err);
    if (status == RT_OK && rt_option_has(o, "out")) status = rt_writer_open(&t.writer, rt_option_text(o, "out"), err);
    if (status == RT_OK) status = work(&t, err);
    if (t.writer && status == RT_OK) status = rt_writer_commit(t.writer, err);
    else if (t.writer) rt_writer_abandon(t.writer);
    rt_text_free(&t.table);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "method", .type = RT_OPTION_CHOICE, .choices = "eternafold|vienna|cm|3d", .fallback = "eternafold",
     .help = "EternaFold's model, ViennaRNA's energies (when built with it), the consensus of the family's covariance "
             "model, or the pairs of a structure's coordinates"},
    {.name = "fasta", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "--structure or --compare",
     .help = "sequences, plain or gzip"},
    {.name = "structure", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "--fasta or --compare",
     .help = "mmCIF or PDB file, for --method 3d"},
    {.name = "compare", .type = RT_OPTION_PATH, .repeated = true, .value = "PATH",
     .otherwise = "--fasta or --structure",
     .help = "a structure or bpseq file, a folder of them, or a set that 'rnatune import' made: how many of its pairs "
             "each method finds, and how many of a method's pairs are right"},
    {.name = "min-prob", .type = RT_OPTION_DOUBLE, .value = "P", .fallback = "0.01", .low = 0, .high = 1,
     .help = "leave out pairs below this probability; those below 1e-6 are never listed.  With --compare another "
             "threshold beside 0.5 and 0.95"},
    {.name = "format", .type = RT_OPTION_CHOICE, .choices = "tsv|dot|bpseq|ct|contacts", .fallback = "tsv",
     .help = "all pairs as a table, one structure as dot-bracket, bpseq or ct, or every contact of a structure"},
    {.name = "best", .type = RT_OPTION_CHOICE, .choices = "mea|mfe|probable", .fallback = "mea",
     .help = "the structure to print: of maximum expected accuracy, the single most favourable one, or every pair of "
             "at least --min-prob"},
    {.name = "gamma", .type = RT_OPTION_DOUBLE, .value = "G", .fallback = "1", .low = 0.001, .high = 1000,
     .help = "how much a right pair counts in the expected accuracy"},
    {.name = "params", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "EternaFold's own",
     .help = "other parameters of EternaFold's model"},
    {.name = "cm", .type = RT_OPTION_FILE, .value = "FILE",
     .help = "covariance models for --method cm and --compare: Rfam.cm or those of some families, gzip too"},
    {.name = "cache", .type = RT_OPTION_OUT_FOLDER, .value = "DIR", .otherwise = "nothing is kept",
     .help = "keep predictions here: a sequence is predicted once"},
    {.name = "max-length", .type = RT_OPTION_INT, .value = "N", .fallback = "1000", .low = 1, .high = 100000,
     .help = "--compare leaves out longer chains"},
    {.name = "out", .type = RT_OPTION_OUT_FILE, .value = "FILE", .otherwise = "stdout",
     .help = "write the result here"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "a table as JSON, an object for each row"},
    RT_CHOICE_THREADS,
    {0},
};

const rt_command rt_cmd_pairs = {
    .name = "pairs",
    .summary = "base pairs of sequences, with probabilities, or of structures",
    .options = OPTIONS,
    .description =
        "Probabilities are of the whole ensemble of structures without pseudoknots, by EternaFold's parameters or by "
        "ViennaRNA's energies at 37 C; of a family's consensus they say how surely Infernal placed both residues. "
        "Pairs of a structure are the canonical ones of its coordinates; --format contacts lists every pair with its "
        "Leontis-Westhof class and hydrogen bonds, every stack, and which contacts are tertiary, and why. Residues "
        "count from 1 in the sequence that was given, or in the chain as it was deposited.\n\n"
        "--compare holds the methods against known pairs: PPV is the share of a method's pairs that are known, "
        "sensitivity the share of the known pairs that it has, each with a 95% interval. docs/pairs.md says more.",
    .output = "TSV with the columns id, i, j, p (i < j), or what --format says; with --compare a line for each method "
              "and threshold.",
    .examples =
        "  rnatune pairs --fasta rna.fa --min-prob 0.95\n"
        "  rnatune pairs --fasta rna.fa --method vienna --format dot --best mfe\n"
        "  rnatune pairs --fasta trna.fa --method cm --cm Rfam.cm\n"
        "  rnatune pairs --method 3d --structure 1ehz.cif.gz --format contacts\n"
        "  rnatune pairs --compare structures/ --cache pairs-cache\n",
    .long_work = true,
    .run = run,
};
