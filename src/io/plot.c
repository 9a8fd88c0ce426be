#include "io/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"

enum { LEFT = 70, TOP = 50, WIDE = 480, LINE_HIGH = 180, GAP = 70, MAP = 480 };
static const double WORST = 32;   /* Angstrom: the last bin of the reference's PAE */

/* ---- PNG ----------------------------------------------------------------------------------------------------- */

static void add_big_endian(rt_text *out, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    rt_text_add_bytes(out, bytes, 4);
}

static void add_chunk(rt_text *out, const char type[4], const uint8_t *data, int64_t size)
{
    add_big_endian(out, (uint32_t)size);
    rt_text_add_bytes(out, type, 4);
    if (size) rt_text_add_bytes(out, data, size);
    uLong sum = crc32(0, (const Bytef *)type, 4);
    if (size) sum = crc32(sum, data, (uInt)size);   /* zlib takes no data for a new start */
    add_big_endian(out, (uint32_t)sum);
}

rt_status rt_plot_png(rt_text *out_bytes, const uint8_t *rgb, int64_t width, int64_t height, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t row = 1 + 3 * width;
    uint8_t *raw = NULL, *packed = NULL, header[13] = {0};
    uLongf size = compressBound((uLong)(row * height));
    RT_TRY_ALLOC(raw, row * height);
    RT_TRY_ALLOC(packed, (int64_t)size);
    for (int64_t y = 0; y < height; y++) memcpy(raw + y * row + 1, rgb + 3 * y * width, (size_t)(3 * width));   /* filter 0 */
    if (compress2(packed, &size, raw, (uLong)(row * height), 6) != Z_OK)
        RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for a picture"));
    for (int i = 0; i < 4; i++) {
        header[i] = (uint8_t)(width >> (24 - 8 * i));
        header[4 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    header[8] = 8;   /* bits per channel */
    header[9] = 2;   /* red, green, blue */
    rt_text_add_bytes(out_bytes, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(out_bytes, "IHDR", header, sizeof header);
    add_chunk(out_bytes, "IDAT", packed, (int64_t)size);
    add_chunk(out_bytes, "IEND", NULL, 0);
    if (out_bytes->failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for a picture"));
done:
    free(raw);
    free(packed);
    return status;
}

static void add_base64(rt_text *out, const uint8_t *data, int64_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int64_t i = 0; i < size; i += 3) {
        uint32_t three = (uint32_t)data[i] << 16 | (i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0) |
                         (i + 2 < size ? (uint32_t)data[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63], i + 1 < size ? digits[three >> 6 & 63] : '=',
                        i + 2 < size ? digits[three & 63] : '='};
        rt_text_add_bytes(out, four, 4);
    }
}

/* ---- the two panels ------------------------------------------------------------------------------------------ */

/* Dark green for certain pairs to white for 32 A and more, as the structure databases draw it. */
static void error_colour(uint8_t out[3], float error)
{
    static const double CERTAIN[3] = {0, 68, 27}, UNSURE[3] = {247, 252, 245};
    double t = error < 0 ? 0 : error > WORST ? 1 : error / WORST;
    for (int i = 0; i < 3; i++) out[i] = isfinite(error) ? (uint8_t)lround(CERTAIN[i] + t * (UNSURE[i] - CERTAIN[i])) : 128;
}

rt_status rt_plot_error_picture(rt_text *out_text, const float *pae, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    uint8_t *rgb;
    rt_text png = {0};
    RT_TRY_ALLOC(rgb, 3 * n * n);
    for (int64_t i = 0; i < n * n; i++) error_colour(rgb + 3 * i, pae[i]);
    RT_TRY(rt_plot_png(&png, rgb, n, n, err));
    rt_text_add(out_text, "data:image/png;base64,");
    add_base64(out_text, (const uint8_t *)png.data, png.length);
done:
    free(rgb);
    rt_text_free(&png);
    return status;
}

static rt_status add_map(rt_text *out, const float *pae, int64_t n, rt_err *err)
{
    rt_text_add(out, "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" preserveAspectRatio=\"none\" "
                "style=\"image-rendering:pixelated\" href=\"", LEFT, TOP + LINE_HIGH + GAP, MAP, MAP);
    rt_status status = rt_plot_error_picture(out, pae, n, err);
    rt_text_add(out, "\"/>\n");
    return status;
}

/* Where residue i of n stands on an axis. */
static double along(int64_t i, int64_t n) { return LEFT + WIDE * ((double)i + 0.5) / (double)n; }

/* The step between labelled residues: 1, 2 or 5 times a power of ten, at most eight labels. */
static int64_t label_step(int64_t n)
{
    static const int64_t FACTORS[] = {1, 2, 5};
    for (int64_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++)
            if (n / (power * FACTORS[i]) < 8) return power * FACTORS[i];
}

static void add_labels(rt_text *out, int64_t n, double y)
{
    int64_t step = label_step(n);
    for (int64_t label = step; label <= n; label += step)
        rt_text_add(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%lld</text>\n", along(label - 1, n), y,
                    (long long)label);
}

static void add_line(rt_text *out, double x1, double y1, double x2, double y2, const char *colour)
{
    rt_text_add(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour);
}

static void add_profile(rt_text *out, const float *plddt, int64_t n)
{
    for (int level = 0; level <= 100; level += 25) {
        double y = TOP + LINE_HIGH * (1 - level / 100.0);
        add_line(out, LEFT, y, LEFT + WIDE, y, "#dddddd");
        rt_text_add(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n", LEFT - 8, y + 4, level);
    }
    rt_text_add(out, "<path fill=\"none\" stroke=\"#0053d6\" stroke-width=\"1.5\" d=\"");
    bool drawing = false;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(plddt[i])) {
            drawing = false;
            continue;
        }
        rt_text_add(out, "%c%.1f,%.1f", drawing ? 'L' : 'M', along(i, n), TOP + LINE_HIGH * (1 - plddt[i] / 100.0));
        drawing = true;
    }
    rt_text_add(out, "\"/>\n");
    add_labels(out, n, TOP + LINE_HIGH + 18);
}

static void add_title(rt_text *out, const char *title)
{
    rt_text_add(out, "<text x=\"%d\" y=\"24\" font-size=\"15\">", LEFT);
    for (const char *c = title; *c; c++)
        rt_text_add(out, *c == '<' ? "&lt;" : *c == '&' ? "&amp;" : "%c", *c);
    rt_text_add(out, "</text>\n");
}

rt_status rt_plot_confidence(rt_text *out_text, const char *title, const float *plddt, const float *pae, int64_t n,
                             const int64_t *chain_end, int64_t n_chain, rt_err *err)
{
    rt_text *out = out_text;
    double map = TOP + LINE_HIGH + GAP;
    rt_text_add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" font-family=\"sans-serif\" "
                "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
                LEFT + WIDE + 110, map + MAP + 60);
    add_title(out, title);
    add_profile(out, plddt, n);
    rt_text_add(out, "<text x=\"%d\" y=\"%d\">pLDDT</text>\n", LEFT, TOP - 8);
    rt_status status = add_map(out, pae, n, err);
    if (status != RT_OK) return status;
    rt_text_add(out, "<text x=\"%d\" y=\"%.1f\">expected error of residue (column) when aligned on residue (row)</text>\n", LEFT,
                map - 8);
    add_labels(out, n, map + MAP + 18);
    for (int64_t label = label_step(n), step = label; label <= n; label += step)
        rt_text_add(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%lld</text>\n", LEFT - 8,
                    map + MAP * ((double)label - 0.5) / (double)n + 4, (long long)label);
    for (int64_t c = 0; c + 1 < n_chain; c++) {   /* where one chain ends and the next begins */
        double at = (double)chain_end[c] / (double)n;
        add_line(out, LEFT + WIDE * at, TOP, LEFT + WIDE * at, TOP + LINE_HIGH, "#d62728");
        add_line(out, LEFT + MAP * at, map, LEFT + MAP * at, map + MAP, "#d62728");
        add_line(out, LEFT, map + MAP * at, LEFT + MAP, map + MAP * at, "#d62728");
    }
    for (int i = 0; i < 64; i++) {   /* the scale */
        uint8_t colour[3];
        error_colour(colour, (float)(WORST * (63 - i) / 63));
        rt_text_add(out, "<rect x=\"%d\" y=\"%.1f\" width=\"16\" height=\"3.6\" fill=\"#%02x%02x%02x\"/>\n", LEFT + MAP + 24,
                    map + 3.5 * i, colour[0], colour[1], colour[2]);
    }
    rt_text_add(out, "<text x=\"%d\" y=\"%.1f\">32 \xc3\x85</text>\n<text x=\"%d\" y=\"%.1f\">0</text>\n</svg>\n",
                LEFT + MAP + 46, map + 10, LEFT + MAP + 46, map + 224);
    if (out->failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for a picture");
    return status;
}
