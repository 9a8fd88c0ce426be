#include "feat/input.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"
#include "feat/chains.h"
#include "io/csv.h"
#include "io/msa.h"

void rt_input_free_members(rt_input *input)
{
    free(input->target);
    free(input->sequence);
    free(input->description);
    free(input->all_sequences);
    free(input->stoichiometry);
    free(input->chain);
    free(input->partner.ligands);
    rt_input_clear_msa(input);
    rt_input_clear_templates(input);
    *input = (rt_input){0};
}

static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c; }
static char as_rna(char c) { return upper(c) == 'T' ? 'U' : upper(c); }

/* The name becomes part of file names. */
static rt_status check_target(const char *target, rt_err *err)
{
    if (!target[0]) return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "the target has no name (target_id is empty)");
    bool bad = !rt_is_tame(target) || strcmp(target, ".") == 0 || strcmp(target, "..") == 0 || strlen(target) > 200;
    for (const char *c = target; *c; c++) bad = bad || *c == '/';
    if (!bad) return RT_OK;
    rt_fail(err, RT_ERR_FORMAT, NULL, 0, "target '%.200s': not usable as a file's name", target);
    return rt_hint(err, "a name in UTF-8 without '/' and control characters, at most 200 bytes long");
}

rt_status rt_input_set_sequence(rt_input *out_input, const char *target, const char *sequence, rt_err *err)
{
    rt_status status = RT_OK;
    *out_input = (rt_input){0};
    RT_TRY(check_target(target, err));
    int64_t length = (int64_t)strlen(sequence);
    if (length == 0) return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "target '%s': the sequence is empty", target);
    for (int64_t i = 0; i < length; i++) {
        char c = as_rna(sequence[i]);
        if (c && strchr("ACGU", c)) continue;
        if (isprint((unsigned char)sequence[i]))
            rt_fail(err, RT_ERR_FORMAT, NULL, 0, "target '%s': letter '%c' at position %lld of its sequence", target,
                    sequence[i], (long long)i + 1);
        else
            rt_fail(err, RT_ERR_FORMAT, NULL, 0, "target '%s': byte 0x%02x at position %lld of its sequence", target,
                    (unsigned)(unsigned char)sequence[i], (long long)i + 1);
        return rt_hint(err, "A, C, G and U are accepted (T is read as U); the network has no token for anything else");
    }
    out_input->target = rt_copy_text(target, -1, err);
    out_input->sequence = rt_copy_text(sequence, length, err);
    out_input->chain = rt_alloc(1, sizeof *out_input->chain, err);
    if (!out_input->target || !out_input->sequence || !out_input->chain) {
        rt_input_free_members(out_input);
        return RT_ERR_MEMORY;
    }
    out_input->length = out_input->chain->length = length;
    out_input->n_chain = 1;
    for (char *c = out_input->sequence; *c; c++) {
        out_input->n_t_to_u += upper(*c) == 'T';
        *c = as_rna(*c);
    }
done:
    return status;
}

/* ---- sequences.csv --------------------------------------------------------------------------------------------- */
/* Names that rows have used: open addressing over (hash, line), names compared through `name`. */
typedef struct {
    char **name;
    int64_t *line;
    int64_t count, n_slot;
} name_set;

static void name_set_free(name_set *set)
{
    for (int64_t i = 0; i < set->n_slot; i++) free(set->name[i]);
    free(set->name);
    free(set->line);
}

static int64_t name_slot(const name_set *set, const char *name)
{
    uint64_t at = rt_hash_text(name);
    for (at ^= at >> 32;; at++) {
        int64_t slot = (int64_t)(at & (uint64_t)(set->n_slot - 1));
        if (!set->name[slot] || strcmp(set->name[slot], name) == 0) return slot;
    }
}

