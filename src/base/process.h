/* process.h - another program: started without a shell, waited for, its output in files
 * Room: base.  Uses: base/status.
 */
#ifndef RT_BASE_PROCESS_H
#define RT_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

/* The program's path on PATH (or `name` itself when it has a '/').  False when there is none that may be run. */
bool rt_process_find(char *out_path, int64_t size, const char *name);

/* Starts argv[0] (a path) with an empty input, its two outputs going to files; NULL: nowhere.  argv ends with NULL and
 * reaches the program as it is: no shell looks at it. */
rt_status rt_process_start(pid_t *out_pid, const char *const *argv, const char *opt_stdout, const char *opt_stderr,
                           rt_err *err);

/* Waits for it.  out_code: its exit status, 128 + the signal's number when a signal ended it.  When the user asks to
 * stop, the program is ended and RT_ERR_STOPPED is returned. */
rt_status rt_process_wait(pid_t pid, int *out_code, rt_err *err);

/* Start and wait; a status other than 0 is RT_ERR_IO with the last line that it wrote to opt_stderr. */
rt_status rt_process_run(const char *const *argv, const char *opt_stdout, const char *opt_stderr, rt_err *err);

/* The last line of a file that is not blank, "" when there is none: what a program said when it failed. */
void rt_process_last_line(char *out, int64_t size, const char *path);

#endif
