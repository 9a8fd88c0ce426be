/* manifest.h - MANIFEST.json of a package: every file with its size and SHA-256, and where the notebook puts it
 * Room: ship.  Uses: base/file, base/hash, base/json.
 *
 * The data set's folder is flat, because Kaggle's command line leaves folders out unless told otherwise: a file's name is its
 * path with "__" for "/", and MANIFEST.json has both.
 */
#ifndef RT_SHIP_MANIFEST_H
#define RT_SHIP_MANIFEST_H

#include <jansson.h>

#include "base/status.h"

#define RT_MANIFEST_FILE "MANIFEST.json"

/* A file that goes into the package: `path` in the notebook's tree. */
typedef struct {
    char path[256];
    char role[16];        /* program, library, checkpoint, ranking, adapter, ribonanza, conformers, config, licence */
    char source[4200];    /* where it is copied from; "" when `text` is its content */
    const char *text;     /* borrowed */
} rt_manifest_entry;

typedef struct {
    rt_manifest_entry *entry;
    int64_t n, capacity;
} rt_manifest_list;

/* opt_source NULL: `text` is the content.  Errors: RT_ERR_MISMATCH for a path that is there, RT_ERR_MEMORY. */
rt_status rt_manifest_add(rt_manifest_list *list, const char *path, const char *role, const char *opt_source,
                          const char *opt_text, rt_err *err);
void rt_manifest_list_free_members(rt_manifest_list *list);
int64_t rt_manifest_count(const rt_manifest_list *list, const char *role);

/* Copies every file into `folder`, each whole or not at all, and returns what MANIFEST.json says of them: an array of
 * {"file", "path", "role", "bytes", "sha256"}; json_decref() it.  Errors: RT_ERR_IO, RT_ERR_STOPPED, RT_ERR_MEMORY. */
rt_status rt_manifest_copy(json_t **ret_files, const rt_manifest_list *list, const char *folder, rt_err *err);

/* Removes the files of an earlier package, as its MANIFEST.json names them.  A folder that holds others is refused, so that
 * nothing of the user's is uploaded or lost: RT_ERR_MISMATCH. */
rt_status rt_manifest_clear(const char *folder, rt_err *err);

/* Whether the files are as the manifest says, and no others are there: lines, one per mistake; json_decref() it. */
json_t *rt_manifest_mistakes(const json_t *manifest, const char *folder);

#endif
