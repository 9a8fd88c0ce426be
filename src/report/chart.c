#include "report/chart.h"

#include <math.h>
#include <string.h>

#include "report/html.h"

enum { WIDE = 520, HIGH = 280, LEFT = 58, RIGHT = 14, TOP = 34, BOTTOM = 44, LEGEND_STEP = 18 };

/* ---- scales -------------------------------------------------------------------------------------------------- */

void rt_chart_ticks(double *low, double *high, int most, double *out_step)
{
    if (*high <= *low) {
        double half = *low == 0 ? 0.5 : fabs(*low) / 20;
        *low -= half;
        *high += half;
    }
    double step = pow(10, floor(log10((*high - *low) / most)));
    static const double FACTORS[] = {1, 2, 5, 10, 20};
    for (int i = 0; i < 5; i++) {
        double first = floor(*low / (step * FACTORS[i]) + 1e-9), last = ceil(*high / (step * FACTORS[i]) - 1e-9);
        if (last - first > most) continue;
        *out_step = step * FACTORS[i];
        *low = first * *out_step;
        *high = last * *out_step;
        return;
    }
    RT_BUG("no step for %g to %g", *low, *high);
}

int rt_chart_decimals(double step)
{
    int decimals = 0;
    while (decimals < 9 && fabs(step - round(step)) > 1e-6 * step) {
        step *= 10;
        decimals++;
    }
    return decimals;
}

/* Where values stand on the picture. */
typedef struct {
    double low, high, step, from, to;   /* from: the picture's coordinate of low */
} scale;

static double at(const scale *s, double value)
{
    return s->from + (s->to - s->from) * (value - s->low) / (s->high - s->low);
}

static scale make_scale(double low, double high, int most, double from, double to)
{
    scale s = {low, high, 1, from, to};
    rt_chart_ticks(&s.low, &s.high, most, &s.step);
    return s;
}

/* Very small and very large numbers as 5e-4, so that they fit beside the axis. */
static void add_number(rt_text *out, double value, double step)
{
    if (fabs(value) < step / 1e6) value = 0;
    if (value == 0) {
        rt_text_add(out, "0");
    } else if (step < 1e-3 || step >= 1e5) {
        int power = (int)floor(log10(fabs(value)) + 1e-9);
        rt_text_add(out, "%.3ge%d", value / pow(10, power), power);
    } else {
        rt_text_add(out, "%.*f", rt_chart_decimals(step), value);
    }
}

static void open_svg(rt_text *out, const char *title, double wide, double high)
{
    rt_html_add(out, "<figure class=\"chart\"><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>%s</title>\n", wide,
                high, title);
    rt_html_add(out, "<text class=\"name\" x=\"0\" y=\"14\">%s</text>\n", title);
}

