/* audit_sequence.c - the audit's checks of sequences: near-identical ones, held-out targets, augmented examples */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prep/audit_internal.h"
#include "prep/chain_table.h"

/* Where a sequence occurs: a bit for each part, one for the held-out tables, one for augmented examples. */
enum { HELD = 8, AUGMENTED = 16 };

typedef struct {
    rt_auditor *auditor;
    rt_unique unique;
    uint8_t *bits;           /* (distinct sequences) */
    int64_t n, n_held, n_text;     /* texts: the set's targets, then held-out ones, then augmented ones */
    int32_t *head, *next;    /* the texts of a distinct sequence; -1 ends */
} texts;

static int bit_of(const texts *t, int64_t text)
{
    if (text >= t->n + t->n_held) return AUGMENTED;
    if (text >= t->n) return HELD;
    rt_part part = t->auditor->part[text];
    return part == RT_PART_NONE ? 0 : 1 << part;
}

static const char *name_of(const texts *t, int64_t text)
{
    const rt_audit_input *in = t->auditor->in;
    if (text >= t->n + t->n_held) return in->opt_augmented->row[text - t->n - t->n_held].source;
    return text >= t->n ? in->opt_held->id[text - t->n] : rt_dataset_at(in->set, text)->id;
}

static rt_status gather(texts *t, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = t->auditor->in;
    const char **text = NULL;
    RT_TRY_ALLOC(text, t->n_text);
    for (int64_t i = 0; i < t->n; i++) text[i] = rt_dataset_at(in->set, i)->sequence;
    for (int64_t i = 0; i < t->n_held; i++) text[t->n + i] = in->opt_held->sequence[i];
    for (int64_t i = t->n + t->n_held; i < t->n_text; i++)
        text[i] = in->opt_augmented->row[i - t->n - t->n_held].sequence;
    RT_TRY(rt_unique_build(&t->unique, text, t->n_text, err));
    RT_TRY_ALLOC(t->bits, t->unique.n);
    RT_TRY_ALLOC(t->head, t->unique.n);
    RT_TRY_ALLOC(t->next, t->n_text);
    for (int64_t u = 0; u < t->unique.n; u++) t->head[u] = -1;
    for (int64_t i = t->n_text - 1; i >= 0; i--) {
        int32_t u = t->unique.of[i];
        t->bits[u] = (uint8_t)(t->bits[u] | bit_of(t, i));
        t->next[i] = t->head[u];
        t->head[u] = (int32_t)i;
    }
done:
    free(text);
    return status;
}

/* The first text of a sequence that carries the bit, and how many do. */
static int64_t first_with(const texts *t, int32_t u, int bit, int64_t *out_count)
{
    int64_t first = -1;
    *out_count = 0;
    for (int32_t i = t->head[u]; i >= 0; i = t->next[i])
        if (bit_of(t, i) == bit && !(*out_count)++) first = i;
    return first;
}

static int64_t missing_residues(const rt_target *target)
{
    int64_t n = 0;
    for (int64_t r = 0; target->n_conformation && r < target->length; r++) n += !isfinite(rt_target_c1(target, 0,
                                                                                                       r)[0]);
    return n;
}

/* Training targets and augmented examples of sequence u against a held-out target of sequence v. */
static rt_status held_out_pair(texts *t, int32_t u, int32_t v, double identity, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = t->auditor->in;
    int64_t count, held = first_with(t, v, HELD, &count);
    for (int32_t i = t->head[u]; i >= 0; i = t->next[i]) {
        int bit = bit_of(t, i);
        if (bit == AUGMENTED) {
            const rt_augmented_row *row = &in->opt_augmented->row[i - t->n - t->n_held];
            RT_TRY(rt_audit_add(t->auditor, RT_LEAK_HELD_OUT, row->source, "augmented", name_of(t, held), "held_out",
                                identity, in->identity, err, "augmented sequence of line %lld (%.60s)",
                                (long long)row->line, row->change));
        } else if (bit == 1 << RT_PART_TRAIN) {
            const rt_target *target = rt_dataset_at(in->set, i);
            int64_t missing = missing_residues(target);
            if (missing && identity >= 1)
                RT_TRY(rt_audit_add(t->auditor, RT_LEAK_HELD_OUT, target->id, "train", name_of(t, held), "held_out",
                                    identity,
                                    in->identity, err, "the held-out sequence with %lld masked coordinates",
                                        (long long)missing));
            else
                RT_TRY(rt_audit_add(t->auditor, RT_LEAK_HELD_OUT, target->id, "train", name_of(t, held), "held_out",
                                    identity,
                                    in->identity, err, identity >= 1 && u == v ? "the held-out target itself"
                                                                               : "similar to the held-out target"));
        }
    }
done:
    return status;
}

