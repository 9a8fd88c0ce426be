#include "cli/train_dry_run.h"

#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "cli/train_cache.h"
#include "train/estimate.h"
#include "train/gradient_sum.h"

/* What gradients to a weight can change, by its name; the order matters. */
static const struct {
    const char *begin, *part, *outputs;
} REACH[] = {
    {"confidence_head", "", "pLDDT, PAE, PDE, resolved"},
    {"distogram_head", "", "distogram, contacts"},
    {"diffusion_module", "", "coordinates"},
    {"pairformer_stack", ".attention_pair_bias.", "coordinates, confidence (s alone: not the distogram or contacts)"},
    {"pairformer_stack", ".single_transition.", "coordinates, confidence (s alone: not the distogram or contacts)"},
    {"linear_no_bias_s.", "", "coordinates, confidence (s alone: not the distogram or contacts)"},   /* the recycled s */
    {"layernorm_s.", "", "coordinates, confidence (s alone: not the distogram or contacts)"},
    {"", "", "coordinates, distogram, contacts, confidence"},
};

static const char *reach_of(const char *name)
{
    int i = 0;
    while (strncmp(name, REACH[i].begin, strlen(REACH[i].begin)) != 0 || !strstr(name, REACH[i].part)) i++;
    return REACH[i].outputs;
}

/* A line for each module and what it can reach. */
static void print_modules(rt_params *params)
{
    printf("module\ttensors\tparameters\treaches\n");
    for (int64_t i = 0; i < rt_params_count(params); i++) {
        const char *name = rt_params_at(params, i)->name;
        size_t length = strcspn(name, ".");
        int64_t tensors = 0, parameters = 0;
        bool seen = false;
        for (int64_t k = 0; k < rt_params_count(params) && !seen; k++) {
            const rt_param *p = rt_params_at(params, k);
            if (strncmp(p->name, name, length + 1) != 0 || strcmp(reach_of(p->name), reach_of(name)) != 0) continue;
            seen = k < i;
            tensors++, parameters += rt_count(p->value);
        }
        if (!seen)
            printf("%.*s\t%lld\t%lld\t%s\n", (int)length, name, (long long)tensors, (long long)parameters,
                   reach_of(name));
    }
}

rt_status rt_train_dry_run(rt_ctx *ctx, rt_model *model, const rt_loop_options *loop, rt_err *err)
{
    rt_params *params = model->params;
    rt_status status = RT_OK;
    rt_loop_measure m;
    rt_estimate time;
    double share, values = (double)rt_params_bytes(params), elements = (double)rt_params_elements(params);
    double sum = (double)rt_gradient_sum_bytes(params, loop->accumulation);
    ctx->opt_stop = rt_stop_requested;   /* nothing is lost: a measured step need not be finished */
    RT_TRY(rt_loop_check_cache(model, loop, err));
    print_modules(params);
    RT_TRY(rt_train_cache_print(&share, ctx, model, loop, err));
    fflush(stdout); /* what follows takes as long as a step */
    RT_TRY(rt_loop_try(ctx, model, loop, &m, err));
    RT_TRY(rt_estimate_make(&time, ctx, model, loop, &m, err));
    printf("\nmemory\tMiB\n");
    printf("weights of the network\t%.1f\n", (double)rt_model_bytes(model) / (1 << 20));
    printf("weights and gradients that train\t%.1f\n", values / (1 << 20));
    printf("sum of a step's gradients\t%.1f\n", sum / (1 << 20));
    printf("optimizer\t%.1f\n", 8 * elements / (1 << 20));
    printf("averaged weights\t%.1f\n", loop->ema > 0 ? 4 * elements / (1 << 20) : 0);
    printf("activations, %lld tokens\t%.2f\n", (long long)m.tokens, (double)m.bytes / (1 << 20));
    if (ctx->offload) printf("put aside, in the host's memory\t%.2f\n", (double)ctx->aside_bytes / (1 << 20));
    double rest = ctx->on_device ? (double)rt_ctx_rest_bytes(ctx) : 0;
    if (rest > 0) printf("CUDA and its libraries\t%.1f\n", rest / (1 << 20));
    printf("in all, on the device\t%.1f\n", (rest + (double)rt_model_bytes(model) + values + sum + 8 * elements +
                                              (loop->ema > 0 ? 4 * elements : 0) + (double)m.bytes) / (1 << 20));
    printf("\ntime\tvalue\n");
    printf("seconds for the longest sample, %lld tokens, %lld recycles\t%.3f\n", (long long)m.tokens,
           (long long)m.loss.n_cycle, m.seconds);
    if (time.tokens[1] < time.tokens[0])
        printf("seconds for a shorter one, %lld tokens\t%.3f\n", (long long)time.tokens[1], time.seconds[1]);
    printf("of that, a training sample on average\t%.2f\n", time.train_share);
    printf("of that, a held-out sample\t%.2f\n", time.held_out_share);
    printf("hours per epoch, validation included\t%.4f\n", time.epoch / 3600);
    printf("hours in all, %lld epochs and the base's validation\t%.4f\n", (long long)loop->epochs, time.total / 3600);
    if (share < 1) printf("hours in all, with the cache\t%.4f\n", share * time.total / 3600);
    printf("steps in all\t%lld\n", (long long)rt_loop_steps(loop->n_train, loop->accumulation, loop->epochs));
done:
    ctx->opt_stop = NULL;
    return status;
}
