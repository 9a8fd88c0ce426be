/* test_files.h - for tests alone: a temporary folder, files in it, what was written to stderr, where test data are
 * Room: io.  Uses: base/file.  Included after cmocka.h.
 */
#ifndef RT_IO_TEST_FILES_H
#define RT_IO_TEST_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static char test_folder[64];

static inline int test_folder_make(void **state)
{
    (void)state;
    strcpy(test_folder, "/tmp/rt_testXXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int test_folder_remove(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", test_folder);
    return system(command);
}

/* Path of a file in the temporary folder; valid until four more calls. */
static inline const char *test_path(const char *name)
{
    static char path[4][320];
    static int turn;
    turn = (turn + 1) % 4;
    rt_path_join(path[turn], sizeof path[turn], test_folder, name);
    return path[turn];
}

static inline const char *test_file(const char *name, const char *text)
{
    const char *path = test_path(name);
    rt_err err;
    if (rt_write_text(path, text, (int64_t)strlen(text), &err) != RT_OK) fail_msg("cannot write %s", path);
    return path;
}

/* Between begin and end, stderr goes to a file; end returns what came (valid until the next call). */
static int test_stderr_saved;

static inline void test_stderr_begin(void)
{
    fflush(stderr);
    test_stderr_saved = dup(2);
    FILE *file = fopen(test_path("stderr.txt"), "w+");
    dup2(fileno(file), 2);
    fclose(file);
}

static inline const char *test_stderr_end(void)
{
    static char text[4096];
    fflush(stderr);
    dup2(test_stderr_saved, 2);
    close(test_stderr_saved);
    FILE *file = fopen(test_path("stderr.txt"), "r");
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = 0;
    fclose(file);
    return text;
}

/* The folder of shared test data: $RT_SHARED or ../shared.  NULL, and one line saying so, where it is absent. */
static inline const char *test_shared(const char *what)
{
    const char *folder = getenv("RT_SHARED");
    if (!folder) folder = "../shared";
    if (rt_folder_exists(folder)) return folder;
    print_message("skip: %s needs the shared data folder (RT_SHARED)\n", what);
    return NULL;
}

#endif
