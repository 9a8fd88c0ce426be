#include "prep/pairs_vienna.h"

#include <stdlib.h>

#include <ViennaRNA/fold_compound.h>
#include <ViennaRNA/mfe/global.h>
#include <ViennaRNA/model.h>
#include <ViennaRNA/partfunc/global.h>

#include "base/memory.h"

bool rt_pairs_vienna_here(void) { return true; }

static void read_brackets(int32_t *out_partner, const char *text, int64_t length, int32_t *stack)
{
    int64_t depth = 0;
    for (int64_t k = 0; k < length; k++) {
        out_partner[k] = -1;
        if (text[k] == '(') stack[depth++] = (int32_t)k;
        if (text[k] != ')' || !depth) continue;
        out_partner[k] = stack[--depth];
        out_partner[out_partner[k]] = (int32_t)k;
    }
}

rt_status rt_pairs_vienna_fold(rt_pairs *out_pairs, const char *sequence, int64_t length, double min_prob, rt_err *err)
{
    rt_status status = RT_OK;
    rt_pairs pairs = {.length = length};
    vrna_fold_compound_t *fold = NULL;
    char *text = NULL;
    int32_t *stack = NULL;
    vrna_md_t model;
    vrna_md_set_default(&model);
    RT_TRY_ALLOC(pairs.best, length);
    RT_TRY_ALLOC(text, length + 1);
    RT_TRY_ALLOC(stack, length);
    fold = vrna_fold_compound(sequence, &model, VRNA_OPTION_DEFAULT);
    if (!fold) {
        status = rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "ViennaRNA does not take this sequence of %lld residues",
                         (long long)length);
        goto done;
    }
    double energy = vrna_mfe(fold, text);
    pairs.best_score = energy;
    read_brackets(pairs.best, text, length, stack);
    vrna_exp_params_rescale(fold, &energy);   /* sums are scaled by the best structure's energy */
    pairs.ensemble = vrna_pf(fold, NULL);
    for (int64_t i = 1; i <= length; i++)
        for (int64_t j = i + 1; j <= length; j++) {
            double p = fold->exp_matrices->probs[fold->iindx[i] - j];
            if (p > 0 && p >= min_prob) RT_TRY(rt_pairs_add(&pairs, i - 1, j - 1, p, err));
        }
done:
    vrna_fold_compound_free(fold);
    free(text);
    free(stack);
    if (status != RT_OK) rt_pairs_free_members(&pairs);
    *out_pairs = pairs;
    return status;
}
