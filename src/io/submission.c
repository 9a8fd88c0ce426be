#include "io/submission.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"

/* What is known of a target: zeros reserved for it, zeros because it failed, or coordinates. */
typedef enum { RESERVED, FAILED, PREDICTED } entry_state;

typedef struct {
    char *target, *sequence;
    rt_text rows;
    entry_state state;
} entry;

struct rt_submission {
    rt_text header;
    entry *entry;
    int64_t n_entry, capacity;
};

rt_status rt_submission_create(rt_submission **ret_submission, rt_err *err)
{
    *ret_submission = NULL;
    rt_submission *submission = rt_alloc(1, sizeof *submission, err);
    if (!submission) return RT_ERR_MEMORY;
    rt_text *header = &submission->header;
    rt_text_add(header, "ID,resname,resid");
    for (int m = 1; m <= RT_SUBMISSION_MODELS; m++) rt_text_add(header, ",x_%d,y_%d,z_%d", m, m, m);
    rt_text_add(header, "\n");
    if (header->failed) {
        rt_submission_free(submission);
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the submission");
    }
    *ret_submission = submission;
    return RT_OK;
}

static void free_entry(entry *e)
{
    free(e->target);
    free(e->sequence);
    rt_text_free(&e->rows);
}

void rt_submission_free(rt_submission *submission)
{
    if (!submission) return;
    for (int64_t i = 0; i < submission->n_entry; i++) free_entry(&submission->entry[i]);
    free(submission->entry);
    rt_text_free(&submission->header);
    free(submission);
}

static entry *find(const rt_submission *submission, const char *target)
{
    for (int64_t i = 0; i < submission->n_entry; i++)
        if (strcmp(submission->entry[i].target, target) == 0) return &submission->entry[i];
    return NULL;
}

/* "target_12", between quotes when the name would break the row apart. */
static void add_id(rt_text *text, const char *target, int64_t residue)
{
    if (!strpbrk(target, ",\"\r\n")) {
        rt_text_add(text, "%s_%lld", target, (long long)residue);
        return;
    }
    rt_text_add(text, "\"");
    for (const char *p = target; *p; p++) rt_text_add(text, *p == '"' ? "\"\"" : "%c", *p);
    rt_text_add(text, "_%lld\"", (long long)residue);
}

static void add_coordinate(rt_text *text, double x)
{
    x = x < -999.999 ? -999.999 : x > 9999.999 ? 9999.999 : x;
    rt_text_add(text, ",%.3f", fabs(x) < 0.0005 ? 0.0 : x);   /* no "-0.000" */
}

static void add_rows(rt_text *text, const char *target, const char *sequence, const float *const *c1, int64_t n_model)
{
    int64_t length = (int64_t)strlen(sequence);
    for (int64_t r = 0; r < length && !text->failed; r++) {
        add_id(text, target, r + 1);
        rt_text_add(text, ",%c,%lld", sequence[r], (long long)r + 1);
        for (int64_t k = 0; k < 3 * RT_SUBMISSION_MODELS; k++) {
            int64_t m = k / 3 < n_model ? k / 3 : 0;
            add_coordinate(text, n_model ? c1[m][3 * r + k % 3] : 0);
        }
        rt_text_add(text, "\n");
    }
}

/* The target's rows become `rows` (whose memory is taken over); a target that is new comes last. */
static rt_status put(rt_submission *submission, const char *target, const char *sequence, rt_text *rows, entry_state state,
                     rt_err *err)
{
    rt_status status = RT_OK;
    entry *e = find(submission, target), fresh = {0};
    if (rows->failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the rows of %s", target));
    if (e && (e->state != RESERVED || strcmp(e->sequence, sequence) != 0))
        RT_TRY(rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "the target %s is given twice", target));
    if (!e) {
        void *items = submission->entry;
        status = rt_grow(&items, &submission->capacity, submission->n_entry + 1, sizeof *submission->entry, err);
        submission->entry = items;
        RT_TRY(status);
        fresh.target = rt_copy_text(target, -1, err);
        fresh.sequence = fresh.target ? rt_copy_text(sequence, -1, err) : NULL;
        if (!fresh.sequence) RT_TRY(RT_ERR_MEMORY);
        e = &submission->entry[submission->n_entry++];
        *e = fresh;
        fresh = (entry){0};
    }
    rt_text_free(&e->rows);
    e->rows = *rows;
    e->state = state;
    *rows = (rt_text){0};
done:
    free_entry(&fresh);
    rt_text_free(rows);
    return status;
}

rt_status rt_submission_reserve(rt_submission *submission, const char *target, const char *sequence, rt_err *err)
{
    rt_text rows = {0};
    add_rows(&rows, target, sequence, NULL, 0);
    return put(submission, target, sequence, &rows, RESERVED, err);
}

