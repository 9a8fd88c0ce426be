#include "io/zip_archive.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"

#define LOCAL_HEADER   0x04034b50u
#define CENTRAL_HEADER 0x02014b50u
#define END_RECORD     0x06054b50u
#define END64_LOCATOR  0x07064b50u
#define END64_RECORD   0x06064b50u

#define LOCAL_SIZE   30
#define CENTRAL_SIZE 46
#define END_SIZE     22
#define LOCATOR_SIZE 20
#define END64_SIZE   56

struct rt_zip {
    char *file;
    rt_zip_member *member;
    char *names;            /* every name, NUL-terminated, one after another */
    int64_t count;
    int32_t *slot;          /* open addressing: index + 1, 0 is free */
    int64_t n_slot;         /* a power of two */
};

static uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { return (uint32_t)u16(p) | (uint32_t)u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return (uint64_t)u32(p) | (uint64_t)u32(p + 4) << 32; }

/* True when [from, from + size) lies within [0, limit): no sum that could overflow. */
static bool within(uint64_t from, uint64_t size, int64_t limit)
{
    return from <= (uint64_t)limit && size <= (uint64_t)limit - from;
}

bool rt_zip_detect(const uint8_t *bytes, int64_t size)
{
    return size >= 4 && (u32(bytes) == LOCAL_HEADER || u32(bytes) == END_RECORD);
}

/* Where the directory is and how many entries it has. */
typedef struct { uint64_t entries, offset, size; } directory;

static rt_status cut_short(const char *file, rt_err *err)
{
    rt_fail(err, RT_ERR_FORMAT, file, 0,
            "is a zip archive that was cut short: its directory is missing or outside the file");
    rt_hint(err, "download or copy the file again and compare its size with the original");
    return RT_ERR_FORMAT;
}

static rt_status find_directory(directory *out, const char *file, const uint8_t *bytes, int64_t size, rt_err *err)
{
    int64_t end = -1;
    /* the record is last but for a comment of at most 65535 bytes, whose length it states */
    for (int64_t at = size - END_SIZE; at >= 0 && at >= size - END_SIZE - 65535; at--)
        if (u32(bytes + at) == END_RECORD && at + END_SIZE + u16(bytes + at + 20) == size) {
            end = at;
            break;
        }
    if (end < 0) return cut_short(file, err);
    const uint8_t *record = bytes + end;
    uint64_t disk = u16(record + 4), start_disk = u16(record + 6), here = u16(record + 8);
    *out = (directory){u16(record + 10), u32(record + 16), u32(record + 12)};
    int64_t limit = end;
    const uint8_t *locator = end >= LOCATOR_SIZE ? record - LOCATOR_SIZE : NULL;
    if (locator && u32(locator) == END64_LOCATOR) {
        uint64_t at = u64(locator + 8);
        limit = end - LOCATOR_SIZE;
        if (!within(at, END64_SIZE, limit) || u32(bytes + at) != END64_RECORD) return cut_short(file, err);
        record = bytes + at;
        disk = u32(record + 16), start_disk = u32(record + 20), here = u64(record + 24);
        *out = (directory){u64(record + 32), u64(record + 48), u64(record + 40)};
        limit = (int64_t)at;
    }
    if (disk != 0 || start_disk != 0 || here != out->entries)
        return rt_fail(err, RT_ERR_UNSUPPORTED, file, 0, "is one part of a zip archive in several parts");
    if (!within(out->offset, out->size, limit) || out->entries > out->size / CENTRAL_SIZE) return cut_short(file, err);
    return RT_OK;
}

/* One entry of the directory with its zip64 extension applied. */
typedef struct {
    const uint8_t *name;
    int name_length;
    uint16_t flags, method;
    uint32_t crc;
    uint64_t packed, size, offset;
    int64_t total;      /* bytes of the entry */
} entry;

