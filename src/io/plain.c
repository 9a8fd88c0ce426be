#include "io/plain.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"

#define LARGEST ((int64_t)4 << 30)

static rt_status damaged(const char *path, const z_stream *z, int code, rt_err *err)
{
    if (code == Z_MEM_ERROR) return rt_fail(err, RT_ERR_MEMORY, path, 0, "out of memory while unpacking");
    return rt_fail(err, RT_ERR_FORMAT, path, 0, "the gzip file is damaged: %s",
                   code == Z_BUF_ERROR ? "it is cut short" : z->msg ? z->msg : "unreadable");
}

/* All members of the gzip file, one after another.  The memory grows with what really comes out. */
static rt_status unpack(rt_plain *plain, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)plain->map.data};
    int64_t left = plain->map.size, capacity = 0;
    if (inflateInit2(&z, 15 + 16) != Z_OK) return rt_fail(err, RT_ERR_MEMORY, path, 0, "out of memory while unpacking");
    for (;;) {
        void *memory = plain->unpacked;
        status = rt_grow(&memory, &capacity, plain->size + 65536, 1, err);
        plain->unpacked = memory;
        if (status != RT_OK) break;
        if (!z.avail_in) {
            z.avail_in = (uInt)(left > INT_MAX ? INT_MAX : left);
            left -= z.avail_in;
        }
        uInt room = (uInt)(capacity - plain->size > INT_MAX ? INT_MAX : capacity - plain->size);
        z.next_out = (Bytef *)plain->unpacked + plain->size;
        z.avail_out = room;
        int code = inflate(&z, Z_NO_FLUSH);
        plain->size += room - z.avail_out;
        if (code == Z_STREAM_END) {
            if (!left && !z.avail_in) break;
            code = inflateReset(&z);
        }
        if (code != Z_OK) status = damaged(path, &z, code, err);
        else if (plain->size > LARGEST)
            status = rt_fail(err, RT_ERR_UNSUPPORTED, path, 0, "unpacks to more than 4 GiB");
        if (status != RT_OK) break;
    }
    inflateEnd(&z);
    return status;
}

rt_status rt_plain_open(rt_plain *out_plain, const char *path, rt_err *err)
{
    rt_plain plain = {0};
    *out_plain = plain;
    rt_status status = rt_map_open(&plain.map, path, err);
    if (status != RT_OK) return status;
    plain.data = (const char *)plain.map.data;
    plain.size = plain.map.size;
    if (plain.size >= 2 && plain.map.data[0] == 0x1f && plain.map.data[1] == 0x8b) {
        plain.size = 0;
        status = unpack(&plain, path, err);
        plain.data = plain.unpacked;
    }
    if (status == RT_OK) *out_plain = plain;
    else rt_plain_close(&plain);
    return status;
}

void rt_plain_close(rt_plain *plain)
{
    free(plain->unpacked);
    rt_map_close(&plain->map);
    *plain = (rt_plain){0};
}

rt_status rt_plain_each_line(const char *path, rt_plain_line *take, void *context, rt_err *err)
{
    rt_plain plain;
    int64_t line = 0, next;
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    for (int64_t at = 0; at < plain.size && status == RT_OK; at = next) {
        const char *end = memchr(plain.data + at, '\n', (size_t)(plain.size - at));
        int64_t length = end ? end - (plain.data + at) : plain.size - at;
        next = at + length + 1;
        if (length && plain.data[at + length - 1] == '\r') length--;
        char *text = rt_copy_text(plain.data + at, length, err);
        status = text ? take(context, path, ++line, text, err) : RT_ERR_MEMORY;
        free(text);
    }
    rt_plain_close(&plain);
    return status;
}
