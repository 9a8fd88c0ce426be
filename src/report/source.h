/* source.h - the files of a `rnatune tune` folder as the report reads them: what is there, and why the rest is not
 * Room: report.  Uses: base/json, base/text, report/html.
 */
#ifndef RT_REPORT_SOURCE_H
#define RT_REPORT_SOURCE_H

#include <jansson.h>

#include "base/status.h"
#include "base/text.h"

typedef enum {
    RT_REPORT_STEPS, RT_REPORT_PROTOCOL, RT_REPORT_OPENED, RT_REPORT_SUMMARY, RT_REPORT_AUDIT, RT_REPORT_COMPARE,
    RT_REPORT_RULES, RT_REPORT_ENSEMBLE, RT_REPORT_CHOSEN, RT_REPORT_MANIFEST, RT_REPORT_FILES
} rt_report_file;

typedef struct {
    const char *folder;
    json_t *json[RT_REPORT_FILES];         /* NULL: not there, or not readable */
    char problem[RT_REPORT_FILES][1600];   /* why it could not be read; "" */
} rt_report_source;

/* A file that is damaged is a problem that the page shows, not an error.
 * Errors: RT_ERR_MISMATCH when the folder has no file of a tune run, RT_ERR_MEMORY. */
rt_status rt_report_source_open(rt_report_source *out_source, const char *folder, rt_err *err);
void rt_report_source_free_members(rt_report_source *source);

/* "folder/format..." into out (4,200 bytes). */
enum { RT_REPORT_PATH = 4200 };
void rt_report_path(char out[RT_REPORT_PATH], const rt_report_source *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line for a part that cannot be shown: "Not run: <what> - <why>".  Why is the state of the step that makes it, or
 * that `file` is not there. */
void rt_report_not_run(rt_text *out, const rt_report_source *source, const char *what, const char *file,
                       const char *step);
/* The same for one of the files above; its problem when it has one. */
void rt_report_no_file(rt_text *out, const rt_report_source *source, const char *what, rt_report_file file);
/* The same for a file that is there but cannot be read; also a warning.  Clears nothing: the caller goes on. */
void rt_report_unread(rt_text *out, const char *what, const rt_err *err);

/* Members of a JSON file that is not ours to refuse: NaN, "" or NULL when absent or of another type. */
double rt_report_number(const json_t *root, const char *path);
const char *rt_report_string(const json_t *root, const char *path);

/* The names of the folders in folder/sub that begin with `prefix`, in natural order of what follows; free with
 * rt_free_names. None when sub is not there. */
rt_status rt_report_folders(char ***ret_name, int64_t *out_count, const rt_report_source *source, const char *sub,
                            const char *prefix, rt_err *err);

#endif
