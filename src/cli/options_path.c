/* options_path.c - is a path that was given there, and can one that is to be written be made? */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/options.h"

enum { LONGEST = 4096, MOST_NAMES = 2000 };

/* Everything before the last '/', "." when there is none. */
static void parent_of(char out[LONGEST], const char *path)
{
    snprintf(out, LONGEST, "%s", path);
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') out[--length] = 0;
    char *slash = strrchr(out, '/');
    if (!slash) snprintf(out, LONGEST, ".");
    else slash[slash == out] = 0;
}

static bool any(const char *name) { return name[0] != '.'; }

/* A name beside it that may have been meant, else what the option takes. */
static rt_status no_such(const rt_option *option, const char *path, const char *what, const char *kind, rt_err *err)
{
    char folder[LONGEST], **name = NULL;
    int64_t n = 0;
    const char *near = NULL, *slash = strrchr(path, '/');
    rt_fail(err, RT_ERR_IO, path, 0, "%s: no such %s", what, kind);
    parent_of(folder, path);
    if (rt_folder_exists(folder) && rt_list_folder(&name, &n, folder, any, NULL) == RT_OK && n <= MOST_NAMES)
        near = rt_nearest_word(rt_path_name(path), (const char *const *)name, n);
    if (near) rt_hint(err, "did you mean '%.*s%s'?", slash ? (int)(slash + 1 - path) : 0, path, near);
    else if (option->help) rt_hint(err, "%s: %s", what, option->help);
    rt_free_names(name, n);
    return RT_ERR_IO;
}

/* The nearest folder above what is to be made: `folder` itself when it is there. */
static rt_status check_room(const char *path, const char *folder, const char *what, rt_err *err)
{
    char above[LONGEST];
    snprintf(above, sizeof above, "%s", folder);
    while (!rt_path_exists(above) && strcmp(above, ".") != 0 && strcmp(above, "/") != 0) {
        char next[LONGEST];
        parent_of(next, above);
        memcpy(above, next, sizeof above);
    }
    if (!rt_folder_exists(above)) {
        rt_fail(err, RT_ERR_IO, path, 0, "%s cannot be made: '%.400s' is no folder", what, above);
        return rt_hint(err, "name another place");
    }
    if (access(above, W_OK | X_OK) == 0) return RT_OK;
    rt_fail(err, RT_ERR_IO, path, 0, "%s cannot be made: '%.400s' may not be written to: %s", what, above, strerror(errno));
    return rt_hint(err, "name another place, or ask for the right to write there");
}

static rt_status check_out_file(const char *path, const char *what, rt_err *err)
{
    char folder[LONGEST];
    if (rt_folder_exists(path)) {
        rt_fail(err, RT_ERR_IO, path, 0, "%s is a folder, a file was expected", what);
        return rt_hint(err, "give a file's name inside it");
    }
    if (rt_path_is_stream(path)) return RT_OK;
    parent_of(folder, path);
    rt_status status = check_room(path, folder, what, err);
    if (status != RT_OK || rt_folder_exists(folder)) return status;
    rt_fail(err, RT_ERR_IO, path, 0, "%s cannot be made: there is no folder '%.400s'", what, folder);
    return rt_hint(err, "make it first: mkdir -p '%.400s'", folder);
}

static rt_status wrong_kind(const rt_option *option, const char *path, const char *what, const char *is,
                            const char *expected, rt_err *err)
{
    rt_fail(err, RT_ERR_IO, path, 0, "%s is a %s, a %s was expected", what, is, expected);
    return option->help ? rt_hint(err, "%s: %s", what, option->help) : RT_ERR_IO;
}

rt_status rt_option_check_path(const rt_option *option, const char *path, const char *what, rt_err *err)
{
    bool file = rt_file_exists(path), folder = rt_folder_exists(path);
    switch (option->type) {
    case RT_OPTION_FILE:
        if (file) return RT_OK;
        if (!folder && rt_path_is_stream(path)) {
            rt_fail(err, RT_ERR_IO, path, 0, "%s is a pipe or a device, a file was expected", what);
            return rt_hint(err, "rnatune maps its files: write the data to a file first");
        }
        return folder ? wrong_kind(option, path, what, "folder", "file", err) : no_such(option, path, what, "file", err);
    case RT_OPTION_FOLDER:
        if (folder) return RT_OK;
        return file ? wrong_kind(option, path, what, "file", "folder", err) : no_such(option, path, what, "folder", err);
    case RT_OPTION_PATH: return file || folder ? RT_OK : no_such(option, path, what, "file or folder", err);
    case RT_OPTION_OUT_FILE: return check_out_file(path, what, err);
    case RT_OPTION_OUT_FOLDER:
        return file ? wrong_kind(option, path, what, "file", "folder", err) : check_room(path, path, what, err);
    default: return RT_OK;
    }
}
