/* child.h - a command line of this very program in a process of its own, followed until it ends
 * Room: tune.  Uses: base/file, base/log, base/progress.
 *
 * A crash of the child ends the child alone.  What it says on stderr is added to a log and shown.  When the user asks
 * to stop, the child is asked too, and waited for: it saves what it has.  When this process is killed, the system
 * asks it.
 */
#ifndef RT_TUNE_CHILD_H
#define RT_TUNE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    const char *log;          /* the file that stderr is added to */
    const char *opt_data;   /* the file that its data (file 1) go to, whole or not at all; NULL: the log */
    bool show;                /* what goes to the log is shown on stderr, too */
} rt_child_options;

/* argv[0] is this program's path as a user would type it; ends with NULL.  out_code: the exit status, 128 + the
 * signal's number when a signal ended it.  Errors: RT_ERR_IO when it cannot be started; RT_ERR_STOPPED when the user
 * asked to stop. */
rt_status rt_child_run(int *out_code, const char *const *argv, const rt_child_options *options, rt_err *err);

/* The last line of the log that begins with "rnatune VERB: ", which is how a verb says why it failed, with its hint
 * in brackets; "" when there is none. */
void rt_child_last_error(char *out, int64_t size, const char *log, const char *verb);

/* This program's own path. */
rt_status rt_child_program(char *out, int64_t size, rt_err *err);

/* Takes OUT for this process and its children.  While another process, or a child that it left, works there, waits up
 * to `seconds` for it to save and end.  The lock lasts until the process and its children are gone.
 * Errors: RT_ERR_IO; RT_ERR_MISMATCH when it is still taken; RT_ERR_STOPPED. */
rt_status rt_child_lock(const char *folder, double seconds, rt_err *err);

#endif
