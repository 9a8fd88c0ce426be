#define _GNU_SOURCE
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"

enum { PACKED = 1 << 18 };   /* bytes of a gzip file that are read at once */

struct rt_stream {
    char *path;
    int fd;
    int64_t size, position;     /* of the file, packed or not */
    bool gzip, open_z, member_ended;
    z_stream z;
    uint8_t *packed;
};

static rt_status read_file(rt_stream *stream, void *out, int64_t size, int64_t *out_count, rt_err *err)
{
    ssize_t n;
    do n = pread(stream->fd, out, (size_t)size, stream->position);
    while (n < 0 && errno == EINTR);
    *out_count = n < 0 ? 0 : n;
    if (n < 0) return rt_fail(err, RT_ERR_IO, stream->path, 0, "cannot read: %s", strerror(errno));
    stream->position += n;
    return RT_OK;
}

static rt_status start_gzip(rt_stream *stream, rt_err *err)
{
    if (stream->open_z) inflateEnd(&stream->z);
    stream->z = (z_stream){0};
    stream->open_z = inflateInit2(&stream->z, 15 + 16) == Z_OK;
    stream->position = 0;
    stream->member_ended = false;
    return stream->open_z ? RT_OK : rt_fail(err, RT_ERR_MEMORY, stream->path, 0, "out of memory while unpacking");
}

rt_status rt_stream_open(rt_stream **ret_stream, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_stream *stream;
    struct stat info;
    uint8_t head[2];
    *ret_stream = NULL;
    RT_TRY_ALLOC(stream, 1);
    stream->fd = -1;
    stream->path = rt_copy_text(path, -1, err);
    if (!stream->path) RT_TRY(RT_ERR_MEMORY);
    stream->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (stream->fd < 0) RT_TRY(rt_fail(err, RT_ERR_IO, path, 0, "cannot open: %s", strerror(errno)));
    if (fstat(stream->fd, &info) != 0 || !S_ISREG(info.st_mode))
        RT_TRY(rt_fail(err, RT_ERR_IO, path, 0, "is not a regular file"));
    stream->size = info.st_size;
    posix_fadvise(stream->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    stream->gzip = pread(stream->fd, head, 2, 0) == 2 && head[0] == 0x1f && head[1] == 0x8b;
    if (stream->gzip) {
        RT_TRY_ALLOC(stream->packed, PACKED);
        RT_TRY(start_gzip(stream, err));
    }
done:
    if (status == RT_OK) *ret_stream = stream;
    else rt_stream_close(stream);
    return status;
}

void rt_stream_close(rt_stream *stream)
{
    if (!stream) return;
    if (stream->open_z) inflateEnd(&stream->z);
    if (stream->fd >= 0) close(stream->fd);
    free(stream->packed);
    free(stream->path);
    free(stream);
}

static rt_status read_gzip(rt_stream *stream, uint8_t *out, int64_t size, int64_t *out_count, rt_err *err)
{
    z_stream *z = &stream->z;
    z->next_out = out;
    z->avail_out = (uInt)size;
    while (z->avail_out == (uInt)size) {
        if (!z->avail_in) {
            int64_t n;
            rt_status status = read_file(stream, stream->packed, PACKED, &n, err);
            if (status != RT_OK) return status;
            z->next_in = stream->packed;
            z->avail_in = (uInt)n;
            if (n == 0 && stream->member_ended) break;
            if (n == 0)
                return rt_fail(err, RT_ERR_FORMAT, stream->path, 0, "the gzip file is damaged: it is cut short");
        }
        int code = Z_OK;
        if (stream->member_ended) code = inflateReset(z);   /* another member follows */
        stream->member_ended = false;
        if (code == Z_OK) code = inflate(z, Z_NO_FLUSH);
        if (code == Z_STREAM_END) stream->member_ended = true;
        else if (code != Z_OK)
            return rt_fail(err, RT_ERR_FORMAT, stream->path, 0, "the gzip file is damaged: %s",
                           z->msg ? z->msg : "unreadable");
    }
    *out_count = size - z->avail_out;
    return RT_OK;
}

rt_status rt_stream_read(rt_stream *stream, void *out, int64_t size, int64_t *out_count, rt_err *err)
{
    if (size > 1 << 30) size = 1 << 30;
    *out_count = 0;
    if (size <= 0) return RT_OK;
    return stream->gzip ? read_gzip(stream, out, size, out_count, err) : read_file(stream, out, size, out_count, err);
}

rt_status rt_stream_seek(rt_stream *stream, int64_t offset, rt_err *err)
{
    rt_status status = RT_OK;
    void *passed = NULL;
    if (!stream->gzip) {
        if (offset > stream->size) RT_TRY(rt_fail(err, RT_ERR_FORMAT, stream->path, 0, "is shorter than it was"));
        stream->position = offset;
        return RT_OK;
    }
    RT_TRY(start_gzip(stream, err));
    passed = rt_alloc(PACKED, 1, err);
    if (!passed) RT_TRY(RT_ERR_MEMORY);
    while (offset > 0) {
        int64_t n;
        RT_TRY(rt_stream_read(stream, passed, offset < PACKED ? offset : PACKED, &n, err));
        if (n == 0) RT_TRY(rt_fail(err, RT_ERR_FORMAT, stream->path, 0, "is shorter than it was"));
        offset -= n;
    }
done:
    free(passed);
    return status;
}

int64_t rt_stream_position(const rt_stream *stream) { return stream->position; }
int64_t rt_stream_size(const rt_stream *stream) { return stream->size; }
bool rt_stream_is_gzip(const rt_stream *stream) { return stream->gzip; }
