/* part_training.c - the curves of each training run, from its log.jsonl */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "io/plain.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/parts.h"

enum { MOST_POINTS = 400 };

enum { STEP, LOSS, RATE, SECONDS, NORM, TRAIN_COLUMNS };
enum { V_STEP, V_LOSS, V_BASE, V_PLDDT, V_PTM, V_CALIBRATION, V_TOP1, V_COLUMNS };
static const char *const TRAIN_KEYS[] = {"step", "loss", "rate", "seconds", "gradient_norm"};
static const char *const VALIDATION_KEYS[] = {
    "step", "loss", "base_loss", "spearman_plddt", "spearman_ptm", "calibration_error", "top1_loss"};

typedef struct {
    double (*train)[TRAIN_COLUMNS], (*validation)[V_COLUMNS];
    int64_t n_train, n_validation, train_capacity, validation_capacity;
    int64_t n_other;   /* events that are neither: resumed, skipped steps */
} run_log;

static rt_status take_line(void *context, const char *path, int64_t line, char *text, rt_err *err)
{
    run_log *log = context;
    json_t *event = NULL;
    rt_err mine = {0};
    rt_status status = RT_OK;
    if (!*text) return RT_OK;
    if (rt_json_parse(&event, text, (int64_t)strlen(text), path, &mine) != RT_OK)
        return rt_fail(err, mine.code, path, line, "%s", mine.what);
    const char *kind = rt_report_string(event, "event");
    if (strcmp(kind, "train") == 0) {
        RT_TRY(rt_grow((void **)&log->train, &log->train_capacity, log->n_train + 1, sizeof *log->train, err));
        for (int k = 0; k < TRAIN_COLUMNS; k++) log->train[log->n_train][k] = rt_report_number(event, TRAIN_KEYS[k]);
        log->n_train++;
    } else if (strcmp(kind, "validation") == 0) {
        RT_TRY(rt_grow((void **)&log->validation, &log->validation_capacity, log->n_validation + 1,
                       sizeof *log->validation, err));
        for (int k = 0; k < V_COLUMNS; k++)
            log->validation[log->n_validation][k] = rt_report_number(event, VALIDATION_KEYS[k]);
        log->n_validation++;
    } else {
        log->n_other++;
    }
done:
    json_decref(event);
    return status;
}

/* A training column as at most MOST_POINTS means of steps in a row; what is not finite does not count.  Returns how
 * many. */
static int64_t thin(double *out_x, double *out_y, const run_log *log, int column)
{
    int64_t points = log->n_train < MOST_POINTS ? log->n_train : MOST_POINTS;
    for (int64_t p = 0; p < points; p++) {
        double x = 0, y = 0, n = 0;
        for (int64_t i = p * log->n_train / points; i < (p + 1) * log->n_train / points; i++)
            if (isfinite(log->train[i][column])) {
                x += log->train[i][STEP];
                y += log->train[i][column];
                n++;
            }
        out_x[p] = x / n;
        out_y[p] = y / n;
    }
    return points;
}

static void add_train_chart(rt_text *out, const run_log *log, int column, const char *title, const char *label,
                            bool from_zero)
{
    double x[MOST_POINTS], y[MOST_POINTS];
    rt_chart_series series = {.label = log->n_train > MOST_POINTS ? "training, means of steps in a row"
                                                                  : "training, every step",
                              .x = x,
                              .y = y,
                              .n = thin(x, y, log, column),
                              .colour = 0,
                              .line = true,
                              .dots = log->n_train < 3};
    rt_chart_draw(out, &(rt_chart){.title = title,
                                   .x_label = "step",
                                   .y_label = label,
                                   .series = &series,
                                   .n_series = 1,
                                   .from_zero = from_zero});
}

static rt_status add_loss_chart(rt_text *out, const run_log *log, rt_err *err)
{
    rt_status status = RT_OK;
    double x[MOST_POINTS], y[MOST_POINTS], *vx = NULL, *vy = NULL, bx[2] = {0, 0}, by[2] = {NAN, NAN};
    rt_chart_series series[3];
    RT_TRY_ALLOC(vx, log->n_validation + 1);
    RT_TRY_ALLOC(vy, log->n_validation + 1);
    for (int64_t i = 0; i < log->n_validation; i++) {
        vx[i] = log->validation[i][V_STEP];
        vy[i] = log->validation[i][V_LOSS];
        by[0] = by[1] = log->validation[i][V_BASE];
    }
    bx[1] = log->n_train ? log->train[log->n_train - 1][STEP] : 1;
    series[0] = (rt_chart_series){.label = "training",
                                  .x = x,
                                  .y = y,
                                  .n = thin(x, y, log, LOSS),
                                  .colour = 0,
                                  .line = true,
                                  .dots = log->n_train < 3};
    series[1] = (rt_chart_series){
        .label = "validation", .x = vx, .y = vy, .n = log->n_validation, .colour = 1, .line = true, .dots = true};
    series[2] = (rt_chart_series){
        .label = "the base on validation", .x = bx, .y = by, .n = 2, .colour = 2, .line = true, .dashed = true};
    rt_chart_draw(out, &(rt_chart){.title = "Loss: training against validation",
                                   .x_label = "step",
                                   .y_label = "weighted loss",
                                   .series = series,
                                   .n_series = 3});
done:
    free(vx);
    free(vy);
    return status;
}

