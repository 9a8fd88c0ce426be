/* cpu_table.c - the fast CPU backend's table */
#include "op/cpu.h"

const rt_backend rt_backend_cpu = {
    .name = "cpu",
#define RT_OP(name, parameters, arguments, help) .name = rt_cpu_##name,
#include "op/ops.def"
#undef RT_OP
};
