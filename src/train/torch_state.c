#include "train/torch_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/torch_archive.h"

typedef struct {
    const char *path;
    const rt_value *model, *state, *groups;
    const rt_value **of;      /* per tensor of the model: its state, NULL when it has none */
} torch_parts;

static bool is_dict(const rt_value *value) { return value && value->kind == RT_VALUE_DICT; }

static rt_status find_parts(torch_parts *p, const rt_torch *torch, rt_err *err)
{
    const rt_value *root = rt_torch_root(torch), *optimizer = rt_value_get(root, "optimizer");
    p->model = rt_value_get(root, "model");
    p->state = rt_value_get(optimizer, "state");
    p->groups = rt_value_get(optimizer, "param_groups");
    if (is_dict(p->model) && is_dict(p->state) && p->groups && p->groups->kind == RT_VALUE_LIST && p->groups->count > 0)
        return RT_OK;
    rt_fail(err, RT_ERR_FORMAT, p->path, 0, "has no optimizer: it is not a training checkpoint of the reference");
    return rt_hint(err, "it can still be the base checkpoint of a new run");
}

static int64_t group_count(const torch_parts *p, int64_t group)
{
    const rt_value *params = rt_value_get(p->groups->item[group], "params");
    return params && params->kind == RT_VALUE_LIST ? params->count : -1;
}

static int dimensions(const rt_value *tensor) { return tensor->kind == RT_VALUE_TENSOR ? tensor->tensor->ndim : -1; }

/* out_place[number in the optimizer] = place in the model */
static rt_status number_tensors(const torch_parts *p, int64_t *out_place, rt_err *err)
{
    int64_t n = p->model->count, wide = 0, at = 0, grouped = 0;
    for (int64_t i = 0; i < n; i++) wide += dimensions(p->model->item[2 * i + 1]) >= 2;
    for (int64_t g = 0; g < p->groups->count; g++) grouped += group_count(p, g);
    bool one = p->groups->count == 1, split = p->groups->count == 2 && group_count(p, 0) == wide;
    if (grouped != n || !(one || split)) {
        rt_fail(err, RT_ERR_UNSUPPORTED, p->path, 0,
                "its optimizer has %lld tensors in %lld groups, its model %lld: which is which "
                "cannot be told",
                (long long)grouped, (long long)p->groups->count, (long long)n);
        return rt_hint(err, "start a new run from its weights");
    }
    for (int pass = 0; pass < (one ? 1 : 2); pass++)
        for (int64_t i = 0; i < n; i++)
            if (one || (dimensions(p->model->item[2 * i + 1]) >= 2) == (pass == 0)) out_place[at++] = i;
    return RT_OK;
}

static rt_status spread_state(const torch_parts *p, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *place;
    RT_TRY_ALLOC(place, p->model->count);
    RT_TRY(number_tensors(p, place, err));
    for (int64_t i = 0; i < p->state->count; i++) {
        int64_t number;
        if (!rt_value_integer(p->state->item[2 * i], &number) || number < 0 || number >= p->model->count) {
            status =
                rt_fail(err, RT_ERR_FORMAT, p->path, 0, "its optimizer has a state for a tensor that the model lacks");
            goto done;
        }
        p->of[place[number]] = p->state->item[2 * i + 1];
    }
done:
    free(place);
    return status;
}

static bool same_shape(rt_tensor a, rt_tensor b)
{
    return a.ndim == b.ndim && memcmp(a.dim, b.dim, (size_t)a.ndim * sizeof *a.dim) == 0;
}

/* Calls for each tensor that trains and has a state: first only looking, then copying. */
static rt_status take(const torch_parts *p, rt_adam *adam, rt_params *params, bool copy, int64_t *out_count,
                      rt_err *err)
{
    static const char *const key[2] = {"exp_avg", "exp_avg_sq"};
    *out_count = 0;
    for (int64_t i = 0; i < p->model->count; i++) {
        const rt_value *text = p->model->item[2 * i], *state = p->of[i];
        if (!state || text->kind != RT_VALUE_TEXT) continue;
        char name[320];
        bool prefix = text->count > 7 && memcmp(text->text, "module.", 7) == 0;
        snprintf(name, sizeof name, "%.*s", (int)text->count - (prefix ? 7 : 0), text->text + (prefix ? 7 : 0));
        const rt_param *param = rt_params_find(params, name);
        if (!param) continue;
        int64_t index = param - rt_params_at(params, 0), updates;
        const rt_value *step = rt_value_get(state, "step");
        for (int k = 0; k < 2; k++) {
            const rt_value *moment = rt_value_get(state, key[k]);
            rt_tensor mine = rt_adam_moment(adam, index, k);
            if (!moment || moment->kind != RT_VALUE_TENSOR || !same_shape(*moment->tensor, mine))
                return rt_fail(err, RT_ERR_MISMATCH, p->path, 0,
                               "its optimizer's %s of '%.200s' is missing or of another shape", key[k], name);
            if (copy) rt_convert(mine.data, mine.dtype, moment->tensor->data, moment->tensor->dtype, rt_count(mine));
        }
        if (!step || !rt_value_integer(step, &updates) || updates < 0)
            return rt_fail(err, RT_ERR_FORMAT, p->path, 0, "its optimizer says no step for '%.200s'", name);
        if (copy) *rt_adam_updates(adam, index) = updates;
        (*out_count)++;
    }
    return RT_OK;
}

static double number_of(const rt_value *value)
{
    int64_t whole;
    if (value && value->kind == RT_VALUE_FLOAT) return value->real;
    return value && rt_value_integer(value, &whole) ? (double)whole : NAN;
}

static void read_options(rt_torch_state *out, const rt_value *group)
{
    const rt_value *betas = rt_value_get(group, "betas"), *decoupled = rt_value_get(group, "decoupled_weight_decay");
    bool pair = betas && (betas->kind == RT_VALUE_TUPLE || betas->kind == RT_VALUE_LIST) && betas->count == 2;
    out->rate = number_of(rt_value_get(group, "lr"));
    out->beta1 = pair ? number_of(betas->item[0]) : NAN;
    out->beta2 = pair ? number_of(betas->item[1]) : NAN;
    out->eps = number_of(rt_value_get(group, "eps"));
    out->weight_decay = number_of(rt_value_get(group, "weight_decay"));
    out->decoupled = decoupled && decoupled->kind == RT_VALUE_BOOL && decoupled->integer;
}

rt_status rt_torch_state_load(rt_torch_state *out_state, rt_adam *adam, rt_params *params, const char *path,
                              rt_err *err)
{
    torch_parts p = {.path = path};
    rt_torch *torch = NULL;
    int64_t step;
    rt_status status = RT_OK;
    *out_state = (rt_torch_state){0};
    RT_TRY(rt_torch_open(&torch, path, err));
    RT_TRY(find_parts(&p, torch, err));
    RT_TRY_ALLOC(p.of, p.model->count);
    RT_TRY(spread_state(&p, err));
    const rt_value *saved = rt_value_get(rt_torch_root(torch), "step");
    if (!saved || !rt_value_integer(saved, &step) || step < 0)
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "says no training step"));
    RT_TRY(take(&p, adam, params, false, &out_state->n_state, err));
    take(&p, adam, params, true, &out_state->n_state, err);
    out_state->next_step = step + 1;
    read_options(out_state, p.groups->item[0]);
done:
    free(p.of);
    rt_torch_close(torch);
    return status;
}
