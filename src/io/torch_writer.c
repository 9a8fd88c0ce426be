#include "io/torch_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/zip_archive.h"

enum { MAX_DEPTH = 32, ALIGNMENT = 64, ZIP64_LIMIT = 0x7fffffff };

typedef struct {
    char name[48];
    int64_t size, offset;   /* offset of its local header */
    uint32_t crc;
} member;

struct rt_torch_writer {
    rt_writer *file;
    char *path;
    int64_t at;             /* bytes written to the file */
    FILE *pickle;           /* all of data.pkl but its first two bytes, until the commit */
    member *member;
    int64_t n_member, member_capacity, n_storage;
    char closing[MAX_DEPTH];   /* the opcode that ends each open container */
    int depth;
    int64_t n_root;
    bool has_array, failed;
};

/* ---- zip --------------------------------------------------------------------------------------------------------- */

typedef struct { uint8_t byte[160]; int n; } record;

static void put(record *r, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) r->byte[r->n++] = i < 8 ? (uint8_t)(value >> 8 * i) : 0;
}

static void write_bytes(rt_torch_writer *w, const void *bytes, int64_t count)
{
    if (count) fwrite(bytes, 1, (size_t)count, rt_writer_stream(w->file));
    w->at += count;
}

/* The header of a member of known size, padded so that its data begin at a multiple of ALIGNMENT. */
static void begin_member(rt_torch_writer *w, const char *name, int64_t size, uint32_t crc)
{
    void *members = w->member;
    if (rt_grow(&members, &w->member_capacity, w->n_member + 1, sizeof *w->member, NULL) != RT_OK) {
        w->failed = true;
        return;
    }
    w->member = members;
    member *m = &w->member[w->n_member++];
    *m = (member){.size = size, .offset = w->at, .crc = crc};
    snprintf(m->name, sizeof m->name, "%s", name);
    bool large = size > ZIP64_LIMIT;
    int64_t length = (int64_t)strlen(m->name), fixed = 30 + length + (large ? 20 : 0) + 4;
    int64_t pad = (ALIGNMENT - (w->at + fixed) % ALIGNMENT) % ALIGNMENT;
    record r = {{0}, 0};
    put(&r, 0x04034b50, 4);
    put(&r, large ? 45 : 20, 2);
    put(&r, 0, 2 + 2 + 2 + 2);                     /* flags, stored, time, date */
    put(&r, crc, 4);
    for (int i = 0; i < 2; i++) put(&r, large ? 0xffffffff : (uint64_t)size, 4);
    put(&r, (uint64_t)length, 2);
    put(&r, (uint64_t)((large ? 20 : 0) + 4 + pad), 2);
    write_bytes(w, r.byte, r.n);
    write_bytes(w, m->name, length);
    r.n = 0;
    if (large) {
        put(&r, 1, 2);
        put(&r, 16, 2);
        put(&r, (uint64_t)size, 8);
        put(&r, (uint64_t)size, 8);
    }
    put(&r, 0x4246, 2);                            /* "FB", PyTorch's name for padding */
    put(&r, (uint64_t)pad, 2);
    memset(r.byte + r.n, 'Z', (size_t)pad);
    write_bytes(w, r.byte, r.n + pad);
}

static void add_member(rt_torch_writer *w, const char *name, const void *bytes, int64_t size)
{
    begin_member(w, name, size, rt_zip_crc32(0, bytes, size));
    write_bytes(w, bytes, size);
}

