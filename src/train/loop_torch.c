#include "train/loop_torch.h"

#include <limits.h>

#include "base/file.h"
#include "base/log.h"
#include "train/export.h"
#include "train/torch_state.h"

static const char *kind_name(bool decoupled) { return decoupled ? "AdamW" : "Adam"; }

static void warn_of_other_settings(const rt_torch_state *file, const rt_adam_options *mine, const char *path)
{
    bool decoupled = mine->kind == RT_ADAM_DECOUPLED;
    if (file->decoupled == decoupled && file->beta1 == mine->beta1 && file->beta2 == mine->beta2) return;
    rt_warn("%s was made by %s with betas %g and %g; here it is %s with %g and %g", path, kind_name(file->decoupled),
            file->beta1, file->beta2, kind_name(decoupled), mine->beta1, mine->beta2);
}

rt_status rt_loop_torch_continue(rt_adam *adam, rt_train_state *state, const char *path, rt_params *params, rt_err *err)
{
    rt_status status = RT_OK;
    rt_torch_state file;
    status = rt_torch_state_load(&file, adam, params, path, err);
    if (status != RT_OK && !err->hint[0])
        rt_hint(err, "--continue-adam takes a .pt that training wrote, with its optimizer");
    RT_TRY(status);
    if (file.n_state == 0) {
        rt_fail(err, RT_ERR_MISMATCH, path, 0, "its optimizer has moments of nothing that trains here");
        RT_TRY(rt_hint(err, "train what it trained, or leave --continue-adam out"));
    }
    state->step = file.next_step;
    state->schedule.steps += file.next_step;
    rt_info("goes on from the optimizer of %s: moments of %lld of %lld tensors, next step %lld; its rate was %g, here %g",
            path, (long long)file.n_state, (long long)rt_params_count(params), (long long)file.next_step, file.rate,
            rt_schedule_rate(&state->schedule, state->step));
    warn_of_other_settings(&file, rt_adam_options_of(adam), path);
done:
    return status;
}

void rt_loop_torch_say(const rt_loop_options *options, const rt_model *model, bool averaged)
{
    if (!options->export_torch) return;
    if (averaged) rt_info("the .pt files hold the averaged weights, and so no optimizer");
    else if (!rt_export_has_order(model->weights))
        rt_warn("the .pt files will hold no optimizer: the base's tensors do not stand in the model's order");
    if (model->ribonanza_weights)
        rt_warn("the .pt files will lack RibonanzaNet2, which is not in the base; the reference's loader wants it");
}

rt_status rt_loop_torch_export(const rt_loop_options *options, rt_model *model, rt_adam *opt_adam,
                               const rt_train_state *state, const char *name, rt_err *err)
{
    char path[PATH_MAX];
    rt_export_options how = {
        .module_prefix = true, .adapter = model->adapter, .n_adapter = model->n_adapter, .steps_done = state->step};
    if (!options->export_torch) return RT_OK;
    if (opt_adam && rt_export_has_order(model->weights)) how.opt_adam = opt_adam, how.opt_schedule = &state->schedule;
    rt_path_join(path, sizeof path, options->out, name);
    return rt_export_torch(path, model->weights, model->params, &how, err);
}