/* *out_line: the line that used the name before, or 0 and the name is remembered. */
static rt_status name_set_add(name_set *set, const char *name, int64_t line, int64_t *out_line, rt_err *err)
{
    if (set->count * 2 >= set->n_slot) {
        name_set next = {.count = set->count, .n_slot = set->n_slot ? set->n_slot * 4 : 64};
        next.name = rt_alloc(next.n_slot, sizeof *next.name, err);
        next.line = rt_alloc(next.n_slot, sizeof *next.line, err);
        if (!next.name || !next.line) {
            free(next.name);
            free(next.line);
            return RT_ERR_MEMORY;
        }
        for (int64_t i = 0; i < set->n_slot; i++) {
            if (!set->name[i]) continue;
            int64_t slot = name_slot(&next, set->name[i]);
            next.name[slot] = set->name[i];
            next.line[slot] = set->line[i];
        }
        free(set->name);
        free(set->line);
        *set = next;
    }
    int64_t slot = name_slot(set, name);
    *out_line = set->line[slot];
    if (*out_line) return RT_OK;
    set->name[slot] = rt_copy_text(name, -1, err);
    if (!set->name[slot]) return RT_ERR_MEMORY;
    set->line[slot] = line;
    set->count++;
    return RT_OK;
}

/* A submission wants rows for every target, also for one that cannot be folded: for its letters, if that is what they are. */
static bool can_be_submitted(const char *target, const char *sequence)
{
    bool letters = sequence[0] != 0;
    for (const char *c = sequence; *c; c++) letters = letters && isalpha((unsigned char)*c);
    return letters && target[0];
}

static rt_status add_failure(rt_inputs *inputs, const char *target, const char *opt_sequence, const char *path, int64_t line,
                             rt_err why, rt_err *err)
{
    rt_status status = rt_grow((void **)&inputs->failure, &inputs->failure_capacity, inputs->n_failure + 1,
                               sizeof *inputs->failure, err);
    if (status != RT_OK) return status;
    rt_input_failure failure = {.target = rt_copy_text(target, -1, err), .line = line, .err = why};
    if (!failure.target) return RT_ERR_MEMORY;
    rt_tame_text(failure.target);
    if (opt_sequence && can_be_submitted(target, opt_sequence) && strcmp(failure.target, target) == 0) {
        failure.opt_sequence = rt_copy_text(opt_sequence, -1, err);
        if (!failure.opt_sequence) {
            free(failure.target);
            return RT_ERR_MEMORY;
        }
    }
    rt_tame_text(failure.err.what);
    snprintf(failure.err.file, sizeof failure.err.file, "%s", path);
    failure.err.line = line;
    inputs->failure[inputs->n_failure++] = failure;
    return RT_OK;
}

static rt_status copy_column(char **out, const rt_csv *csv, int64_t column, rt_err *err)
{
    if (column < 0 || rt_csv_missing(csv, column)) return RT_OK;
    *out = rt_copy_text(rt_csv_text(csv, column), -1, err);
    return *out ? RT_OK : RT_ERR_MEMORY;
}

static rt_status read_row(rt_inputs *inputs, name_set *used, const rt_csv *csv, const int64_t column[6],
                          const char *path, rt_err *err)
{
    const char *target = rt_csv_text(csv, column[0]);
    int64_t line = rt_csv_line(csv), earlier = 0;
    rt_input input = {0};
    rt_err why = {0};
    rt_status status = RT_OK;
    if (target[0]) RT_TRY(name_set_add(used, target, line, &earlier, err));
    if (earlier)
        rt_fail(&why, RT_ERR_FORMAT, path, line, "target '%.200s' is there twice; line %lld has it already", target,
                (long long)earlier);
    else
        rt_input_set_sequence(&input, target, rt_csv_text(csv, column[1]), &why);
    if (why.code == RT_OK) {
        RT_TRY(copy_column(&input.description, csv, column[2], err));
        RT_TRY(copy_column(&input.all_sequences, csv, column[3], err));
        RT_TRY(copy_column(&input.stoichiometry, csv, column[4], err));
        RT_TRY(copy_column(&input.partner.ligands, csv, column[5], err));
        if (input.stoichiometry) rt_tame_text(input.stoichiometry);
        if (input.partner.ligands) rt_tame_text(input.partner.ligands);
        rt_chains_find(&input, &why);
    }
    if (why.code == RT_ERR_MEMORY) {
        if (err) *err = why;
        RT_TRY(RT_ERR_MEMORY);
    }
    if (why.code != RT_OK) {
        status = add_failure(inputs, target, earlier ? NULL : rt_csv_text(csv, column[1]), path, line, why, err);
        goto done;
    }
    RT_TRY(rt_grow((void **)&inputs->input, &inputs->input_capacity, inputs->n_input + 1, sizeof input, err));
    inputs->input[inputs->n_input++] = input;
    input = (rt_input){0};
done:
    rt_input_free_members(&input);
    return status;
}

