#include "io/submission.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

struct rt_submission {
    rt_text text;
    char **target;
    int64_t n_target, capacity, n_failed;
};

rt_status rt_submission_create(rt_submission **ret_submission, rt_err *err)
{
    *ret_submission = NULL;
    rt_submission *submission = rt_alloc(1, sizeof *submission, err);
    if (!submission) return RT_ERR_MEMORY;
    rt_text_add(&submission->text, "ID,resname,resid");
    for (int m = 1; m <= RT_SUBMISSION_MODELS; m++) rt_text_add(&submission->text, ",x_%d,y_%d,z_%d", m, m, m);
    rt_text_add(&submission->text, "\n");
    if (submission->text.failed) {
        rt_submission_free(submission);
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the submission");
    }
    *ret_submission = submission;
    return RT_OK;
}

void rt_submission_free(rt_submission *submission)
{
    if (!submission) return;
    for (int64_t i = 0; i < submission->n_target; i++) free(submission->target[i]);
    free(submission->target);
    rt_text_free(&submission->text);
    free(submission);
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

rt_status rt_submission_add(rt_submission *submission, const char *target, const char *sequence, const float *const *c1,
                            int64_t n_model, rt_err *err)
{
    RT_REQUIRE(n_model >= 0 && n_model <= RT_SUBMISSION_MODELS);
    int64_t length = (int64_t)strlen(sequence);
    rt_text *text = &submission->text;
    for (int64_t i = 0; i < submission->n_target; i++)
        if (strcmp(submission->target[i], target) == 0)
            return rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "the target %s is given twice", target);
    for (int64_t m = 0; m < n_model; m++)
        for (int64_t i = 0; i < 3 * length; i++)
            if (!isfinite(c1[m][i]))
                return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "%s: model %lld has no number for residue %lld", target,
                               (long long)m + 1, (long long)(i / 3) + 1);
    void *items = submission->target;
    rt_status status = rt_grow(&items, &submission->capacity, submission->n_target + 1, sizeof(char *), err);
    submission->target = items;
    char *name = status == RT_OK ? rt_copy_text(target, -1, err) : NULL;
    if (!name) return RT_ERR_MEMORY;
    int64_t before = text->length;
    for (int64_t r = 0; r < length && !text->failed; r++) {
        add_id(text, target, r + 1);
        rt_text_add(text, ",%c,%lld", sequence[r], (long long)r + 1);
        for (int64_t k = 0; k < 3 * RT_SUBMISSION_MODELS; k++) {
            int64_t m = k / 3 < n_model ? k / 3 : 0;
            add_coordinate(text, n_model ? c1[m][3 * r + k % 3] : 0);
        }
        rt_text_add(text, "\n");
    }
    if (text->failed) {
        text->failed = false;   /* what was there before is still whole */
        text->length = before;
        text->data[before] = 0;
        free(name);
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the rows of %s", target);
    }
    submission->target[submission->n_target++] = name;
    if (!n_model) {
        submission->n_failed++;
        rt_warn("%s: no prediction; its %lld rows in the submission are zeros", target, (long long)length);
    }
    return RT_OK;
}

int64_t rt_submission_count(const rt_submission *submission) { return submission->n_target; }
int64_t rt_submission_failed(const rt_submission *submission) { return submission->n_failed; }

rt_status rt_submission_write(const rt_submission *submission, const char *path, rt_err *err)
{
    if (submission->text.failed) return rt_fail(err, RT_ERR_MEMORY, path, 0, "out of memory");
    return rt_write_text(path, submission->text.data, submission->text.length, err);
}
