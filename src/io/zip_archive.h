/* zip_archive.h - the directory of a zip file whose members are used in place
 * Room: io.  Uses: base/file, base/memory.
 *
 * PyTorch's checkpoints are zip files of stored (uncompressed) members; a member is a range of the mapping.  Sizes and
 * places come from the central directory (zip64 included) and every one of them is proved against the file's length.
 */
#ifndef RT_IO_ZIP_ARCHIVE_H
#define RT_IO_ZIP_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_zip rt_zip;

typedef struct {
    const char *name;       /* NUL-terminated */
    const uint8_t *data;    /* `size` bytes of the caller's mapping; NULL when the member is compressed */
    int64_t size;
    uint32_t crc;           /* as the directory says; 0 also when the writer computed none */
} rt_zip_member;

/* True when the bytes begin like a zip file. */
bool rt_zip_detect(const uint8_t *bytes, int64_t size);

/* Reads the directory of the zip file in bytes[0..size), which must outlive the archive; `name` is for errors.
 * Errors: RT_ERR_FORMAT (cut short, a member outside the file, two members of one name), RT_ERR_UNSUPPORTED (several
 * disks, encryption), RT_ERR_MEMORY. */
rt_status rt_zip_open(rt_zip **ret_zip, const char *name, const uint8_t *bytes, int64_t size, rt_err *err);
void rt_zip_close(rt_zip *zip);   /* NULL ok */

int64_t rt_zip_count(const rt_zip *zip);
const rt_zip_member *rt_zip_at(const rt_zip *zip, int64_t index);
/* NULL when there is none of that name. */
const rt_zip_member *rt_zip_find(const rt_zip *zip, const char *name);

/* A member that can be used in place.  Errors: RT_ERR_FORMAT (no such member), RT_ERR_UNSUPPORTED (compressed). */
rt_status rt_zip_get(const rt_zip *zip, const rt_zip_member **ret_member, const char *name, rt_err *err);

/* Compares the member's bytes with its CRC-32 (a CRC of 0 says that the writer computed none and is not compared).
 * Errors: RT_ERR_FORMAT.  Cost: one pass over the member, about 1 s per 2 GB. */
rt_status rt_zip_check(const rt_zip *zip, const rt_zip_member *member, rt_err *err);

/* CRC-32 as zip uses it (reflected polynomial 0xEDB88320); start with 0 and feed the result back in. */
uint32_t rt_zip_crc32(uint32_t crc, const uint8_t *bytes, int64_t size);

#endif
