/* score_run.c - many models over threads, and the competition's number */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/progress.h"
#include "score/score.h"

enum { BATCH = 256 };   /* natives in memory at once */

/* A task scores one molecule of a table, or a file with all its models. */
typedef struct {
    rt_score_item *item;
    int64_t molecule;           /* -1: the item's file */
    int64_t native;             /* its target's */
    rt_score_table table;
    rt_score_pose *pose;        /* one per row */
    int64_t poses;              /* capacity */
    rt_text notes;              /* lines: model, tab, note */
    rt_text failures;
    int64_t n_failed;
    bool native_failed;
    rt_status status;           /* only what ends the whole run */
    rt_err err;
} task;

typedef struct {
    task *tasks;
    int64_t n_task, n_done;
    rt_score_set *natives;
    const rt_score_options *options;
    rt_tm **tm;                 /* one per thread */
    int64_t first_task;         /* of the batch at work */
    int64_t native[BATCH];      /* its natives, and how their loading went */
    rt_status load_status[BATCH];
    rt_err *load_err;           /* (BATCH) */
} run;

static void load_native(void *argument, int64_t index, int worker)
{
    run *r = argument;
    (void)worker;
    r->load_status[index] = RT_ERR_STOPPED;
    if (rt_stop_requested()) return;
    r->load_status[index] = rt_score_item_load(&r->natives->item[r->native[index]], r->options->atom,
                                               &r->load_err[index]);
}

static void add_failure(task *t, const char *model, const rt_err *err)
{
    char text[2048];
    rt_err_print(err, text, sizeof text);
    rt_text_add(&t->failures, "%s, %s: %s\n", t->item->target, model, text);
    t->n_failed++;
}

static rt_status add_row(task *t, const rt_score_row *row, const rt_score_pose *pose)
{
    void *items = t->pose;
    rt_status status = rt_grow(&items, &t->poses, t->table.n_row + 1, sizeof *t->pose, &t->err);
    t->pose = items;
    if (status != RT_OK) return status;
    t->pose[t->table.n_row] = *pose;
    return rt_score_table_add(&t->table, row, &t->err);
}

static rt_status score_molecule(run *r, task *t, int64_t index, int worker)
{
    const rt_score_item *native = &r->natives->item[t->native];
    const rt_molecule *model = &t->item->molecule[index];
    rt_score_row row;
    rt_score_pose pose;
    rt_text notes = {0};
    rt_score_row_init(&row);
    memcpy(row.target, t->item->target, sizeof row.target);
    memcpy(row.model, model->name, sizeof row.model);
    snprintf(row.atom, sizeof row.atom, "%s", r->options->atom);
    row.rank = t->item->path ? t->item->rank : index + 1;
    row.n_template = t->item->n_template;
    rt_status status = rt_score_model(&row, &pose, r->tm[worker], native->molecule, native->n_molecule, model,
                                      r->options, &notes, &t->err);
    if (status == RT_OK) status = add_row(t, &row, &pose);
    else if (status == RT_ERR_MISMATCH) {
        add_failure(t, model->name, &t->err);
        status = RT_OK;
    }
    for (const char *line = notes.data, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        rt_text_add(&t->notes, "%s\t%.*s\n", model->name, (int)(end - line), line);
    }
    rt_text_free(&notes);
    return status;
}

static void run_task(void *argument, int64_t index, int worker)
{
    run *r = argument;
    task *t = &r->tasks[r->first_task + index];
    if (t->native_failed) return;
    if (rt_stop_requested()) {
        t->status = rt_fail(&t->err, RT_ERR_STOPPED, NULL, 0, "stopped");
        return;
    }
    if (t->molecule >= 0) {
        t->status = score_molecule(r, t, t->molecule, worker);
    } else {
        rt_status status = rt_score_item_load(t->item, r->options->atom, &t->err);
        if (status == RT_ERR_MEMORY) t->status = status;
        else if (status != RT_OK) add_failure(t, t->item->name, &t->err);
        for (int64_t m = 0; m < t->item->n_molecule && t->status == RT_OK; m++)
            t->status = score_molecule(r, t, m, worker);
        rt_score_item_unload(t->item);
    }
    rt_progress_step(__atomic_add_fetch(&r->n_done, 1, __ATOMIC_RELAXED));
}

