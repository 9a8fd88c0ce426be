/* stream.h - the bytes of a file of any size, one after another, unpacked when it is gzip
 * Room: io.  Uses: base/memory, zlib.
 *
 * For files that need not fit into memory (io/plain maps or unpacks the whole): a fixed buffer, whatever the size.
 */
#ifndef RT_IO_STREAM_H
#define RT_IO_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_stream rt_stream;

/* A gzip file is known by its first two bytes, whatever its name.  Errors: RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_stream_open(rt_stream **ret_stream, const char *path, rt_err *err);
void rt_stream_close(rt_stream *stream);   /* NULL ok */

/* Up to `size` bytes; 0 at the end of the file, never in between.  Errors: RT_ERR_IO; RT_ERR_FORMAT for a gzip file
 * that is damaged, cut short or followed by something else. */
rt_status rt_stream_read(rt_stream *stream, void *out, int64_t size, int64_t *out_count, rt_err *err);

/* Goes to a place in the (unpacked) content, forwards or back; in a gzip file what lies before is unpacked again.
 * RT_ERR_FORMAT when the content ends before it. */
rt_status rt_stream_seek(rt_stream *stream, int64_t offset, rt_err *err);

/* How far the file itself has been read, and its size: for progress. */
int64_t rt_stream_position(const rt_stream *stream);
int64_t rt_stream_size(const rt_stream *stream);
bool rt_stream_is_gzip(const rt_stream *stream);

#endif
