/* chart.h - plots as inline SVG that follow the page's colours
 * Room: report.  Uses: report/html.
 *
 * Colours are classes (s0 .. s5, axis, grid): the style sheet has them for light and dark.  Values that are not
 * finite are left out.  Every chart has a title and a description for readers who do not see it.
 */
#ifndef RT_REPORT_CHART_H
#define RT_REPORT_CHART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

/* x, y (n), borrowed. */
typedef struct {
    const char *label;
    const double *x, *y;
    int64_t n;
    int colour;                 /* 0 .. 5: a colour and a shape of its own */
    bool line, dots, dashed;
} rt_chart_series;

typedef struct {
    const char *title, *x_label, *y_label;
    const rt_chart_series *series;
    int n_series;
    bool unit_square;           /* both axes 0 .. 1, with the diagonal */
    bool from_zero;             /* the y axis begins at 0 */
} rt_chart;

/* A chart without a single finite point says so. */
void rt_chart_draw(rt_text *out, const rt_chart *chart);

/* Counts per bin, one bar on the other: count (n_part, n_bin). */
typedef struct {
    const char *title, *x_label, *y_label;
    const char *const *bin, *const *part;
    const int64_t *count;
    int n_bin, n_part;
} rt_chart_bars;
void rt_chart_draw_bars(rt_text *out, const rt_chart_bars *bars);

/* A dot with its interval per row; where low or high is not finite the dot stands alone. */
typedef struct {
    char label[160];
    double value, low, high;
    int colour;
} rt_chart_interval;

/* marks (n_mark): upright lines with their words, "target 0.45". */
typedef struct {
    const char *title, *x_label;
    const rt_chart_interval *row;
    int64_t n;
    const double *mark;
    const char *const *mark_label;
    int n_mark;
} rt_chart_intervals;
void rt_chart_draw_intervals(rt_text *out, const rt_chart_intervals *chart);

/* Base pairs as arcs over the sequence: the native's above, the prediction's below.  pair (n_pair,2) from 0, i < j. */
typedef struct {
    const char *title;
    int64_t length;
    const int64_t (*native)[2], (*model)[2];
    int64_t n_native, n_model;
} rt_chart_arcs;
void rt_chart_draw_arcs(rt_text *out, const rt_chart_arcs *arcs);

/* Expected errors (n,n) Angstrom as a picture of at most 256 x 256 pixels, each the mean of what it stands for.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_chart_draw_errors(rt_text *out, const char *title, const float *pae, int64_t n, rt_err *err);

/* Round steps: low and high are widened to multiples of *out_step, at most `most` steps of 1, 2 or 5 times a power
 * of ten. An empty range becomes one of width 1 (or of the value's tenth). */
void rt_chart_ticks(double *low, double *high, int most, double *out_step);
/* Digits behind the point that a step needs: 0.05 has 2. */
int rt_chart_decimals(double step);

#endif
