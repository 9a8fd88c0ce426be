/* log.h - what a person reads while rnatune works: lines on stderr
 * Room: base.  Uses: base/progress (takes the bar away around a line).  Results go elsewhere: only cli/ prints them.
 */
#ifndef RT_BASE_LOG_H
#define RT_BASE_LOG_H

#include <stdbool.h>

typedef enum { RT_LOG_QUIET, RT_LOG_WARN, RT_LOG_INFO, RT_LOG_DEBUG } rt_log_level;

void rt_log_set_level(rt_log_level level);   /* default RT_LOG_INFO */
bool rt_log_enabled(rt_log_level level);     /* would a line of this level be printed? */
/* This process is one of several (base/ranks): above 0 its warnings say so, and nothing below them is printed. */
void rt_log_set_rank(int rank);
void rt_log_set_silent(bool silent);         /* this thread's lines; other threads' are as they were */
void rt_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void rt_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));   /* "warning: ..." */
void rt_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
