#include "train/loop_export.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "train/export.h"

static rt_status export_folder(const rt_loop_options *o, rt_model *model, int64_t step, const char *name, rt_err *err)
{
    char path[PATH_MAX];
    rt_peft_about about = {.dropout = o->adapter_dropout, .opt_base = o->base_name,
                           .opt_base_hash = o->identity.base[0] ? o->identity.base : NULL, .step = step};
    rt_export_options how = {.adapter = model->adapter, .n_adapter = model->n_adapter, .steps_done = step};
    rt_path_join(path, sizeof path, o->out, name);
    return rt_export_peft(path, model->weights, model->params, &how, &about, err);
}

rt_status rt_loop_export(const rt_loop_options *options, rt_model *model, int64_t step, const char *name, rt_err *err)
{
    rt_status status = RT_OK;
    char file[64], path[PATH_MAX];
    if (options->whole_network) {
        rt_export_options how = {.adapter = model->adapter, .n_adapter = model->n_adapter, .steps_done = step};
        snprintf(file, sizeof file, "%s.safetensors", name);
        rt_path_join(path, sizeof path, options->out, file);
        RT_TRY(rt_export_safetensors(path, model->weights, model->params, &how, err));
    }
    if (options->adapter_folders) RT_TRY(export_folder(options, model, step, name, err));
done:
    return status;
}

static void remove_epoch(const rt_loop_options *o, int64_t epoch)
{
    static const char *const FILES[] = {"adapter_config.json", "adapter_model.safetensors", ""};
    char name[96], path[PATH_MAX];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "epoch-%03lld%s%s", (long long)epoch, FILES[i][0] ? "/" : "", FILES[i]);
        rt_path_join(path, sizeof path, o->out, name);
        if (i < 2) unlink(path);
        else rmdir(path);
    }
}

rt_status rt_loop_export_epoch(const rt_loop_options *options, rt_model *model, int64_t step, int64_t epoch, rt_err *err)
{
    char name[32];
    int64_t keep = options->retention.keep_epochs;
    if (!options->adapter_folders) return RT_OK;
    if (keep >= 0 && epoch > keep) remove_epoch(options, epoch - keep);
    if (keep == 0) return RT_OK;
    snprintf(name, sizeof name, "epoch-%03lld", (long long)epoch);
    return export_folder(options, model, step, name, err);
}
