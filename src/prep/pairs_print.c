#include "prep/pairs_print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prep/helices.h"

static void add_name(rt_text *out, const char *name)
{
    char text[256];
    snprintf(text, sizeof text, "%s", name);
    rt_tame_text(text);
    rt_text_add(out, "%s", text);
}

void rt_pairs_print_tsv(rt_text *out, const char *name, const rt_pairs *pairs, double min_prob)
{
    for (int64_t k = 0; k < pairs->n; k++) {
        const rt_pair *p = &pairs->pair[k];
        if (p->p < min_prob) continue;
        add_name(out, name);
        rt_text_add(out, "\t%d\t%d\t%.9g\n", p->i + 1, p->j + 1, p->p);
    }
}

/* A helix's level is its kind of bracket: the longest helices have the round ones.  False: too few kinds. */
static bool assign_brackets(char *out_text, const rt_helices *helices)
{
    static const char OPEN[] = "([{<ABCDEFGHIJKLMNOPQRSTUVWXYZ", CLOSE[] = ")]}>abcdefghijklmnopqrstuvwxyz";
    enum { KINDS = sizeof OPEN - 1 };
    for (int64_t h = 0; h < helices->n; h++) {
        const rt_helix *helix = &helices->helix[h];
        if (helix->level >= KINDS) return false;
        for (int32_t k = 0; k < helix->n; k++) {
            out_text[helix->i + k] = OPEN[helix->level];
            out_text[helix->j - k] = CLOSE[helix->level];
        }
    }
    return true;
}

rt_status rt_pairs_print_dot(rt_text *out, const char *name, const char *sequence, const int32_t *partner, double score,
                             rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = (int64_t)strlen(sequence);
    rt_helices helices = {0};
    char *text = NULL;
    RT_TRY(rt_helices_find(&helices, partner, n, err));
    RT_TRY_ALLOC(text, n + 1);
    memset(text, '.', (size_t)n);
    if (!assign_brackets(text, &helices)) {
        status = rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s has pairs that cross too often for brackets", name);
        rt_hint(err, "bpseq, ct and tsv have no such limit");
        goto done;
    }
    rt_text_add(out, ">");
    add_name(out, name);
    rt_text_add(out, "\n%s\n%s", sequence, text);
    if (!isnan(score)) rt_text_add(out, " (%.4f)", score);
    rt_text_add(out, "\n");
done:
    free(text);
    rt_helices_free_members(&helices);
    return status;
}

void rt_pairs_print_bpseq(rt_text *out, const char *name, const char *sequence, const int32_t *partner, int64_t n)
{
    rt_text_add(out, "# ");
    add_name(out, name);
    rt_text_add(out, "\n");
    for (int64_t k = 0; k < n; k++) rt_text_add(out, "%lld %c %d\n", (long long)k + 1, sequence[k], partner[k] + 1);
}

void rt_pairs_print_ct(rt_text *out, const char *name, const char *sequence, const int32_t *partner, int64_t n)
{
    rt_text_add(out, "%lld ", (long long)n);
    add_name(out, name);
    rt_text_add(out, "\n");
    for (int64_t k = 0; k < n; k++)
        rt_text_add(out, "%lld %c %lld %lld %d %lld\n", (long long)k + 1, sequence[k], (long long)k,
                    (long long)(k + 1 < n ? k + 2 : 0), partner[k] + 1, (long long)k + 1);
}
