/* plain.h - the bytes of a file, unpacked when it is gzip
 * Room: io.  Uses: base/file, base/memory, zlib.
 */
#ifndef RT_IO_PLAIN_H
#define RT_IO_PLAIN_H

#include <stdint.h>

#include "base/file.h"
#include "base/status.h"

/* A plain file is mapped, a gzip file (known by its first two bytes, whatever its name) is unpacked into memory. */
typedef struct {
    const char *data;   /* not NUL-terminated */
    int64_t size;
    rt_map map;
    char *unpacked;     /* NULL for a plain file */
} rt_plain;

/* Errors: RT_ERR_IO; RT_ERR_FORMAT for a gzip file that is damaged, cut short or followed by something else;
 * RT_ERR_UNSUPPORTED for one that unpacks to more than 4 GiB; RT_ERR_MEMORY. */
rt_status rt_plain_open(rt_plain *out_plain, const char *path, rt_err *err);
void rt_plain_close(rt_plain *plain);

/* Gives each line, without its end (LF or CRLF), to `take`, which may change the text it gets.
 * Errors: those of rt_plain_open, and whatever `take` returns. */
typedef rt_status rt_plain_line(void *context, const char *path, int64_t line, char *text, rt_err *err);
rt_status rt_plain_each_line(const char *path, rt_plain_line *take, void *context, rt_err *err);

#endif