static void write_directory(rt_torch_writer *w)
{
    int64_t from = w->at;
    for (int64_t i = 0; i < w->n_member; i++) {
        const member *m = &w->member[i];
        bool large = m->size > ZIP64_LIMIT || m->offset > ZIP64_LIMIT;
        record r = {{0}, 0};
        put(&r, 0x02014b50, 4);
        put(&r, large ? 45 : 20, 2);
        put(&r, large ? 45 : 20, 2);
        put(&r, 0, 2 + 2 + 2 + 2);
        put(&r, m->crc, 4);
        for (int k = 0; k < 2; k++) put(&r, large ? 0xffffffff : (uint64_t)m->size, 4);
        put(&r, strlen(m->name), 2);
        put(&r, large ? 28 : 0, 2);
        put(&r, 0, 2 + 2 + 2 + 4);                 /* comment, disk, attributes */
        put(&r, large ? 0xffffffff : (uint64_t)m->offset, 4);
        write_bytes(w, r.byte, r.n);
        write_bytes(w, m->name, (int64_t)strlen(m->name));
        r.n = 0;
        if (large) {
            put(&r, 1, 2);
            put(&r, 24, 2);
            put(&r, (uint64_t)m->size, 8);
            put(&r, (uint64_t)m->size, 8);
            put(&r, (uint64_t)m->offset, 8);
        }
        write_bytes(w, r.byte, r.n);
    }
    int64_t end = w->at, n = w->n_member;
    bool large = end > ZIP64_LIMIT || n > 0xfffe;
    record r = {{0}, 0};
    if (large) {
        put(&r, 0x06064b50, 4);
        put(&r, 44, 8);
        put(&r, 45, 2);
        put(&r, 45, 2);
        put(&r, 0, 8);
        put(&r, (uint64_t)n, 8);
        put(&r, (uint64_t)n, 8);
        put(&r, (uint64_t)(end - from), 8);
        put(&r, (uint64_t)from, 8);
        put(&r, 0x07064b50, 4);
        put(&r, 0, 4);
        put(&r, (uint64_t)end, 8);
        put(&r, 1, 4);
    }
    put(&r, 0x06054b50, 4);
    put(&r, 0, 4);
    for (int i = 0; i < 2; i++) put(&r, large ? 0xffff : (uint64_t)n, 2);
    put(&r, large ? 0xffffffff : (uint64_t)(end - from), 4);
    put(&r, large ? 0xffffffff : (uint64_t)from, 4);
    put(&r, 0, 2);
    write_bytes(w, r.byte, r.n);
}

/* ---- pickle ------------------------------------------------------------------------------------------------------ */

static void op(rt_torch_writer *w, const char *bytes, size_t count) { fwrite(bytes, 1, count, w->pickle); }

static void op_sized(rt_torch_writer *w, char code, uint64_t value, int bytes)
{
    record r = {{0}, 0};
    put(&r, (uint8_t)code, 1);
    put(&r, value, bytes);
    op(w, (const char *)r.byte, (size_t)r.n);
}

static void op_text(rt_torch_writer *w, const char *text)
{
    op_sized(w, 'X', strlen(text), 4);
    op(w, text, strlen(text));
}

static void op_int(rt_torch_writer *w, int64_t value)
{
    if (value >= 0 && value < 256) op_sized(w, 'K', (uint64_t)value, 1);
    else if (value >= INT32_MIN && value <= INT32_MAX) op_sized(w, 'J', (uint64_t)value, 4);
    else {
        op(w, "\x8a\x08", 2);                      /* LONG1 of eight bytes, two's complement */
        record r = {{0}, 0};
        put(&r, (uint64_t)value, 8);
        op(w, (const char *)r.byte, 8);
    }
}

static void op_global(rt_torch_writer *w, const char *module, const char *name)
{
    fprintf(w->pickle, "c%s\n%s\n", module, name);
}

/* One more value at this level. */
static void count_value(rt_torch_writer *w)
{
    if (w->depth == 0) w->n_root++;
    RT_REQUIRE(w->n_root <= 1);
}

static void open_container(rt_torch_writer *w, const char *codes, char closing)
{
    count_value(w);
    RT_REQUIRE(w->depth < MAX_DEPTH);
    op(w, codes, strlen(codes));
    w->closing[w->depth++] = closing;
}