static bool read_entry(entry *out, const uint8_t *p, int64_t left)
{
    if (left < CENTRAL_SIZE || u32(p) != CENTRAL_HEADER) return false;
    int extra_length = u16(p + 30), comment_length = u16(p + 32);
    *out = (entry){.name = p + CENTRAL_SIZE, .name_length = u16(p + 28), .flags = u16(p + 8), .method = u16(p + 10),
                   .crc = u32(p + 16), .packed = u32(p + 20), .size = u32(p + 24), .offset = u32(p + 42)};
    out->total = (int64_t)CENTRAL_SIZE + out->name_length + extra_length + comment_length;
    if (out->total > left) return false;
    const uint8_t *extra = out->name + out->name_length, *end = extra + extra_length;
    bool wide_size = out->size == UINT32_MAX, wide_packed = out->packed == UINT32_MAX,
         wide_offset = out->offset == UINT32_MAX;
    while (end - extra >= 4) {
        int id = u16(extra), length = u16(extra + 2);
        const uint8_t *field = extra + 4;
        if (length > end - field) return false;
        extra = field + length;
        if (id != 1) continue;
        uint64_t *wide[] = {wide_size ? &out->size : NULL, wide_packed ? &out->packed : NULL,
                            wide_offset ? &out->offset : NULL};
        for (int i = 0; i < 3; i++) {
            if (!wide[i]) continue;
            if (extra - field < 8) return false;
            *wide[i] = u64(field);
            field += 8;
        }
        wide_size = wide_packed = wide_offset = false;
    }
    return !memchr(out->name, 0, (size_t)out->name_length);
}

/* Proves the local header and the member's bytes; data stays NULL for a compressed member. */
static rt_status place(rt_zip_member *member, const entry *e, const char *file, const uint8_t *bytes, int64_t size,
                       rt_err *err)
{
    if (e->flags & 1)
        return rt_fail(err, RT_ERR_UNSUPPORTED, file, 0, "member '%.200s' is encrypted", member->name);
    if (!within(e->offset, LOCAL_SIZE, size) || u32(bytes + e->offset) != LOCAL_HEADER)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "member '%.200s' is not where the archive's directory says",
                       member->name);
    const uint8_t *local = bytes + e->offset;
    uint64_t header = LOCAL_SIZE + (uint64_t)u16(local + 26) + u16(local + 28), data = e->offset + header;
    if (!within(e->offset, header, size) || !within(data, e->packed, size))
        return rt_fail(err, RT_ERR_FORMAT, file, 0,
                       "member '%.200s' should have %llu bytes, but the file ends before them: it was cut short",
                       member->name, (unsigned long long)e->packed);
    member->crc = e->crc;
    if (e->method == 0 && e->packed != e->size)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "member '%.200s' has two sizes, %llu and %llu", member->name,
                       (unsigned long long)e->packed, (unsigned long long)e->size);
    if (e->size > INT64_MAX)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "member '%.200s' has an impossible size", member->name);
    member->size = (int64_t)e->size;
    if (e->method == 0) member->data = bytes + data;
    return RT_OK;
}

static rt_status add_to_index(rt_zip *zip, int64_t index, rt_err *err)
{
    uint64_t mask = (uint64_t)zip->n_slot - 1, at = rt_hash_text(zip->member[index].name) & mask;
    for (; zip->slot[at]; at = (at + 1) & mask)
        if (strcmp(zip->member[zip->slot[at] - 1].name, zip->member[index].name) == 0)
            return rt_fail(err, RT_ERR_FORMAT, zip->file, 0, "has the member '%.200s' twice", zip->member[index].name);
    zip->slot[at] = (int32_t)(index + 1);
    return RT_OK;
}

static rt_status read_members(rt_zip *zip, const directory *dir, const uint8_t *bytes, int64_t size, rt_err *err)
{
    rt_status status = RT_OK;
    if (dir->entries >= INT32_MAX / 2)
        return rt_fail(err, RT_ERR_UNSUPPORTED, zip->file, 0, "has too many members");
    int64_t count = (int64_t)dir->entries, left = (int64_t)dir->size;
    for (zip->n_slot = 16; zip->n_slot < 2 * count; zip->n_slot *= 2) continue;
    RT_TRY_ALLOC(zip->member, count);
    RT_TRY_ALLOC(zip->names, left + 1);     /* names are part of the directory; NULs take the headers' place */
    RT_TRY_ALLOC(zip->slot, zip->n_slot);
    const uint8_t *at = bytes + dir->offset;
    char *name = zip->names;
    for (int64_t i = 0; i < count; i++) {
        entry e;
        if (!read_entry(&e, at, left)) {
            status = rt_fail(err, RT_ERR_FORMAT, zip->file, 0,
                             "the zip archive's directory is damaged (entry %lld of %lld)", (long long)i + 1,
                             (long long)count);
            goto done;
        }
        at += e.total, left -= e.total;
        memcpy(name, e.name, (size_t)e.name_length);
        zip->member[i].name = name;
        name += e.name_length + 1;
        zip->count = i + 1;
        RT_TRY(place(&zip->member[i], &e, zip->file, bytes, size, err));
        RT_TRY(add_to_index(zip, i, err));
    }
done:
    return status;
}