/* Everything that two sequences so much alike (or, with u == v, equal) have to answer for. */
static rt_status judge(texts *t, int32_t u, int32_t v, double identity, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = t->auditor->in;
    int64_t n_a, n_b;
    for (int p = 0; p < RT_PARTS; p++)
        for (int q = p + 1; q < RT_PARTS; q++)
            for (int side = 0; side < (u == v ? 1 : 2); side++) {
                int32_t a = side ? v : u, b = side ? u : v;
                if (!(t->bits[a] >> p & 1) || !(t->bits[b] >> q & 1)) continue;
                int64_t x = first_with(t, a, 1 << p, &n_a), y = first_with(t, b, 1 << q, &n_b);
                RT_TRY(rt_audit_add(t->auditor, RT_LEAK_SEQUENCE, name_of(t, x), rt_part_name((rt_part)p),
                                    name_of(t, y),
                                    rt_part_name((rt_part)q), identity, in->identity, err,
                                    "%lld and %lld targets with these sequences", (long long)n_a, (long long)n_b));
            }
    for (int side = 0; side < (u == v ? 1 : 2); side++) {
        int32_t a = side ? v : u, b = side ? u : v;
        if (t->bits[b] & HELD) RT_TRY(held_out_pair(t, a, b, identity, err));
        int held_bits = t->bits[b] & (1 << RT_PART_VALIDATION | 1 << RT_PART_TEST);
        if (!(t->bits[a] & AUGMENTED) || !held_bits) continue;
        int bit = held_bits & 1 << RT_PART_VALIDATION ? 1 << RT_PART_VALIDATION : 1 << RT_PART_TEST;
        int64_t y = first_with(t, b, bit, &n_b);
        for (int32_t i = t->head[a]; i >= 0; i = t->next[i]) {
            if (bit_of(t, i) != AUGMENTED) continue;
            const rt_augmented_row *row = &in->opt_augmented->row[i - t->n - t->n_held];
            RT_TRY(rt_audit_add(t->auditor, RT_LEAK_AUGMENTED, row->source, "augmented", name_of(t, y),
                                rt_part_name(t->auditor->part[y]), identity, in->identity, err,
                                "line %lld, tier %lld (%.60s)", (long long)row->line, (long long)row->tier,
                                    row->change));
        }
    }
done:
    return status;
}

/* Every training target that has a held-out one's name. */
static rt_status judge_held_names(texts *t, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = t->auditor->in;
    for (int64_t k = 0; k < t->n_held; k++)
        for (int64_t i = 0; i < t->n; i++) {
            const char *id = rt_dataset_at(in->set, i)->id, *held = in->opt_held->id[k];
            if (t->auditor->part[i] != RT_PART_TRAIN || !rt_chain_same(id, held)) continue;
            RT_TRY(rt_audit_add(t->auditor, RT_LEAK_HELD_OUT, id, "train", held, "held_out", NAN, NAN, err,
                                "the held-out target's name"));
        }
done:
    return status;
}

