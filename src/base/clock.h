/* clock.h - how long something took
 * Room: base.
 */
#ifndef RT_BASE_CLOCK_H
#define RT_BASE_CLOCK_H

/* Seconds since some moment before the program began; never goes back. */
double rt_clock(void);

#endif