rt_status rt_zip_open(rt_zip **ret_zip, const char *name, const uint8_t *bytes, int64_t size, rt_err *err)
{
    rt_status status = RT_OK;
    rt_zip *zip = NULL;
    directory dir;
    *ret_zip = NULL;
    if (!rt_zip_detect(bytes, size)) return rt_fail(err, RT_ERR_FORMAT, name, 0, "is not a zip archive");
    RT_TRY(find_directory(&dir, name, bytes, size, err));
    RT_TRY_ALLOC(zip, 1);
    zip->file = rt_copy_text(name, -1, err);
    status = zip->file ? read_members(zip, &dir, bytes, size, err) : RT_ERR_MEMORY;
done:
    if (status == RT_OK) *ret_zip = zip;
    else rt_zip_close(zip);
    return status;
}

void rt_zip_close(rt_zip *zip)
{
    if (!zip) return;
    free(zip->member);
    free(zip->names);
    free(zip->slot);
    free(zip->file);
    free(zip);
}

int64_t rt_zip_count(const rt_zip *zip) { return zip->count; }

const rt_zip_member *rt_zip_at(const rt_zip *zip, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < zip->count);
    return &zip->member[index];
}

const rt_zip_member *rt_zip_find(const rt_zip *zip, const char *name)
{
    uint64_t mask = (uint64_t)zip->n_slot - 1;
    for (uint64_t at = rt_hash_text(name) & mask; zip->slot[at]; at = (at + 1) & mask) {
        const rt_zip_member *member = &zip->member[zip->slot[at] - 1];
        if (strcmp(member->name, name) == 0) return member;
    }
    return NULL;
}

rt_status rt_zip_get(const rt_zip *zip, const rt_zip_member **ret_member, const char *name, rt_err *err)
{
    *ret_member = rt_zip_find(zip, name);
    if (!*ret_member) return rt_fail(err, RT_ERR_FORMAT, zip->file, 0, "lacks the member '%.200s'", name);
    if ((*ret_member)->data) return RT_OK;
    rt_fail(err, RT_ERR_UNSUPPORTED, zip->file, 0,
            "member '%.200s' is compressed, torch.save stores members as they are", name);
    rt_hint(err, "unpack the archive and pack it again without compression (zip -0 -r), or save with torch.save again");
    return RT_ERR_UNSUPPORTED;
}

/* Eight tables: table[k][b] is the CRC of byte b followed by k zero bytes, so that eight bytes are done at once. */
static uint32_t crc_table[8][256];

__attribute__((constructor)) static void fill_crc_table(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t c = b;
        for (int i = 0; i < 8; i++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        crc_table[0][b] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++)
            crc_table[k][b] = crc_table[k - 1][b] >> 8 ^ crc_table[0][crc_table[k - 1][b] & 255];
}

uint32_t rt_zip_crc32(uint32_t crc, const uint8_t *bytes, int64_t size)
{
    crc = ~crc;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint32_t a = crc ^ u32(bytes), b = u32(bytes + 4);
        crc = crc_table[7][a & 255] ^ crc_table[6][a >> 8 & 255] ^ crc_table[5][a >> 16 & 255] ^ crc_table[4][a >> 24] ^
              crc_table[3][b & 255] ^ crc_table[2][b >> 8 & 255] ^ crc_table[1][b >> 16 & 255] ^ crc_table[0][b >> 24];
    }
    for (; size > 0; size--, bytes++) crc = crc >> 8 ^ crc_table[0][(crc ^ *bytes) & 255];
    return ~crc;
}

rt_status rt_zip_check(const rt_zip *zip, const rt_zip_member *member, rt_err *err)
{
    if (!member->data || member->crc == 0) return RT_OK;
    if (rt_zip_crc32(0, member->data, member->size) == member->crc) return RT_OK;
    rt_fail(err, RT_ERR_FORMAT, zip->file, 0, "member '%.200s' is damaged: its checksum is wrong", member->name);
    rt_hint(err, "download or copy the file again");
    return RT_ERR_FORMAT;
}
