/* io_test.h - what the tests of this room share: where their files are
 * Room: io.  Uses: base/file.  Only for *_test.c.
 */
#ifndef RT_IO_IO_TEST_H
#define RT_IO_IO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/status.h"

/* A small file of the project; tests run in the project's folder. */
static inline const char *fixture(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "tests/data/io/%s", name);
    return path;
}

/* A file of ../shared (or $RT_SHARED); where that is absent the test counts as skipped. */
static inline const char *shared(const char *name)
{
    static char path[2][4096];
    static int turn;
    const char *folder = getenv("RT_SHARED") ? getenv("RT_SHARED") : "../shared";
    turn = !turn;
    snprintf(path[turn], sizeof *path, "%s/%s", folder, name);
    if (!rt_file_exists(path[turn])) {
        print_message("skip: %s is not here\n", path[turn]);
        skip();
    }
    return path[turn];
}

static inline void expect_word(const char *text, const char *word)
{
    if (!strstr(text, word)) fail_msg("'%s' lacks '%s'", text, word);
}

/* `status` must be RT_OK, or the error is shown. */
static inline void expect_ok(rt_status status, const rt_err *err)
{
    char text[2048] = "";
    if (status == RT_OK) return;
    rt_err_print(err, text, sizeof text);
    fail_msg("%s", text);
}

#endif
