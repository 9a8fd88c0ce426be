/* config_weights.c - the sizes of open files of weights */
#include <string.h>

#include "io/config_detect.h"

typedef struct {
    const rt_weights *weights, *opt_ribonanza;
} source;

static bool look_up(void *user, const char *name, int *out_ndim, int64_t out_dim[RT_MAX_DIMS])
{
    const source *s = user;
    const char *prefix = "ribonanza_net.";
    const rt_weight *weight = rt_weights_find(s->weights, name);
    if (!weight && s->opt_ribonanza && strncmp(name, prefix, strlen(prefix)) == 0)
        weight = rt_weights_find(s->opt_ribonanza, name + strlen(prefix));
    if (!weight) return false;
    *out_ndim = weight->tensor.ndim;
    memcpy(out_dim, weight->tensor.dim, sizeof weight->tensor.dim);
    return true;
}

rt_status rt_config_detect(rt_config *config, const rt_weights *weights, const rt_weights *opt_ribonanza, rt_err *err)
{
    source s = {weights, opt_ribonanza};
    return rt_config_detect_shapes(config, look_up, &s, rt_weights_path(weights), err);
}
