/* cpu_ref.h - what the files of the plain reference share; RT_REAL is float or double
 * Room: op.  Uses: op/backend.
 */
#ifndef RT_OP_CPU_REF_H
#define RT_OP_CPU_REF_H

#include <math.h>
#include <stdlib.h>

#include "op/backend.h"

typedef RT_REAL real;
enum { IS_DOUBLE = sizeof(real) == sizeof(double) };

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define REF_NAME(name) JOIN(rt_ref_##name##_, RT_REAL)
#define OP(name) void REF_NAME(name)
#define R(t) ((real *)(t).data)
#define I64(t) ((const int64_t *)(t).data)

#define RT_OP(name, parameters, arguments, help) void REF_NAME(name) parameters;
#include "op/ops.def"
#undef RT_OP

static inline real activate(rt_act act, real x)
{
    switch (act) {
    case RT_ACT_RELU: return x > 0 ? x : 0;
    case RT_ACT_SIGMOID: return 1 / (1 + (real)exp((double)-x));
    case RT_ACT_SILU: return x / (1 + (real)exp((double)-x));
    case RT_ACT_NONE: break;
    }
    return x;
}

/* Weight element i, whatever its type. */
static inline double weight_at(rt_tensor w, int64_t i) { return rt_get(w, i); }

#endif