void rt_torch_writer_dict(rt_torch_writer *writer) { open_container(writer, "}(", 'u'); }
void rt_torch_writer_list(rt_torch_writer *writer) { open_container(writer, "](", 'e'); }
void rt_torch_writer_tuple(rt_torch_writer *writer) { open_container(writer, "(", 't'); }

void rt_torch_writer_end(rt_torch_writer *writer)
{
    RT_REQUIRE(writer->depth > 0);
    op(writer, &writer->closing[--writer->depth], 1);
}

void rt_torch_writer_text(rt_torch_writer *writer, const char *text)
{
    count_value(writer);
    op_text(writer, text);
}

void rt_torch_writer_int(rt_torch_writer *writer, int64_t value)
{
    count_value(writer);
    op_int(writer, value);
}

void rt_torch_writer_real(rt_torch_writer *writer, double value)
{
    uint64_t bits;
    char big_endian[9] = "G";
    count_value(writer);
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++) big_endian[1 + i] = (char)(bits >> (56 - 8 * i));
    op(writer, big_endian, sizeof big_endian);
}

void rt_torch_writer_bool(rt_torch_writer *writer, bool value)
{
    count_value(writer);
    op(writer, value ? "\x88" : "\x89", 1);
}

void rt_torch_writer_none(rt_torch_writer *writer)
{
    count_value(writer);
    op(writer, "N", 1);
}

static const char *const STORAGE[] = {
    [RT_F32] = "FloatStorage", [RT_F64] = "DoubleStorage", [RT_F16] = "HalfStorage",  [RT_BF16] = "BFloat16Storage",
    [RT_I64] = "LongStorage",  [RT_I32] = "IntStorage",    [RT_I16] = "ShortStorage", [RT_I8] = "CharStorage",
    [RT_U8] = "ByteStorage",   [RT_BOOL] = "BoolStorage"};

void rt_torch_writer_tensor(rt_torch_writer *writer, rt_tensor tensor)
{
    char key[48], name[48];
    int64_t stride[RT_MAX_DIMS], all = 1;
    count_value(writer);
    snprintf(key, sizeof key, "%lld", (long long)writer->n_storage++);
    snprintf(name, sizeof name, "archive/data/%.20s", key);
    add_member(writer, name, tensor.data, rt_bytes(tensor));
    op_global(writer, "torch._utils", "_rebuild_tensor_v2");
    op(writer, "((", 2);
    op_text(writer, "storage");
    op_global(writer, "torch", STORAGE[tensor.dtype]);
    op_text(writer, key);
    op_text(writer, "cpu");
    op_int(writer, rt_count(tensor));
    op(writer, "tQK\0(", 5);                       /* the storage, offset 0 */
    for (int i = tensor.ndim - 1; i >= 0; i--) {
        stride[i] = all;
        all *= tensor.dim[i] > 1 ? tensor.dim[i] : 1;
    }
    for (int i = 0; i < tensor.ndim; i++) op_int(writer, tensor.dim[i]);
    op(writer, "t(", 2);
    for (int i = 0; i < tensor.ndim; i++) op_int(writer, stride[i]);
    op(writer, "t\x89", 2);                        /* requires_grad False */
    op_global(writer, "collections", "OrderedDict");
    op(writer, ")RtR", 4);
}

static void op_bytes(rt_torch_writer *w, const void *bytes, int64_t count)
{
    if (count < 256) op_sized(w, 'C', (uint64_t)count, 1);
    else if (count <= UINT32_MAX) op_sized(w, 'B', (uint64_t)count, 4);
    else op_sized(w, '\x8e', (uint64_t)count, 8);
    op(w, bytes, (size_t)count);
}

