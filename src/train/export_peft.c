/* export_peft.c - what trained as a PEFT folder: see train/export.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/export.h"

/* The layer of "<layer>.lora_A", on the heap. */
static char *layer_name(const rt_param *a, rt_err *err)
{
    return rt_copy_text(a->name, (int64_t)(strlen(a->name) - strlen(".lora_A")), err);
}

rt_status rt_export_peft(const char *folder, rt_params *params, const rt_peft_about *about, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = rt_params_count(params), n_pair = 0, n_weight = 0;
    rt_peft_pair *pair = NULL;
    rt_weight *weight = NULL;
    rt_peft_about full = *about;
    RT_TRY_ALLOC(pair, n);
    RT_TRY_ALLOC(weight, n);
    for (int64_t i = 0; i < n; i++) {
        const rt_param *p = rt_params_at(params, i);
        if (p->kind == RT_PARAM_WEIGHT) weight[n_weight++] = (rt_weight){p->name, p->value};
        if (p->kind != RT_PARAM_ADAPTER_A) continue;
        const rt_param *b = rt_params_at(params, i + 1);   /* registered right after it */
        RT_REQUIRE(b->kind == RT_PARAM_ADAPTER_B);
        char *layer = layer_name(p, err);
        if (!layer) RT_TRY(RT_ERR_MEMORY);
        pair[n_pair++] = (rt_peft_pair){layer, p->value, b->value, p->scale};
    }
    if (n_pair) full.alpha = pair[0].scale * (double)pair[0].a.dim[0];
    RT_TRY(rt_peft_write(folder, pair, n_pair, weight, n_weight, &full, err));
done:
    for (int64_t i = 0; i < n_pair; i++) free((char *)(uintptr_t)pair[i].module);
    free(pair);
    free(weight);
    return status;
}
