#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/progress.h"

static rt_log_level current_level = RT_LOG_INFO;
static int current_rank;
static _Thread_local bool silent;

void rt_log_set_level(rt_log_level level) { current_level = level; }
void rt_log_set_rank(int rank) { current_rank = rank; }
void rt_log_set_silent(bool value) { silent = value; }

bool rt_log_enabled(rt_log_level level)
{
    return level <= current_level && !silent && (current_rank == 0 || level <= RT_LOG_WARN);
}

static void print_line(rt_log_level level, const char *prefix, const char *format, va_list args)
{
    if (!rt_log_enabled(level)) return;
    rt_progress_hide();
    flockfile(stderr);
    fputs(prefix, stderr);
    if (current_rank > 0) fprintf(stderr, "rank %d: ", current_rank);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    funlockfile(stderr);
    rt_progress_show();
}

#define LINE(level, prefix)                          \
    va_list args;                                    \
    va_start(args, format);                          \
    print_line(level, prefix, format, args);         \
    va_end(args)

void rt_info(const char *format, ...) { LINE(RT_LOG_INFO, ""); }
void rt_warn(const char *format, ...) { LINE(RT_LOG_WARN, "warning: "); }
void rt_debug(const char *format, ...) { LINE(RT_LOG_DEBUG, "debug: "); }
