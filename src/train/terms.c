#include "train/terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *rt_terms_name(int term)
{
    static const char *const NAME[RT_TERMS] = {"plddt", "pae", "pde", "resolved", "mse", "smooth_lddt", "distogram"};
    return NAME[term];
}

double *rt_terms_at(rt_step_terms *terms, int term)
{
    rt_step_terms *t = terms;
    double *at[RT_TERMS] = {&t->confidence.plddt, &t->confidence.pae,        &t->confidence.pde, &t->confidence.resolved,
                            &t->diffusion.mse,    &t->diffusion.smooth_lddt, &t->distogram};
    return at[term];
}

void rt_terms_add(rt_step_terms *sum, rt_step_terms terms, double scale)
{
    for (int i = 0; i < RT_TERMS; i++) *rt_terms_at(sum, i) += scale * *rt_terms_at(&terms, i);
}

rt_status rt_terms_read(rt_step_terms *weights, const char *text, rt_err *err)
{
    const char *equals = strchr(text, '=');
    char *end = NULL;
    double value = equals ? strtod(equals + 1, &end) : NAN;
    size_t length = equals ? (size_t)(equals - text) : 0;
    bool number = equals && end != equals + 1 && !*end && isfinite(value) && value >= 0;
    for (int k = 0; k < RT_TERMS && number; k++) {
        if (strlen(rt_terms_name(k)) != length || strncmp(rt_terms_name(k), text, length) != 0) continue;
        *rt_terms_at(weights, k) = value;
        return RT_OK;
    }
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.60s' is no loss term and a weight of at least 0", text);
    return rt_hint(err, "plddt=1, pae=1, pde=1, resolved=1, mse=4, smooth_lddt=4 or distogram=0.03");
}

bool rt_terms_has(const rt_step_plan *plan, int term)
{
    rt_step_terms weight = plan->options.weight;
    bool worked = term < 4 ? plan->confidence : term < 6 ? plan->diffusion : plan->distogram;
    return worked && *rt_terms_at(&weight, term) > 0;
}

int64_t rt_terms_list(rt_event_value *out, const rt_step_plan *plan, rt_step_terms terms)
{
    int64_t n = 0;
    for (int i = 0; i < RT_TERMS; i++)
        if (rt_terms_has(plan, i)) out[n++] = (rt_event_value){rt_terms_name(i), *rt_terms_at(&terms, i)};
    return n;
}
