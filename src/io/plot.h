/* plot.h - a sample's confidence as a picture: pLDDT along the chain, expected error of every pair
 * Room: io.  Uses: base/text, zlib.
 *
 * SVG: axes and words are text, the error map is one embedded PNG of N x N pixels, so that 2,000 residues are a megabyte and
 * not four million rectangles.
 */
#ifndef RT_IO_PLOT_H
#define RT_IO_PLOT_H

#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

/* Appends an SVG document.  plddt (n) 0 .. 100 per residue; pae (n,n) Angstrom, row i aligned on residue i; chain_end
 * (n_chain): one past the last residue of each chain.  A value that is not finite is drawn grey.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_plot_confidence(rt_text *out_text, const char *title, const float *plddt, const float *pae, int64_t n,
                             const int64_t *chain_end, int64_t n_chain, rt_err *err);

/* Appends the error map alone, n x n pixels, as the address of a picture: "data:image/png;base64,...".  RT_ERR_MEMORY. */
rt_status rt_plot_error_picture(rt_text *out_text, const float *pae, int64_t n, rt_err *err);

/* Appends a PNG file of `width` x `height` pixels with 8-bit red, green, blue.  RT_ERR_MEMORY. */
rt_status rt_plot_png(rt_text *out_bytes, const uint8_t *rgb, int64_t width, int64_t height, rt_err *err);

#endif
