/* fuzz_files.h - for fuzz entries alone: parsers that want a path get their bytes in a folder of the process
 * Room: io.  Uses: base/status.  Linux: a folder in memory.
 */
#ifndef RT_IO_FUZZ_FILES_H
#define RT_IO_FUZZ_FILES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE   /* nftw */
#endif

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"

static char fuzz_folder[] = "/dev/shm/rt_fuzzXXXXXX";   /* memory: a disk would be most of the time */

static inline int fuzz_remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

/* A folder and all that is in it; one that is not there is fine. */
static inline void fuzz_remove(const char *folder) { nftw(folder, fuzz_remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static inline void fuzz_remove_all(void) { fuzz_remove(fuzz_folder); }

/* The path of a file in the folder; the answer lasts until the fourth next call. */
static inline const char *fuzz_path(const char *name)
{
    static char path[4][128];
    static int turn;
    if (strstr(fuzz_folder, "XXXXXX")) {
        if (!mkdtemp(fuzz_folder)) abort();
        atexit(fuzz_remove_all);
    }
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", fuzz_folder, name);
    return path[turn];
}

static inline void fuzz_write(const char *name, const uint8_t *data, size_t size)
{
    FILE *file = fopen(fuzz_path(name), "w");
    if (!file || (size && fwrite(data, 1, size, file) != size) || fclose(file) != 0) abort();
}

/* Several files of one input: up to the next byte 0, which is left out; the last takes what is left. */
static inline size_t fuzz_part(const uint8_t **data, size_t *size, const uint8_t **out_part)
{
    const uint8_t *end = *size ? memchr(*data, 0, *size) : NULL;
    size_t n = end ? (size_t)(end - *data) : *size;
    *out_part = *data;
    *data += n + (end != NULL);
    *size -= n + (end != NULL);
    return n;
}

#endif
