/* status.h - how every function below cli/ reports a failure
 * Room: base.  Uses: nothing.
 *
 * Two kinds of failure exist.  The user's (a bad file, a bad value, a full disk) is an rt_status that travels up to
 * cli/, with an rt_err that says where, what was expected and what to do.  Ours (a shape that cannot be) is RT_BUG():
 * it aborts with file and line, because going on would compute nonsense.
 */
#ifndef RT_BASE_STATUS_H
#define RT_BASE_STATUS_H

#include <stdint.h>

typedef enum {
    RT_OK = 0,
    RT_ERR_USAGE,       /* a command line or an option value that makes no sense: exit 2 */
    RT_ERR_IO,          /* a file that cannot be opened, read or written */
    RT_ERR_FORMAT,      /* a file that is not what it claims to be */
    RT_ERR_MISMATCH,    /* two inputs that do not fit together (weights and config, sequence and template) */
    RT_ERR_UNSUPPORTED, /* well-formed, but not something that rnatune does */
    RT_ERR_MEMORY,      /* not enough memory */
    RT_ERR_STOPPED      /* the user asked to stop */
} rt_status;

/* What went wrong.  `what` is one sentence without a final newline; `hint` (may be empty) says what to do. */
typedef struct {
    rt_status code;
    char file[512];     /* the user's file, "" when no file is to blame */
    int64_t line;       /* 1-based, 0 when unknown */
    int64_t column;     /* 1-based, 0 when unknown */
    char what[1024];
    char hint[512];
} rt_err;

/* Fills *err (which may be NULL) and returns `code`, so that a parser can write `return rt_fail(...)`.
 * `file` may be NULL; `line` 0 means unknown.  A hint that was there is cleared. */
rt_status rt_fail(rt_err *err, rt_status code, const char *file, int64_t line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Adds the advice line to an error that rt_fail() filled.  Returns the error's code. */
rt_status rt_hint(rt_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Formats "file:line: what" into `out`; the hint is not included. */
void rt_err_print(const rt_err *err, char *out, int64_t size);

const char *rt_status_name(rt_status code);

/* Leaves through the function's single `done:` label.  Needs a local `rt_status status`. */
#define RT_TRY(expression)                       \
    do {                                         \
        status = (expression);                   \
        if (status != RT_OK) goto done;          \
    } while (0)

/* A state that correct code cannot reach. */
#define RT_BUG(...) rt_bug(__FILE__, __LINE__, __VA_ARGS__)
void rt_bug(const char *source, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

#define RT_REQUIRE(condition)                                             \
    do {                                                                  \
        if (!(condition)) RT_BUG("requirement failed: %s", #condition);   \
    } while (0)

#endif
