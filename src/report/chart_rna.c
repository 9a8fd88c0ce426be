/* chart_rna.c - plots of one structure: base pairs as arcs, expected errors as a picture */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/plot.h"
#include "report/chart.h"
#include "report/html.h"

enum { ARCS_WIDE = 520, ARCS_SIDE = 10, ARCS_TOP = 34, MOST_PIXELS = 256 };

static double place_of(int64_t residue, int64_t length)
{
    return ARCS_SIDE + (ARCS_WIDE - 2 * ARCS_SIDE) * ((double)residue + 0.5) / (double)length;
}

static int64_t widest(const int64_t (*pair)[2], int64_t n)
{
    int64_t most = 0;
    for (int64_t i = 0; i < n; i++)
        if (pair[i][1] - pair[i][0] > most) most = pair[i][1] - pair[i][0];
    return most;
}

static bool has_pair(const int64_t (*pair)[2], int64_t n, const int64_t wanted[2])
{
    for (int64_t i = 0; i < n; i++)
        if (pair[i][0] == wanted[0] && pair[i][1] == wanted[1]) return true;
    return false;
}

/* up: 1 above the line, 0 below.  A pair that the other side has too is drawn strongly. */
static void add_arcs(rt_text *out, const rt_chart_arcs *arcs, bool up, double y, double flatten)
{
    const int64_t(*pair)[2] = up ? arcs->native : arcs->model, (*other)[2] = up ? arcs->model : arcs->native;
    int64_t n = up ? arcs->n_native : arcs->n_model, n_other = up ? arcs->n_model : arcs->n_native;
    for (int64_t i = 0; i < n; i++) {
        double from = place_of(pair[i][0], arcs->length), to = place_of(pair[i][1], arcs->length), r = (to - from) / 2;
        rt_text_add(out, "<path class=\"%s arc%s\" d=\"M%.1f,%.1fA%.1f,%.1f 0 0 %d %.1f,%.1f\"/>\n",
                    up ? "native" : "s2", has_pair(other, n_other, pair[i]) ? " shared" : "", from, y, r, r * flatten,
                    up ? 1 : 0, to, y);
    }
}

void rt_chart_draw_arcs(rt_text *out, const rt_chart_arcs *arcs)
{
    double step, low = 0, last = (double)arcs->length, per = (ARCS_WIDE - 2.0 * ARCS_SIDE) / (double)arcs->length;
    double up = widest(arcs->native, arcs->n_native) * per / 2, down = widest(arcs->model, arcs->n_model) * per / 2;
    double flatten = fmax(up, down) > 120 ? 120 / fmax(up, down) : 1;
    double y = ARCS_TOP + up * flatten + 6, bottom = y + 24 + down * flatten + 8;
    rt_html_add(out,
                "<figure class=\"chart\"><svg viewBox=\"0 0 %d %.0f\" role=\"img\"><title>%s: %lld pairs in the "
                "native, %lld in the "
                "prediction</title>\n<text class=\"name\" x=\"0\" y=\"14\">%s</text>\n",
                ARCS_WIDE, bottom, arcs->title, (long long)arcs->n_native, (long long)arcs->n_model, arcs->title);
    add_arcs(out, arcs, true, y, flatten);
    add_arcs(out, arcs, false, y + 22, flatten);
    rt_text_add(out, "<path class=\"axis\" d=\"M%d,%.1fH%dM%d,%.1fH%d\"/>\n", ARCS_SIDE, y, ARCS_WIDE - ARCS_SIDE,
                ARCS_SIDE, y + 22, ARCS_WIDE - ARCS_SIDE);
    rt_chart_ticks(&low, &last, 8, &step);
    for (double number = step < 1 ? 1 : step; number <= (double)arcs->length; number += step < 1 ? 1 : step)
        rt_text_add(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f</text>\n",
                    place_of((int64_t)number - 1, arcs->length), y + 15, number);
    rt_text_add(out,
                "</svg><figcaption class=\"legend\"><span><i class=\"swatch native\"></i>native, above: %lld</span> "
                "<span><i class="
                "\"swatch s2\"></i>prediction, below: %lld</span> <span>thick: in both</span></figcaption></figure>\n",
                (long long)arcs->n_native, (long long)arcs->n_model);
}

rt_status rt_chart_draw_errors(rt_text *out, const char *title, const float *pae, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t pixels = n < MOST_PIXELS ? n : MOST_PIXELS;
    float *small = NULL;
    RT_TRY_ALLOC(small, pixels * pixels);
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t j = 0; j < pixels; j++) {
            double sum = 0;
            int64_t top = i * n / pixels, bottom = (i + 1) * n / pixels, left = j * n / pixels,
                    right = (j + 1) * n / pixels;
            for (int64_t a = top; a < bottom; a++)
                for (int64_t b = left; b < right; b++) sum += pae[a * n + b];
            small[i * pixels + j] = (float)(sum / (double)((bottom - top) * (right - left)));
        }
    rt_html_add(out, "<figure class=\"chart map\"><figcaption class=\"name\">%s</figcaption><img alt=\"%s\" src=\"",
                title, title);
    RT_TRY(rt_plot_error_picture(out, small, pixels, err));
    rt_text_add(out, "\"><figcaption class=\"legend\"><span>row: aligned on, column: expected error of</span> <span "
                     "class=\"ramp\">0 "
                     "<i></i> 32 \xc3\x85</span></figcaption></figure>\n");
done:
    free(small);
    return status;
}