rt_status rt_inputs_read(rt_inputs *out_inputs, const char *sequences_csv, rt_err *err)
{
    rt_csv *csv = NULL;
    name_set used = {0};
    int64_t column[6];
    bool more = true;
    rt_status status = RT_OK;
    *out_inputs = (rt_inputs){0};
    RT_TRY(rt_csv_open(&csv, sequences_csv, err));
    RT_TRY(rt_csv_require(csv, &column[0], "target_id", err));
    RT_TRY(rt_csv_require(csv, &column[1], "sequence", err));
    column[2] = rt_csv_find(csv, "description");
    column[3] = rt_csv_find(csv, "all_sequences");
    column[4] = rt_csv_find(csv, "stoichiometry");
    column[5] = rt_csv_find(csv, "ligand_ids");
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        RT_TRY(read_row(out_inputs, &used, csv, column, sequences_csv, err));
    }
    if (out_inputs->n_input + out_inputs->n_failure == 0)
        status = rt_fail(err, RT_ERR_FORMAT, sequences_csv, 0, "has a header and no target");
done:
    if (status != RT_OK) rt_inputs_free_members(out_inputs);
    name_set_free(&used);
    rt_csv_close(csv);
    return status;
}

void rt_inputs_free_members(rt_inputs *inputs)
{
    for (int64_t i = 0; i < inputs->n_input; i++) rt_input_free_members(&inputs->input[i]);
    for (int64_t i = 0; i < inputs->n_failure; i++) {
        free(inputs->failure[i].target);
        free(inputs->failure[i].opt_sequence);
    }
    free(inputs->input);
    free(inputs->failure);
    *inputs = (rt_inputs){0};
}

/* ---- MSA ------------------------------------------------------------------------------------------------------- */
static bool row_is_query(const char *row, const char *sequence)
{
    for (; *row; row++) {
        if (*row == '-' || *row == '.') continue;
        if (as_rna(*row) != *sequence) return false;
        sequence++;
    }
    return *sequence == 0;
}

void rt_input_mutate(rt_input *input, const char *sequence)
{
    RT_REQUIRE((int64_t)strlen(sequence) == input->length);
    if (input->n_msa > 0 && row_is_query(input->msa_row[0], input->sequence)) {
        const char *next = sequence;
        for (char *at = input->msa_row[0]; *at; at++)
            if (*at != '-' && *at != '.') *at = *next++;
    }
    memcpy(input->sequence, sequence, (size_t)input->length);
}

/* The competition's files are A3M in all but name: their insertions shift the rows, in the reference too. */
static void warn_lengths(const rt_input *input)
{
    int64_t n_short = 0, n_long = 0, n_a3m = 0;
    for (int64_t i = 0; i < input->n_msa; i++) {
        int64_t length = 0, n_lower = 0;
        for (const char *c = input->msa_row[i]; *c; c++, length++) n_lower += *c >= 'a' && *c <= 'z';
        n_short += length < input->length;
        n_long += length > input->length;
        n_a3m += length > input->length && length - n_lower == input->length;
    }
    if (n_short + n_long)
        rt_warn("%s: of %lld rows %lld are shorter than %s (filled up with N) and %lld longer (cut)", input->msa_file,
                (long long)input->n_msa, (long long)n_short, input->target, (long long)n_long);
    if (n_a3m)
        rt_warn("%s: lower-case insertions shift %lld rows, as in the reference; under the name %s.a3m they go",
                input->msa_file, (long long)n_a3m, input->target);
}

rt_status rt_input_read_msa(rt_input *input, const char *path, bool tell, rt_err *err)
{
    rt_msa msa;
    rt_status status = RT_OK;
    rt_input_clear_msa(input);
    RT_TRY(rt_msa_read(&msa, path, err));
    if (msa.n_row == 0) {
        if (tell) rt_warn("%s: holds no row; %s goes on without an MSA", path, input->target);
        return RT_OK;
    }
    input->msa_file = rt_copy_text(path, -1, err);
    if (!input->msa_file) {
        rt_msa_free_members(&msa);
        return RT_ERR_MEMORY;
    }
    input->msa_row = msa.row;
    input->n_msa = msa.n_row;
    input->msa_file_rows = msa.n_file_row;
    if (tell && !row_is_query(msa.row[0], input->sequence))
        rt_warn("%s: the first row is not the sequence of %s; it is used all the same", path, input->target);
    if (tell) warn_lengths(input);
done:
    return status;
}