static void add_validation_table(rt_text *out, const run_log *log)
{
    bool ranked = false;
    for (int64_t i = 0; i < log->n_validation; i++) ranked = ranked || isfinite(log->validation[i][V_CALIBRATION]);
    rt_text_add(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th class=\"n\">step</th><th "
                     "class=\"n\">validation loss</th>"
                     "<th class=\"n\">of the base</th>");
    if (ranked)
        rt_text_add(out, "<th class=\"n\">pLDDT follows lDDT</th><th class=\"n\">pTM follows TM</th><th "
                         "class=\"n\">calibration error</th>"
                         "<th class=\"n\">loss of the first choice</th>");
    rt_text_add(out, "</tr></thead><tbody>\n");
    for (int64_t i = 0; i < log->n_validation; i++) {
        rt_text_add(out, "<tr>");
        for (int k = 0; k < (ranked ? V_COLUMNS : V_PLDDT); k++)
            rt_html_number(out, log->validation[i][k], k == V_STEP ? 0 : 4);
        rt_text_add(out, "</tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n");
}

/* folder: of the run, below OUT. */
static rt_status add_run(rt_text *out, const rt_report_source *source, const char *title, const char *folder,
                         const char *step, rt_err *err)
{
    rt_status status = RT_OK;
    run_log log = {0};
    char path[RT_REPORT_PATH], name[300];
    rt_err mine = {0};
    snprintf(name, sizeof name, "%s/log.jsonl", folder);
    rt_report_path(path, source, "%s", name);
    rt_html_add(out, "<h3>%s</h3>\n", title);
    if (!rt_file_exists(path)) {
        rt_report_not_run(out, source, title, name, step);
        return RT_OK;
    }
    status = rt_plain_each_line(path, take_line, &log, &mine);
    if (status == RT_ERR_MEMORY) {
        *err = mine;
        goto done;
    }
    if (status != RT_OK) rt_report_unread(out, "the rest of the log", &mine);   /* what came before it is shown */
    status = RT_OK;
    rt_html_add(out, "<p>steps: %lld, validations: %lld%s.</p>\n<div class=\"charts\">\n", (long long)log.n_train,
                (long long)log.n_validation,
                log.n_other ? "; it was stopped and went on, or left steps out (log.jsonl says which)" : "");
    RT_TRY(add_loss_chart(out, &log, err));
    add_train_chart(out, &log, RATE, "Learning rate", "rate", true);
    add_train_chart(out, &log, SECONDS, "Time of a step", "seconds", true);
    add_train_chart(out, &log, NORM, "Norm of the gradient", "norm", true);
    rt_text_add(out, "</div>\n");
    if (log.n_validation) add_validation_table(out, &log);
done:
    free(log.train);
    free(log.validation);
    return status;
}

rt_status rt_report_part_training(rt_text *out, const rt_report_source *source, rt_err *err)
{
    rt_status status;
    char **base = NULL, folder[300], title[300];
    int64_t n = 0;
    rt_text_add(out, "<section id=\"training\"><h2>Training</h2>\n");
    RT_TRY(rt_report_folders(&base, &n, source, "phase1", "", err));
    if (n == 0) {
        rt_text_add(out, "<h3>Phase 1</h3>\n");
        rt_report_not_run(out, source, "Phase 1, the confidence head", "phase1", "phase1");
    }
    for (int64_t i = 0; i < n; i++) {
        snprintf(folder, sizeof folder, "phase1/%.200s", base[i]);
        snprintf(title, sizeof title, "Phase 1 from %.200s: the confidence head", base[i]);
        RT_TRY(add_run(out, source, title, folder, "phase1", err));
    }
    if (source->json[RT_REPORT_CHOSEN])
        rt_html_add(out, "<p>Phase 2 goes on from <b>%s</b>, chosen on validation.</p>\n",
                    rt_report_string(source->json[RT_REPORT_CHOSEN], "base"));
    RT_TRY(add_run(out, source, "Phase 2: adapters", "phase2", "phase2", err));
    rt_text_add(out, "</section>\n");
done:
    rt_free_names(base, n);
    return status;
}
