/* progress.h - how far long work has come, on stderr, and whether the user wants it to stop
 * Room: base.  Uses: base/clock, base/log.
 *
 * On a terminal one line is redrawn in place; elsewhere plain lines appear after 10, 20, 40 s and then every minute.
 * Levels nest, and the fraction done takes them all into account:
 *
 *     rt_progress_start("target", 12);                     target 3/12 R1107 | diffusion | step 57/200 ...
 *     for (i...) {
 *         rt_progress_label("%s", name);
 *         rt_progress_start(NULL, trunk_work + diffusion_work);   a level of work units, whose count is not shown
 *         rt_progress_label("diffusion");
 *         rt_progress_span(diffusion_work);                       what the next inner level is worth of this one
 *         rt_progress_start("step", 200);
 *         for (k...) rt_progress_step(k + 1);
 *         rt_progress_end();                                      moves the level outside by its span
 *         rt_progress_end();
 *     }
 *     rt_progress_end();
 *
 * Only rt_progress_step may be called from several threads.  Messages of base/log take the line away first.
 */
#ifndef RT_BASE_PROGRESS_H
#define RT_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Opens a level of `total` items inside the current one.  noun: what is counted, or NULL to show the label alone. */
void rt_progress_start(const char *opt_noun, int64_t total);
/* What the current item is called. */
void rt_progress_label(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* `done` items of the current level are finished. */
void rt_progress_step(int64_t done);
/* The next level inside counts for `items` of this one (1 when nothing is said). */
void rt_progress_span(int64_t items);
void rt_progress_end(void);
/* Ends every open level: the work failed somewhere inside. */
void rt_progress_clear(void);

/* Around every other line on stderr: takes the bar away, puts it back.  base/log does. */
void rt_progress_hide(void);
void rt_progress_show(void);

/* Seconds as a person reads them: "4 s", "1:05", "2:03:10". */
void rt_progress_print_time(char *out, int64_t size, double seconds);

/* The user asked to stop (Ctrl-C or kill).  Long loops look at this between steps and return RT_ERR_STOPPED. */
bool rt_stop_requested(void);
void rt_stop_request(void);    /* safe in a signal handler */
void rt_stop_clear(void);

/* For tests: another stream, terminal or not, of `columns`, and another clock (NULL: the real one). */
void rt_progress_set_output(FILE *stream, bool terminal, int columns, double (*opt_clock)(void));

#endif
