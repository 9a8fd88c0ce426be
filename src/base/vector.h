/* vector.h - points and directions in space
 * Room: base.  Uses: nothing.
 */
#ifndef RT_BASE_VECTOR_H
#define RT_BASE_VECTOR_H

#include <math.h>

static inline double rt_dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static inline void rt_subtract(double out[3], const double a[3], const double b[3])
{
    for (int k = 0; k < 3; k++) out[k] = a[k] - b[k];
}

static inline void rt_cross(double out[3], const double a[3], const double b[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static inline double rt_distance(const double a[3], const double b[3])
{
    double step[3];
    rt_subtract(step, a, b);
    return sqrt(rt_dot(step, step));
}

#endif