/* The tasks from `first` on whose targets are at most BATCH; their natives go into r->native. */
static int64_t plan_batch(run *r, int64_t first, int64_t *out_natives)
{
    int64_t next = first, n = 0;
    for (; next < r->n_task; next++) {
        int64_t native = r->tasks[next].native;
        if (n && r->native[n - 1] == native) continue;
        if (n == BATCH) break;
        r->native[n++] = native;
    }
    *out_natives = n;
    return next;
}

/* A native that cannot be read fails the tasks of its target, with one line for all of them. */
static void fail_targets(run *r, int64_t next, int64_t n_native)
{
    for (int64_t i = r->first_task, k = 0; i < next; i++) {
        task *t = &r->tasks[i];
        bool first = i == r->first_task || t->native != t[-1].native;
        k += first && i > r->first_task;
        if (k >= n_native || r->load_status[k] == RT_OK) continue;
        t->err = r->load_err[k];
        if (r->load_status[k] == RT_ERR_MEMORY || r->load_status[k] == RT_ERR_STOPPED) t->status = r->load_status[k];
        else if (first) add_failure(t, "the native", &t->err);
        else t->n_failed++;
        t->native_failed = true;
    }
}

/* Batch after batch of natives, so that memory holds no more than these. */
static void run_batches(run *r, rt_pool *pool)
{
    int64_t next, n_native;
    for (r->first_task = 0; r->first_task < r->n_task; r->first_task = next) {
        next = plan_batch(r, r->first_task, &n_native);
        rt_pool_run(pool, n_native, load_native, r);
        fail_targets(r, next, n_native);
        rt_pool_run(pool, next - r->first_task, run_task, r);
        for (int64_t k = 0; k < n_native; k++) rt_score_item_unload(&r->natives->item[r->native[k]]);
    }
}

static bool is_empty(const rt_molecule *molecule) { return molecule->n_resolved == 0; }

/* Tasks in the order of the table.  A table's last models may be columns that a target does not use. */
static rt_status plan(run *r, rt_score_set *models, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = 0;
    for (int64_t i = 0; i < models->n_item; i++) n += models->item[i].path ? 1 : models->item[i].n_molecule;
    RT_TRY_ALLOC(r->tasks, n);
    for (int64_t i = 0; i < models->n_item; i++) {
        rt_score_item *item = &models->item[i];
        const rt_score_item *native = rt_score_set_find(r->natives, item->target);
        if (!native) continue;
        int64_t of = native - r->natives->item;
        if (item->path) r->tasks[r->n_task++] = (task){.item = item, .molecule = -1, .native = of};
        for (int64_t m = 0; m < item->n_molecule && !item->path; m++)
            if (!is_empty(&item->molecule[m]))
                r->tasks[r->n_task++] = (task){.item = item, .molecule = m, .native = of};
    }
done:
    return status;
}

/* How many lines of a target's tasks, first to next-1, have the note; *out_said when the first of them is not `here`. */
static int64_t count_note(const run *r, int64_t first, int64_t next, const char *note, size_t length, const char *here,
                          bool *out_said)
{
    int64_t count = 0;
    *out_said = false;
    for (int64_t i = first; i < next; i++)
        for (const char *line = r->tasks[i].notes.data, *end; line && *line; line = end + 1) {
            const char *other = strchr(line, '\t') + 1;
            end = strchr(other, '\n');
            if ((size_t)(end - other) != length || memcmp(other, note, length) != 0) continue;
            if (count++ == 0) *out_said = line != here;
        }
    return count;
}

static void gather_notes(rt_text *out, const run *r)
{
    for (int64_t first = 0, next; first < r->n_task; first = next) {
        const char *target = r->tasks[first].item->target;
        for (next = first; next < r->n_task && strcmp(r->tasks[next].item->target, target) == 0;) next++;
        for (int64_t i = first; i < next; i++)
            for (const char *line = r->tasks[i].notes.data, *end; line && *line; line = end + 1) {
                const char *note = strchr(line, '\t') + 1;
                bool said;
                end = strchr(note, '\n');
                int64_t count = count_note(r, first, next, note, (size_t)(end - note), line, &said);
                if (said) continue;
                rt_text_add(out, "%s, %.*s", target, (int)(note - 1 - line), line);
                if (count > 1) rt_text_add(out, " and %lld more", (long long)count - 1);
                rt_text_add(out, ": %.*s\n", (int)(end - note), note);
            }
    }
}

