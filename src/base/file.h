/* file.h - reading a file by mapping it, writing one whole or not at all
 * Room: base.  Uses: base/status, base/memory.
 */
#ifndef RT_BASE_FILE_H
#define RT_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

/* A file's bytes, mapped read-only.  An empty file maps to a valid pointer with size 0. */
typedef struct {
    const uint8_t *data;
    int64_t size;
} rt_map;

rt_status rt_map_open(rt_map *out_map, const char *path, rt_err *err);
void rt_map_close(rt_map *map);
/* A part that will hardly be read again need not stay in memory; reading it again works all the same. */
void rt_map_page_out(const void *data, int64_t size);
/* The whole pages of a part of the map leave this process, not the system's cache: what is touched again comes back from
 * there.  Bytes that are not of the map stay as they are. */
void rt_map_forget(const rt_map *map, const void *data, int64_t size);

/* Writing: to a temporary name beside `path`; rt_writer_commit flushes, fsyncs, renames and fsyncs the directory, so
 * nothing half-written ever has the final name.  rt_writer_abandon removes the temporary file.  Use stream() with
 * fprintf/fwrite; their errors are noticed at commit.
 * A symbolic link is followed, not replaced, and an existing file's mode is kept.  A device, a pipe, and the file that
 * standard output or error is, are written to as they stand; a folder is refused, and so is a socket (by the system). */
typedef struct rt_writer rt_writer;
rt_status rt_writer_open(rt_writer **ret_writer, const char *path, rt_err *err);
FILE *rt_writer_stream(rt_writer *writer);
rt_status rt_writer_commit(rt_writer *writer, rt_err *err);   /* frees the writer, also on failure */
void rt_writer_abandon(rt_writer *writer);                    /* NULL ok */

/* The whole of a text in one call. */
rt_status rt_write_text(const char *path, const char *text, int64_t length, rt_err *err);

rt_status rt_make_folder(const char *path, rt_err *err);      /* with its parents; an existing folder is fine */
bool rt_path_exists(const char *path);     /* as anything, a broken link too */
bool rt_file_exists(const char *path);     /* a regular file */
bool rt_folder_exists(const char *path);
/* A device, a pipe, or what standard output or error is: what is written there cannot be read back, nor has it a place
 * beside it. */
bool rt_path_is_stream(const char *path);

/* True for the name under which a writer keeps a file until it is whole, "<name>.tmp.<process>.<number>", which a killed
 * process leaves behind.  out_length: of <name>. */
bool rt_path_is_unfinished(const char *path, int64_t *out_length, long *out_process);

/* The names in a folder that `keep` takes, in alphabetical order; rt_free_names them.  Errors: RT_ERR_IO,
 * RT_ERR_MEMORY. */
rt_status rt_list_folder(char ***ret_name, int64_t *out_count, const char *folder, bool (*keep)(const char *name),
                         rt_err *err);
void rt_free_names(char **name, int64_t count);   /* NULL ok */

/* "folder/name" into out. */
void rt_path_join(char *out, int64_t size, const char *folder, const char *name);
/* The part after the last '/'. */
const char *rt_path_name(const char *path);

#endif
