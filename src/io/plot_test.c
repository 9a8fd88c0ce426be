/* plot_test.c - the PNG is one that readers accept, and the picture shows what it is given */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/plot.h"

static uint32_t big_endian(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* Walks over the chunks, checking every sum; returns the unpacked pixels with their filter bytes. */
static uint8_t *read_png(const rt_text *png, uint32_t *width, uint32_t *height)
{
    const uint8_t *at = (const uint8_t *)png->data, *end = at + png->length;
    uint8_t *pixels = NULL;
    bool ended = false;
    assert_memory_equal(at, "\x89PNG\r\n\x1a\n", 8);
    for (at += 8; at < end; at += 12 + big_endian(at)) {
        uint32_t size = big_endian(at);
        assert_int_equal(crc32(0, at + 4, size + 4), big_endian(at + 8 + size));
        if (!memcmp(at + 4, "IHDR", 4)) {
            *width = big_endian(at + 8), *height = big_endian(at + 12);
            assert_memory_equal(at + 16, "\x08\x02\0\0\0", 5);
        } else if (!memcmp(at + 4, "IDAT", 4)) {
            uLongf bytes = *height * (1 + 3 * *width);
            pixels = test_malloc(bytes);
            assert_int_equal(uncompress(pixels, &bytes, at + 8, size), Z_OK);
            assert_int_equal(bytes, *height * (1 + 3 * *width));
        } else {
            assert_memory_equal(at + 4, "IEND", 4);
            ended = true;
        }
    }
    assert_true(ended && at == end);
    return pixels;
}

static void a_png_holds_its_pixels(void **state)
{
    (void)state;
    enum { W = 7, H = 3 };
    uint8_t rgb[3 * W * H];
    uint32_t width = 0, height = 0;
    rt_text png = {0};
    for (int i = 0; i < 3 * W * H; i++) rgb[i] = (uint8_t)(i * 37);
    assert_int_equal(rt_plot_png(&png, rgb, W, H, NULL), RT_OK);
    uint8_t *pixels = read_png(&png, &width, &height);
    assert_true(width == W && height == H);
    for (int y = 0; y < H; y++) {
        assert_int_equal(pixels[y * (1 + 3 * W)], 0);
        assert_memory_equal(pixels + y * (1 + 3 * W) + 1, rgb + 3 * W * y, 3 * W);
    }
    test_free(pixels);
    rt_text_free(&png);
}

static void a_plot_is_text_that_says_what_it_shows(void **state)
{
    (void)state;
    enum { N = 12 };
    float plddt[N], pae[N * N];
    const int64_t ends[] = {8, 12};
    rt_text svg = {0};
    for (int i = 0; i < N; i++) plddt[i] = (float)(10 * (i % 10));
    plddt[5] = NAN;
    for (int i = 0; i < N * N; i++) pae[i] = i % 40 == 3 ? NAN : (float)(i % 40);
    assert_int_equal(rt_plot_confidence(&svg, "a<b & c", plddt, pae, N, ends, 2, NULL), RT_OK);
    assert_non_null(strstr(svg.data, "a&lt;b &amp; c"));
    assert_non_null(strstr(svg.data, "href=\"data:image/png;base64,iVBORw0KGgo"));
    assert_non_null(strstr(svg.data, "#d62728"));   /* the chains' border */
    assert_null(strstr(svg.data, "nan"));
    const char *path = strstr(svg.data, " d=\"M");
    assert_non_null(path);
    int moves = 0;
    for (const char *p = path; *p != '/'; p++) moves += *p == 'M';
    assert_int_equal(moves, 2);                     /* the line breaks where there is no number */
    assert_string_equal(svg.data + svg.length - 7, "</svg>\n");
    rt_text_free(&svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_png_holds_its_pixels),
        cmocka_unit_test(a_plot_is_text_that_says_what_it_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