static rt_status gather(rt_score_report *report, run *r, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n_row = 0;
    for (int64_t i = 0; i < r->n_task; i++) n_row += r->tasks[i].table.n_row;
    RT_TRY_ALLOC(report->pose, n_row);
    for (int64_t i = 0; i < r->n_task; i++) {
        task *t = &r->tasks[i];
        if (t->status == RT_ERR_STOPPED) {
            report->n_stopped++;
            continue;
        }
        if (t->status != RT_OK) {
            *err = t->err;
            RT_TRY(t->status);
        }
        for (int64_t k = 0; k < t->table.n_row; k++) {
            report->pose[report->table.n_row] = t->pose[k];
            RT_TRY(rt_score_table_add(&report->table, &t->table.row[k], err));
        }
        if (t->failures.length) rt_text_add_bytes(&report->failures, t->failures.data, t->failures.length);
        if (t->n_failed && !report->n_failed) report->first_failure = t->err;
        report->n_failed += t->n_failed;
    }
    gather_notes(&report->notes, r);
    rt_score_table *table = &report->table;
    for (int64_t first = 0, next; first < table->n_row; first = next) {
        const char *target = table->row[first].target;
        for (next = first; next < table->n_row && strcmp(table->row[next].target, target) == 0;) next++;
        for (int64_t k = first; k < next; k++) table->row[k].n_model_total = next - first;
    }
    for (int64_t i = 0, k = 0; i < r->natives->n_item; i++) {   /* both are sorted by target */
        const char *target = r->natives->item[i].target;
        while (k < table->n_row && strcmp(table->row[k].target, target) < 0) k++;
        if (k < table->n_row && strcmp(table->row[k].target, target) == 0) continue;
        if (!report->n_without++) snprintf(report->without, sizeof report->without, "%s", target);
    }
    report->n_target = r->natives->n_item;
done:
    return status;
}

rt_status rt_score_run(rt_score_report *out_report, rt_score_set *natives, rt_score_set *models,
                       const rt_score_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_pool *pool = NULL;
    run r = {.natives = natives, .options = options};
    *out_report = (rt_score_report){0};
    RT_TRY(rt_pool_create(&pool, options->threads, err));
    RT_TRY_ALLOC(r.tm, options->threads);
    for (int i = 0; i < options->threads; i++) RT_TRY(rt_tm_create(&r.tm[i], err));
    RT_TRY_ALLOC(r.load_err, BATCH);
    RT_TRY(plan(&r, models, err));
    rt_progress_start("model", r.n_task);
    run_batches(&r, pool);
    rt_progress_end();
    RT_TRY(gather(out_report, &r, err));
done:
    for (int64_t i = 0; i < r.n_task; i++) {
        rt_score_table_free_members(&r.tasks[i].table);
        free(r.tasks[i].pose);
        rt_text_free(&r.tasks[i].notes);
        rt_text_free(&r.tasks[i].failures);
    }
    for (int i = 0; i < options->threads && r.tm; i++) rt_tm_free(r.tm[i]);
    free(r.tm);
    free(r.tasks);
    free(r.load_err);
    rt_pool_free(pool);
    if (status != RT_OK) rt_score_report_free_members(out_report);
    return status;
}

void rt_score_report_free_members(rt_score_report *report)
{
    rt_score_table_free_members(&report->table);
    free(report->pose);
    rt_text_free(&report->notes);
    rt_text_free(&report->failures);
    *report = (rt_score_report){0};
}

double rt_score_kaggle(const rt_score_table *table, int64_t n_target, int part)
{
    double sum = 0, best = 0;
    for (int64_t k = 0; k < table->n_row; k++) {
        const rt_score_row *row = &table->row[k];
        double score = round((part == 1 ? row->tm_align : row->tm_resid) * 1e5) / 1e5;
        if (k == 0 || strcmp(row->target, row[-1].target) != 0) best = 0;
        sum += score > best ? score - best : 0;
        best = score > best ? score : best;
    }
    return n_target ? sum / (double)n_target : 0;
}
