#include "cli/arms.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "io/csv.h"
#include "score/protocol.h"
#include "score/results.h"
#include "train/validation.h"

/* "out/base/scores.tsv" -> "base", "base.tsv" -> "base". */
static void name_after(char *out, size_t size, const char *path)
{
    const char *file = rt_path_name(path), *from = file;
    size_t length = strlen(file);
    if ((strcmp(file, "scores.tsv") == 0 || strcmp(file, RT_VALIDATION_TABLE) == 0) && file > path + 1) {
        const char *end = file - 1;
        for (from = end; from > path && from[-1] != '/'; from--) continue;
        length = (size_t)(end - from);
        if (length == 0 || *from == '.') from = file, length = strlen(file);
    }
    if (from == file && rt_ends_with(file, ".tsv")) length -= 4;
    snprintf(out, size, "%.*s", (int)length, from);
}

static rt_status open_database(rt_arm_source *s, const char *checkpoint, rt_err *err)
{
    rt_results *results;
    rt_status status = rt_results_open(&results, s->path, false, err);
    if (status != RT_OK) return status;
    status = rt_results_read(results, checkpoint, &s->table, &s->run, err);
    rt_results_close(results);
    return status;
}

/* A training run's held-out targets, each a row with its loss; *out_found false: another kind of table. */
static rt_status open_held_out(rt_arm_source *s, bool *out_found, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t target, loss;
    bool more;
    *out_found = false;
    if (rt_csv_open_tsv(&csv, s->path, NULL) != RT_OK) return RT_OK;   /* whoever reads scores says what is wrong */
    target = rt_csv_find(csv, "target"), loss = rt_csv_find(csv, "loss");
    *out_found = target >= 0 && loss >= 0 && rt_csv_find(csv, "model") < 0;
    while (*out_found) {
        rt_score_row row;
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        rt_score_row_init(&row);
        if (rt_csv_length(csv, target) >= (int64_t)sizeof row.target || !rt_csv_length(csv, target))
            RT_TRY(rt_csv_fail(csv, err, "a target's name has 1 to %d letters", (int)sizeof row.target - 1));
        snprintf(row.target, sizeof row.target, "%s", rt_csv_text(csv, target));
        snprintf(row.model, sizeof row.model, "best epoch");
        RT_TRY(rt_csv_double(csv, loss, &row.loss, err));
        RT_TRY(rt_score_table_add(&s->table, &row, err));
    }
done:
    rt_csv_close(csv);
    return status;
}

rt_status rt_arm_source_open(rt_arm_source *out_source, const char *operand, rt_err *err)
{
    rt_status status = RT_OK;
    rt_arm_source *s = out_source;
    const char *path = operand, *equals = strchr(operand, '='), *colon;
    *s = (rt_arm_source){0};
    if (equals && equals > operand && !rt_file_exists(operand)) {
        snprintf(s->name, sizeof s->name, "%.*s", (int)(equals - operand), operand);
        path = equals + 1;
    }
    snprintf(s->path, sizeof s->path, "%s", path);
    colon = strrchr(path, ':');
    if (!rt_file_exists(path) && colon) {
        s->path[colon - path] = 0;
        if (rt_file_exists(s->path)) {
            if (!s->name[0]) snprintf(s->name, sizeof s->name, "%s", colon + 1);
            RT_TRY(open_database(s, colon + 1, err));
            goto done;
        }
        snprintf(s->path, sizeof s->path, "%s", path);
    }
    if (!s->name[0]) name_after(s->name, sizeof s->name, path);
    if (rt_file_exists(path) && rt_results_is_file(path)) {
        rt_fail(err, RT_ERR_USAGE, path, 0, "is a results file: say which checkpoint of it");
        RT_TRY(rt_hint(err, "%s:CHECKPOINT; 'rnatune results %s' lists them", path, path));
    }
    RT_TRY(open_held_out(s, &s->held_out, err));
    if (s->held_out) goto done;   /* its run record is of training, not of a prediction */
    RT_TRY(rt_score_table_load(&s->table, path, err));
    RT_TRY(rt_protocol_find(&s->run, path, err));
done:
    rt_tame_text(s->name);
    for (int64_t i = 0; i < s->table.n_row; i++) {
        rt_tame_text(s->table.row[i].target);
        rt_tame_text(s->table.row[i].model);
    }
    if (status != RT_OK) rt_arm_source_free_members(s);
    return status;
}

void rt_arm_source_free_members(rt_arm_source *source)
{
    rt_score_table_free_members(&source->table);
    json_decref(source->run);
    source->run = NULL;
}