/* Names: a target of the competition's that trains, an augmented example of a target that does not train. */
static rt_status judge_names(texts *t, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = t->auditor->in;
    const rt_augmented *augmented = in->opt_augmented;
    for (int64_t i = 0; i < t->n; i++) {
        const rt_target *target = rt_dataset_at(in->set, i);
        if ((target->origin & (RT_ORIGIN_VALIDATION | RT_ORIGIN_TEST)) && t->auditor->part[i] == RT_PART_TRAIN)
            RT_TRY(rt_audit_add(t->auditor, RT_LEAK_HELD_OUT, target->id, "train", target->id,
                                target->origin & RT_ORIGIN_TEST ? "test" : "validation", NAN, NAN, err,
                                "a target of the competition's %s table",
                                target->origin & RT_ORIGIN_TEST ? "test" : "validation"));
    }
    for (int64_t i = 0; augmented && i < augmented->n; i++) {
        const rt_augmented_row *row = &augmented->row[i];
        const rt_target *source = rt_dataset_find(in->set, row->source);
        bool held = false;
        for (int64_t k = 0; k < t->n_held && !held; k++) held = rt_chain_same(in->opt_held->id[k], row->source);
        if (!source && !held)
            return rt_fail(err, RT_ERR_MISMATCH, NULL, row->line,
                           "the augmented example's source '%s' is not in the set",
                           row->source);
        rt_part part = source ? t->auditor->part[source->number] : RT_PART_NONE;
        if (held || part != RT_PART_TRAIN)     /* "none", too: after the cut-off, or like a held-out target */
            RT_TRY(rt_audit_add(t->auditor, RT_LEAK_HELD_OUT, row->source, "augmented", row->source,
                                held ? "held_out" : rt_part_name(part), NAN, NAN, err,
                                "augmented from a %s (line %lld, %.60s)",
                                held || part != RT_PART_NONE ? "held-out target" : "target that does not train",
                                (long long)row->line, row->change));
    }
done:
    return status;
}

static void count_checked(const texts *t)
{
    rt_audit_check_result *check = t->auditor->out->check;
    int64_t n_train = 0, n_origin = 0;
    for (int64_t i = 0; i < t->n; i++) {
        bool origin = rt_dataset_at(t->auditor->in->set, i)->origin & (RT_ORIGIN_VALIDATION | RT_ORIGIN_TEST);
        check[RT_LEAK_SEQUENCE].n_checked += t->auditor->part[i] != RT_PART_NONE;
        n_train += t->auditor->part[i] == RT_PART_TRAIN;
        n_origin += origin;
    }
    /* augmented examples by their source at least; without a table training targets count when their coordinates are
     * compared (audit_structure) */
    check[RT_LEAK_HELD_OUT].n_checked = (t->n_held || n_origin ? n_train : 0) + t->n_text - t->n - t->n_held;
    if (!t->n_held && !n_origin) check[RT_LEAK_HELD_OUT].not_checked = "no held-out table (--hold-out)";
    check[RT_LEAK_AUGMENTED].n_checked = t->n_text - t->n - t->n_held;
    if (!t->auditor->in->opt_augmented) check[RT_LEAK_AUGMENTED].not_checked = "no augmented examples (--augmented)";
}

rt_status rt_audit_sequences(rt_auditor *auditor, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = auditor->in;
    texts t = {.auditor = auditor, .n = auditor->n, .n_held = in->opt_held ? in->opt_held->n : 0};
    rt_similar similar = {0};
    t.n_text = t.n + t.n_held + (in->opt_augmented ? in->opt_augmented->n : 0);
    RT_TRY(gather(&t, err));
    rt_similar_options options = {.identity = in->identity, .max_chance = in->chance,
                                  .min_length = RT_SIMILAR_MIN_LENGTH,
                                  .opt_parts = t.bits};
    RT_TRY(rt_similar_find(&similar, &t.unique, &options, auditor->pool, err));
    for (int32_t u = 0; u < t.unique.n; u++)
        if (t.bits[u] & (t.bits[u] - 1)) RT_TRY(judge(&t, u, u, 1, err));
    for (int64_t p = 0; p < similar.n_pair; p++)
        RT_TRY(judge(&t, similar.pair[p].a, similar.pair[p].b, (double)similar.pair[p].identity, err));
    RT_TRY(judge_held_names(&t, err));
    RT_TRY(judge_names(&t, err));
    count_checked(&t);
done:
    rt_similar_free_members(&similar);
    rt_unique_free_members(&t.unique);
    free(t.bits);
    free(t.head);
    free(t.next);
    return status;
}