static void add_x_axis(rt_text *out, const scale *x, double top, double bottom, const char *label)
{
    int64_t n = llround((x->high - x->low) / x->step);
    for (int64_t i = 0; i <= n; i++) {
        double value = x->low + (double)i * x->step, place = at(x, value);
        rt_text_add(out,
                    "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"tick\" "
                    "x=\"%.1f\" "
                    "y=\"%.1f\" text-anchor=\"middle\">",
                    place, top, place, bottom, place, bottom + 15);
        add_number(out, value, x->step);
        rt_text_add(out, "</text>\n");
    }
    rt_html_add(out, "<text class=\"label\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                (x->from + x->to) / 2, bottom + 33, label);
}

static void add_y_axis(rt_text *out, const scale *y, double left, double right, const char *label)
{
    int64_t n = llround((y->high - y->low) / y->step);
    for (int64_t i = 0; i <= n; i++) {
        double value = y->low + (double)i * y->step, place = at(y, value);
        rt_text_add(out,
                    "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"tick\" "
                    "x=\"%.1f\" "
                    "y=\"%.1f\" text-anchor=\"end\">",
                    left, place, right, place, left - 6, place + 4);
        add_number(out, value, y->step);
        rt_text_add(out, "</text>\n");
    }
    rt_html_add(out,
                "<text class=\"label\" transform=\"translate(12 %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
                (y->from + y->to) / 2, label);
}

/* Words and their signs below a chart, wrapped by the browser. */
static void open_legend(rt_text *out) { rt_text_add(out, "</svg><figcaption class=\"legend\">"); }
static void close_legend(rt_text *out) { rt_text_add(out, "</figcaption></figure>\n"); }

/* A shape besides the colour, for readers who do not tell colours apart. */
static void add_dot(rt_text *out, int colour, double x, double y, double r)
{
    switch (colour % 4) {
    case 0: rt_text_add(out, "<circle class=\"s%d dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>", colour, x, y, r); break;
    case 1:
        rt_text_add(out, "<rect class=\"s%d dot\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", colour,
                    x - r, y - r, 2 * r, 2 * r);
        break;
    case 2:
        rt_text_add(out, "<path class=\"s%d dot\" d=\"M%.1f,%.1fl%.1f,%.1fh%.1fz\"/>", colour, x, y - 1.2 * r, 1.2 * r,
                    2.2 * r, -2.4 * r);
        break;
    default:
        rt_text_add(out, "<path class=\"s%d dot\" d=\"M%.1f,%.1fl%.1f,%.1fl%.1f,%.1fl%.1f,%.1fz\"/>", colour, x,
                    y - 1.4 * r, 1.4 * r, 1.4 * r, -1.4 * r, 1.4 * r, -1.4 * r, -1.4 * r);
    }
}

static void add_key(rt_text *out, int colour, bool line, bool dashed, const char *label)
{
    rt_text_add(out, "<span><svg class=\"key\" viewBox=\"0 0 22 12\" aria-hidden=\"true\">");
    if (line) rt_text_add(out, "<path class=\"s%d line%s\" d=\"M0,6H22\"/>", colour, dashed ? " dashed" : "");
    else add_dot(out, colour, 11, 6, 4);
    rt_html_add(out, "</svg>%s</span> ", label);
}

static void say_empty(rt_text *out, const char *title)
{
    rt_html_add(out, "<figure class=\"chart\"><p class=\"missing\">%s: no values.</p></figure>\n", title);
}

/* ---- lines and points ---------------------------------------------------------------------------------------- */

static bool is_point(const rt_chart_series *s, int64_t i) { return isfinite(s->x[i]) && isfinite(s->y[i]); }

/* false: there is not a single point. */
static bool find_range(const rt_chart *chart, double out_low[2], double out_high[2])
{
    bool any = false;
    for (int k = 0; k < chart->n_series; k++)
        for (int64_t i = 0; i < chart->series[k].n; i++) {
            const rt_chart_series *s = &chart->series[k];
            if (!is_point(s, i)) continue;
            double value[2] = {s->x[i], s->y[i]};
            for (int axis = 0; axis < 2; axis++) {
                if (!any || value[axis] < out_low[axis]) out_low[axis] = value[axis];
                if (!any || value[axis] > out_high[axis]) out_high[axis] = value[axis];
            }
            any = true;
        }
    return any;
}

static void add_series(rt_text *out, const rt_chart_series *s, const scale *x, const scale *y)
{
    bool drawing = false;
    if (s->line) {
        rt_text_add(out, "<path class=\"s%d line%s\" d=\"", s->colour, s->dashed ? " dashed" : "");
        for (int64_t i = 0; i < s->n; i++) {
            if (is_point(s, i)) rt_text_add(out, "%c%.1f,%.1f", drawing ? 'L' : 'M', at(x, s->x[i]), at(y, s->y[i]));
            drawing = is_point(s, i);
        }
        rt_text_add(out, "\"/>\n");
    }
    double r = s->n > 400 ? 2 : s->n > 60 ? 2.6 : 3.6;
    for (int64_t i = 0; s->dots && i < s->n; i++)
        if (is_point(s, i)) add_dot(out, s->colour, at(x, s->x[i]), at(y, s->y[i]), r);
    if (s->dots) rt_text_add(out, "\n");
}

void rt_chart_draw(rt_text *out, const rt_chart *chart)
{
    double low[2] = {0, 0}, high[2] = {1, 1};
    if (!find_range(chart, low, high)) {
        say_empty(out, chart->title);
        return;
    }
    if (chart->unit_square)
        for (int axis = 0; axis < 2; axis++) low[axis] = 0, high[axis] = 1;
    if (chart->from_zero && low[1] > 0) low[1] = 0;
    double tall = chart->unit_square ? WIDE * 0.72 : HIGH;
    scale x = make_scale(low[0], high[0], 8, LEFT, WIDE - RIGHT),
          y = make_scale(low[1], high[1], 6, tall - BOTTOM, TOP);
    open_svg(out, chart->title, WIDE, tall);
    add_x_axis(out, &x, TOP, tall - BOTTOM, chart->x_label);
    add_y_axis(out, &y, LEFT, WIDE - RIGHT, chart->y_label);
    if (chart->unit_square)
        rt_text_add(out, "<path class=\"axis dashed\" d=\"M%.1f,%.1fL%.1f,%.1f\"/>\n", at(&x, 0), at(&y, 0), at(&x, 1),
                    at(&y, 1));
    for (int k = 0; k < chart->n_series; k++) add_series(out, &chart->series[k], &x, &y);
    open_legend(out);
    for (int k = 0; k < chart->n_series; k++)
        add_key(out, chart->series[k].colour, chart->series[k].line, chart->series[k].dashed, chart->series[k].label);
    close_legend(out);
}

/* ---- bars ---------------------------------------------------------------------------------------------------- */

void rt_chart_draw_bars(rt_text *out, const rt_chart_bars *bars)
{
    double most = 0;
    for (int b = 0; b < bars->n_bin; b++) {
        double sum = 0;
        for (int p = 0; p < bars->n_part; p++) sum += (double)bars->count[p * bars->n_bin + b];
        if (sum > most) most = sum;
    }
    if (most == 0) {
        say_empty(out, bars->title);
        return;
    }
    scale y = make_scale(0, most, 6, HIGH - BOTTOM, TOP);
    double step = (double)(WIDE - LEFT - RIGHT) / bars->n_bin;
    open_svg(out, bars->title, WIDE, HIGH);
    add_y_axis(out, &y, LEFT, WIDE - RIGHT, bars->y_label);
    for (int b = 0; b < bars->n_bin; b++) {
        double below = 0, left = LEFT + step * b;
        for (int p = 0; p < bars->n_part; p++) {
            double count = (double)bars->count[p * bars->n_bin + b];
            if (count > 0)
                rt_html_add(out,
                            "<rect class=\"s%d bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s, "
                            "%s: %lld"
                            "</title></rect>\n",
                            p, left + step * 0.1, at(&y, below + count), step * 0.8,
                            at(&y, below) - at(&y, below + count), bars->bin[b], bars->part[p],
                            (long long)bars->count[p * bars->n_bin + b]);
            below += count;
        }
        rt_html_add(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", left + step / 2,
                    HIGH - BOTTOM + 15, bars->bin[b]);
    }
    rt_html_add(out, "<text class=\"label\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                (LEFT + WIDE - RIGHT) / 2.0, HIGH - BOTTOM + 33, bars->x_label);
    open_legend(out);
    for (int p = 0; p < bars->n_part; p++)
        rt_html_add(out,
                    "<span><svg class=\"key\" viewBox=\"0 0 22 12\" aria-hidden=\"true\"><rect class=\"s%d bar\" "
                    "x=\"4\" y=\"1\" "
                    "width=\"14\" height=\"10\"/></svg>%s</span> ",
                    p, bars->part[p]);
    close_legend(out);
}

/* ---- intervals ----------------------------------------------------------------------------------------------- */

static void widen(double *low, double *high, double value)
{
    if (!isfinite(value)) return;
    if (!(*low <= value)) *low = value;      /* also while low is NaN */
    if (!(*high >= value)) *high = value;
}

void rt_chart_draw_intervals(rt_text *out, const rt_chart_intervals *chart)
{
    double low = NAN, high = NAN, row = 40, left = 8;
    for (int64_t i = 0; i < chart->n; i++) {
        const rt_chart_interval *r = &chart->row[i];
        widen(&low, &high, r->value);
        widen(&low, &high, r->low);
        widen(&low, &high, r->high);
    }
    if (isnan(low)) {
        say_empty(out, chart->title);
        return;
    }
    for (int i = 0; i < chart->n_mark; i++) widen(&low, &high, chart->mark[i]);
    scale x = make_scale(low, high, 8, left + 12, WIDE - RIGHT - 12);
    double top = TOP + LEGEND_STEP * (double)chart->n_mark, bottom = top + row * (double)chart->n;
    open_svg(out, chart->title, WIDE, bottom + BOTTOM);
    add_x_axis(out, &x, top, bottom, chart->x_label);
    for (int i = 0; i < chart->n_mark; i++) {
        double place = at(&x, chart->mark[i]), y = TOP + LEGEND_STEP * i + 8;
        bool to_left = place > WIDE * 0.6;
        rt_html_add(out,
                    "<path class=\"mark dashed\" d=\"M%.1f,%.1fV%.1f\"/><text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
                    "text-anchor=\"%s\">%s</text>\n",
                    place, y - 8, bottom, place + (to_left ? -5 : 5), y, to_left ? "end" : "start",
                    chart->mark_label[i]);
    }
    for (int64_t i = 0; i < chart->n; i++) {
        const rt_chart_interval *r = &chart->row[i];
        double y = top + row * ((double)i + 0.7);
        if (isfinite(r->low) && isfinite(r->high))
            rt_text_add(out, "<path class=\"s%d line\" d=\"M%.1f,%.1fH%.1fM%.1f,%.1fv10M%.1f,%.1fv10\"/>\n", r->colour,
                        at(&x, r->low), y, at(&x, r->high), at(&x, r->low), y - 5, at(&x, r->high), y - 5);
        if (isfinite(r->value)) add_dot(out, r->colour, at(&x, r->value), y, 4.5);
        rt_html_add(out, "<text class=\"label halo\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", left, y - 12, r->label);
    }
    rt_text_add(out, "</svg></figure>\n");
}