void rt_torch_writer_array(rt_torch_writer *writer, rt_tensor tensor)
{
    static const char *const NAME[] = {[RT_F32] = "f4", [RT_F64] = "f8", [RT_F16] = "f2", [RT_I64] = "i8",
                                       [RT_I32] = "i4", [RT_I16] = "i2", [RT_I8] = "i1", [RT_U8] = "u1",
                                       [RT_BOOL] = "b1"};
    RT_REQUIRE(NAME[tensor.dtype]);
    count_value(writer);
    writer->has_array = true;
    op_global(writer, "numpy.core.multiarray", "_reconstruct");
    op_global(writer, "numpy", "ndarray");
    op(writer, "K\0\x85", 3);
    op_bytes(writer, "b", 1);
    op(writer, "\x87R(K\x01(", 6);
    for (int i = 0; i < tensor.ndim; i++) op_int(writer, tensor.dim[i]);
    op(writer, "t", 1);
    op_global(writer, "numpy", "dtype");
    op_text(writer, NAME[tensor.dtype]);
    op(writer, "\x89\x88\x87R(K\x03", 7);
    op_text(writer, rt_dtype_size(tensor.dtype) == 1 ? "|" : "<");
    op(writer, "NNN", 3);
    op_int(writer, -1);
    op_int(writer, -1);
    op(writer, "K\0tb\x89", 5);                    /* the dtype's state; not in Fortran's order */
    op_bytes(writer, tensor.data, rt_bytes(tensor));
    op(writer, "tb", 2);
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

rt_status rt_torch_writer_open(rt_torch_writer **ret_writer, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_torch_writer *w;
    *ret_writer = NULL;
    RT_TRY_ALLOC(w, 1);
    w->path = rt_copy_text(path, -1, err);
    if (!w->path) status = RT_ERR_MEMORY;
    if (status == RT_OK) status = rt_writer_open(&w->file, path, err);
    if (status == RT_OK && !(w->pickle = tmpfile()))
        status = rt_fail(err, RT_ERR_IO, path, 0, "cannot make a temporary file for its pickle (TMPDIR)");
done:
    if (status != RT_OK) rt_torch_writer_abandon(w);
    else *ret_writer = w;
    return status;
}

void rt_torch_writer_abandon(rt_torch_writer *writer)
{
    if (!writer) return;
    rt_writer_abandon(writer->file);
    if (writer->pickle) fclose(writer->pickle);
    free(writer->member);
    free(writer->path);
    free(writer);
}

/* Copies the temporary pickle behind its protocol's two bytes.  Its checksum comes first in the zip, so two passes. */
static bool copy_pickle(rt_torch_writer *w)
{
    /* bytes of more than 4 GiB need protocol 4; torch's weights_only reader asks for 2 */
    const uint8_t head[2] = {0x80, w->has_array ? 4 : 2};
    uint8_t buffer[65536];
    size_t n;
    op(w, ".", 1);
    if (fflush(w->pickle) != 0 || ferror(w->pickle)) return false;
    int64_t size = ftello(w->pickle) + 2;
    uint32_t crc = rt_zip_crc32(0, head, 2);
    rewind(w->pickle);
    while ((n = fread(buffer, 1, sizeof buffer, w->pickle)) > 0) crc = rt_zip_crc32(crc, buffer, (int64_t)n);
    begin_member(w, "archive/data.pkl", size, crc);
    write_bytes(w, head, 2);
    rewind(w->pickle);
    while ((n = fread(buffer, 1, sizeof buffer, w->pickle)) > 0) write_bytes(w, buffer, (int64_t)n);
    return !ferror(w->pickle);
}

rt_status rt_torch_writer_commit(rt_torch_writer *writer, rt_err *err)
{
    rt_status status = RT_OK;
    RT_REQUIRE(writer->depth == 0 && writer->n_root == 1);
    if (!copy_pickle(writer))
        status = rt_fail(err, RT_ERR_IO, writer->path, 0, "its temporary pickle could not be kept: is the disk full?");
    add_member(writer, "archive/byteorder", "little", 6);
    add_member(writer, "archive/version", "3\n", 2);
    write_directory(writer);
    if (status == RT_OK && writer->failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    if (status == RT_OK) {
        rt_writer *file = writer->file;
        writer->file = NULL;
        status = rt_writer_commit(file, err);
    }
    rt_torch_writer_abandon(writer);
    return status;
}
