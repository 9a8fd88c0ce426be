#include "cli/choices.h"

#include <string.h>

#include "base/pool.h"

rt_precision rt_choice_precision(const char *name)
{
    if (strcmp(name, "bf16") == 0) return RT_PRECISION_BF16;
    return strcmp(name, "reference") == 0 ? RT_PRECISION_REFERENCE : RT_PRECISION_FP32;
}

rt_backend_kind rt_choice_backend(const char *name)
{
    static const struct { const char *name; rt_backend_kind kind; } KINDS[] = {
        {"plain", RT_BACKEND_REF}, {"double", RT_BACKEND_REF64}, {"cuda", RT_BACKEND_CUDA}};
    for (int i = 0; i < 3; i++)
        if (strcmp(KINDS[i].name, name) == 0) return KINDS[i].kind;
    return RT_BACKEND_CPU;
}

int rt_choice_threads(const rt_options *options)
{
    return rt_option_has(options, "threads") ? (int)rt_option_int(options, "threads") : rt_cpu_count();
}