rt_status rt_input_load_msa(rt_input *input, const char *folder, rt_err *err)
{
    char path[PATH_MAX];
    rt_input_clear_msa(input);
    return rt_msa_find(path, sizeof path, folder, input->target) ? rt_input_read_msa(input, path, true, err) : RT_OK;
}

/* ---- templates ------------------------------------------------------------------------------------------------- */
void rt_input_clear_msa(rt_input *input)
{
    free(input->msa_row);
    free(input->msa_file);
    input->msa_row = NULL;
    input->msa_file = NULL;
    input->n_msa = input->msa_file_rows = 0;
}

void rt_input_clear_templates(rt_input *input)
{
    free(input->template_xyz);
    free(input->template_file);
    input->template_xyz = NULL;
    input->template_file = NULL;
    input->n_template = input->n_template_missing = 0;
}

static rt_status check_templates(const rt_input *input, int64_t length, int64_t n_template, const char *opt_sequence,
                                 int64_t template_idx, const char *file, rt_err *err)
{
    if (template_idx < 0)
        return rt_fail(err, RT_ERR_USAGE, file, 0, "template_idx %lld: 0 or more was expected",
                       (long long)template_idx);
    if (template_idx >= n_template) {
        rt_fail(err, RT_ERR_MISMATCH, file, 0, "target '%s': template_idx %lld wants %lld templates, the file has %lld",
                input->target, (long long)template_idx, (long long)template_idx + 1, (long long)n_template);
        return rt_hint(err, "template_idx i uses the templates 0 to i");
    }
    if (length != input->length)
        return rt_fail(err, RT_ERR_MISMATCH, file, 0, "target '%s' has %lld residues, its templates have %lld",
                       input->target, (long long)input->length, (long long)length);
    if (!opt_sequence) return RT_OK;
    if ((int64_t)strlen(opt_sequence) != length)
        return rt_fail(err, RT_ERR_MISMATCH, file, 0, "target '%s': the templates name %zu residues and place %lld",
                       input->target, strlen(opt_sequence), (long long)length);
    for (int64_t i = 0; i < length; i++)
        if (as_rna(opt_sequence[i]) != input->sequence[i])
            return rt_fail(err, RT_ERR_MISMATCH, file, 0,
                           "target '%s': residue %lld is %c, its templates have %c there", input->target,
                           (long long)i + 1, input->sequence[i], opt_sequence[i]);
    return RT_OK;
}

/* Writes one residue and tells whether it is missing. */
static bool place_residue(float out[3], const float in[3], rt_template_missing missing)
{
    bool absent = in[0] == 0 && in[1] == 0 && in[2] == 0, far = false;
    for (int d = 0; d < 3; d++) {
        absent = absent || isnan(in[d]);
        far = far || fabsf(in[d]) > 1e6f;
    }
    bool origin = missing == RT_TEMPLATE_MISSING_ORIGIN;
    for (int d = 0; d < 3; d++) {
        if (origin) out[d] = far || isnan(in[d]) ? 0.0f : in[d];
        else out[d] = absent || far ? NAN : in[d];
    }
    return absent || far;
}

rt_status rt_input_set_templates(rt_input *input, const float *xyz, int64_t length, int64_t n_template,
                                 const char *opt_sequence, int64_t template_idx, rt_template_missing missing,
                                 const char *file, rt_err *err)
{
    rt_status status = check_templates(input, length, n_template, opt_sequence, template_idx, file, err);
    if (status != RT_OK) return status;
    rt_input_clear_templates(input);
    int64_t n_used = template_idx + 1, count;
    if (!rt_multiply(n_used, 3 * length, &count))
        return rt_fail(err, RT_ERR_MEMORY, file, 0, "%lld templates are too many", (long long)n_used);
    input->template_xyz = rt_alloc(count, sizeof(float), err);
    if (file) input->template_file = rt_copy_text(file, -1, err);
    if (!input->template_xyz || (file && !input->template_file)) {
        rt_input_clear_templates(input);
        return RT_ERR_MEMORY;
    }
    input->n_template = n_used;
    for (int64_t t = 0; t < n_used; t++)
        for (int64_t i = 0; i < length; i++)
            input->n_template_missing += place_residue(input->template_xyz + 3 * (t * length + i),
                                                       xyz + 3 * (i * n_template + t), missing);
    return RT_OK;
}