rt_status rt_submission_add(rt_submission *submission, const char *target, const char *sequence, const float *const *c1,
                            int64_t n_model, rt_err *err)
{
    RT_REQUIRE(n_model >= 0 && n_model <= RT_SUBMISSION_MODELS);
    int64_t length = (int64_t)strlen(sequence);
    rt_text rows = {0};
    for (int64_t m = 0; m < n_model; m++)
        for (int64_t i = 0; i < 3 * length; i++)
            if (!isfinite(c1[m][i]))
                return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "%s: model %lld has no number for residue %lld", target,
                               (long long)m + 1, (long long)(i / 3) + 1);
    add_rows(&rows, target, sequence, c1, n_model);
    rt_status status = put(submission, target, sequence, &rows, n_model ? PREDICTED : FAILED, err);
    if (status == RT_OK && !n_model)
        rt_warn("%s: no prediction; its %lld rows in the submission are zeros", target, (long long)length);
    return status;
}

rt_status rt_submission_load(rt_submission *submission, const char *target, const char *sequence, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    rt_text rows = {0}, id = {0};
    int64_t length = (int64_t)strlen(sequence), row = 0, columns = 3 + 3 * RT_SUBMISSION_MODELS;
    bool more = true;
    double value;
    RT_TRY(rt_csv_open(&csv, path, err));
    if (rt_csv_columns(csv) != columns)
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 1, "has %lld columns, a submission has %lld",
                       (long long)rt_csv_columns(csv), (long long)columns));
    for (;; row++) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        rt_text_clear(&id);
        rt_text_add(&id, "%s_%lld", target, (long long)row + 1);
        if (row >= length || id.failed || strcmp(rt_csv_text(csv, 0), id.data) != 0 ||
            rt_csv_text(csv, 1)[0] != sequence[row])
            RT_TRY(rt_csv_fail(csv, err, "is not residue %lld of %s", (long long)row + 1, target));
        add_id(&rows, target, row + 1);
        rt_text_add(&rows, ",%c,%lld", sequence[row], (long long)row + 1);
        for (int64_t k = 3; k < columns; k++) {
            RT_TRY(rt_csv_double(csv, k, &value, err));
            if (!isfinite(value)) RT_TRY(rt_csv_fail(csv, err, "has no number in column %lld", (long long)k + 1));
            add_coordinate(&rows, value);
        }
        rt_text_add(&rows, "\n");
    }
    if (row != length)
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "has %lld rows, %s has %lld residues", (long long)row, target,
                       (long long)length));
    status = put(submission, target, sequence, &rows, PREDICTED, err);
done:
    rt_text_free(&rows);
    rt_text_free(&id);
    rt_csv_close(csv);
    return status;
}

const char *rt_submission_rows(const rt_submission *submission, const char *target, bool *out_predicted)
{
    const entry *e = find(submission, target);
    *out_predicted = e && e->state == PREDICTED;
    return e && e->state != RESERVED ? e->rows.data : NULL;
}

rt_status rt_submission_give(rt_submission *submission, const char *target, const char *sequence, const char *rows,
                             bool predicted, rt_err *err)
{
    rt_text copy = {0};
    rt_text_add_bytes(&copy, rows, (int64_t)strlen(rows));
    return put(submission, target, sequence, &copy, predicted ? PREDICTED : FAILED, err);
}

int64_t rt_submission_count(const rt_submission *submission) { return submission->n_entry; }

static int64_t count_state(const rt_submission *submission, entry_state state)
{
    int64_t count = 0;
    for (int64_t i = 0; i < submission->n_entry; i++) count += submission->entry[i].state == state;
    return count;
}

int64_t rt_submission_failed(const rt_submission *submission) { return count_state(submission, FAILED); }
int64_t rt_submission_open(const rt_submission *submission) { return count_state(submission, RESERVED); }

bool rt_submission_has(const rt_submission *submission, const char *target)
{
    const entry *e = find(submission, target);
    return e && e->state == PREDICTED;
}

static rt_status write_entries(const rt_submission *submission, int64_t first, int64_t count, const char *path, rt_err *err)
{
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    FILE *out = rt_writer_stream(writer);
    fwrite(submission->header.data, 1, (size_t)submission->header.length, out);
    for (int64_t i = first; i < first + count; i++)
        if (submission->entry[i].rows.length)
            fwrite(submission->entry[i].rows.data, 1, (size_t)submission->entry[i].rows.length, out);
    return rt_writer_commit(writer, err);
}

rt_status rt_submission_write(const rt_submission *submission, const char *path, rt_err *err)
{
    return write_entries(submission, 0, submission->n_entry, path, err);
}

rt_status rt_submission_write_target(const rt_submission *submission, const char *target, const char *path, rt_err *err)
{
    const entry *e = find(submission, target);
    RT_REQUIRE(e != NULL);
    return write_entries(submission, e - submission->entry, 1, path, err);
}
