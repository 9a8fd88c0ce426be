#include "prep/augment_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "prep/similar.h"

/* The combinations of augmentations of sequences; a homolog goes alone. */
static const uint32_t COMBINATION[] = {RT_AUGMENT_BIT(RT_AUGMENT_COMPENSATORY), RT_AUGMENT_BIT(RT_AUGMENT_LOOP),
                                       RT_AUGMENT_BIT(RT_AUGMENT_COMPENSATORY) | RT_AUGMENT_BIT(RT_AUGMENT_LOOP),
                                       RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG)};
enum { COMBINATIONS = sizeof COMBINATION / sizeof *COMBINATION, ALONE = COMBINATIONS - 1, MADE = 1, HELD = 2 };
enum { PICK_VARIANT = RT_AUGMENTATIONS, KEPT_HOMOLOGS = 32 };

typedef struct {
    int64_t number;              /* of the target in the set */
    rt_fold_map map;
    rt_homologs homologs;
    uint8_t *refused;            /* (COMBINATIONS, variants) rt_augment_reason, 0: it may be drawn */
    char **sequence;             /* the same, while the set is opened: NULL where nothing changes */
    rt_augment_tally tally;
    rt_status status;
    rt_err err;
} entry;

struct rt_augment_set {
    rt_augment_set_options options;
    entry *entry;                /* by number */
    int64_t n;
    rt_augmented record;
    char hash[RT_HASH_TEXT];
    rt_augment_summary summary;
};

typedef struct {
    rt_augment_set *set;
    rt_pairs *pairs;             /* (n), empty where none were predicted */
} work;

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const entry *)a)->number, y = ((const entry *)b)->number;
    return (x > y) - (x < y);
}

static const entry *find(const rt_augment_set *set, const rt_target *target)
{
    entry key = {.number = target->number};
    return set->n ? bsearch(&key, set->entry, (size_t)set->n, sizeof key, by_number) : NULL;
}

void rt_augment_set_close(rt_augment_set *set)
{
    if (!set) return;
    for (int64_t i = 0; i < set->n; i++) {
        entry *e = &set->entry[i];
        rt_fold_map_free_members(&e->map);
        rt_homologs_free_members(&e->homologs);
        for (int64_t s = 0; e->sequence && s < COMBINATIONS * set->options.variants; s++) free(e->sequence[s]);
        free(e->sequence);
        free(e->refused);
    }
    free(set->entry);
    rt_augmented_free_members(&set->record);
    free(set);
}

/* ---- making every variant ----------------------------------------------------------------------------------------- */

static rt_status predict(work *w, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    rt_augment_set *set = w->set;
    const rt_augment_set_options *o = &set->options;
    const char **sequence = NULL;
    rt_pairs *found = NULL;
    int64_t *place = NULL, n = 0, cached = 0;
    if (!o->opt_predictor) return RT_OK;
    RT_TRY_ALLOC(sequence, set->n);
    RT_TRY_ALLOC(found, set->n);
    RT_TRY_ALLOC(place, set->n);
    for (int64_t i = 0; i < set->n; i++) {
        const rt_target *t = rt_dataset_at(o->set, set->entry[i].number);
        if (t->length <= o->longest) place[n] = i, sequence[n++] = t->sequence;
    }
    RT_TRY(rt_predictor_fold_all(found, &cached, o->opt_predictor, sequence, n, pool, err));
    for (int64_t k = 0; k < n; k++) w->pairs[place[k]] = found[k];
    set->summary.predicted = n;
    rt_info("base pairs of %lld targets predicted, %lld of them from the cache; %lld are longer than %lld residues and "
            "have no prediction", (long long)n, (long long)cached, (long long)(set->n - n), (long long)o->longest);
done:
    free(sequence);
    free(found);
    free(place);
    return status;
}

static rt_status make_variants(const rt_augment_set *set, entry *e, const rt_target *t, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_augment_set_options *o = &set->options;
    const uint32_t on = rt_augment_sequence_bits(&o->plan);
    rt_augment_example example = {0};
    RT_TRY_ALLOC(e->refused, COMBINATIONS * o->variants);
    RT_TRY_ALLOC(e->sequence, COMBINATIONS * o->variants);
    for (int c = 0; c < COMBINATIONS; c++) {
        if ((COMBINATION[c] & on) != COMBINATION[c] || t->n_conformation < 1) continue;
        for (int64_t v = 0; v < o->variants; v++) {
            rt_augment_draw draw = {.kinds = COMBINATION[c], .variant = v};
            bool alone = (COMBINATION[c] & (COMBINATION[c] - 1)) == 0;   /* a combination's parts are counted by themselves */
            RT_TRY(rt_augment_make(&example, alone ? &e->tally : NULL, NULL, &o->plan, t, &e->map, &e->homologs, &draw,
                                   err));
            if (strcmp(example.sequence, t->sequence) != 0) {
                e->sequence[c * o->variants + v] = example.sequence;
                example.sequence = NULL;
            }
            rt_augment_example_free_members(&example);
        }
    }
done:
    return status;
}

static void make_entry(void *argument, int64_t i, int worker)
{
    work *w = argument;
    const rt_augment_set_options *o = &w->set->options;
    entry *e = &w->set->entry[i];
    const rt_target *t = rt_dataset_at(o->set, e->number);
    (void)worker;
    if (rt_stop_requested()) return;
    e->status = rt_fold_map_build(&e->map, t, w->pairs[i].length ? &w->pairs[i] : NULL, o->around, &e->err);
    if (e->status == RT_OK && o->plan.on & RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG) && o->opt_families && o->opt_seeds) {
        rt_homolog_rules rules = {.identity = rt_augment_value(&o->plan, RT_AUGMENT_HOMOLOG, "identity"),
                                  .gaps = rt_augment_value(&o->plan, RT_AUGMENT_HOMOLOG, "gaps"), .keep = KEPT_HOMOLOGS};
        e->status = rt_homologs_find(&e->homologs, t->id, t->sequence, rt_family_table_find(o->opt_families, t->id),
                                     o->opt_seeds, &rules, &e->err);
    }
    if (e->status == RT_OK) e->status = make_variants(w->set, e, t, &e->err);
    rt_progress_step(i + 1);
}

/* A family's examples beyond its limit are refused, in the order of the targets.  Those that are too near a held-out
 * sequence are none of its examples. */
static rt_status limit_families(rt_augment_set *set, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_augment_set_options *o = &set->options;
    int64_t *used = NULL;
    if (!o->opt_seeds || !(o->plan.on & RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG))) return RT_OK;
    const double limit = rt_augment_value(&o->plan, RT_AUGMENT_HOMOLOG, "limit");
    RT_TRY_ALLOC(used, o->opt_seeds->n);
    for (int64_t i = 0; i < set->n; i++) {
        entry *e = &set->entry[i];
        if (!e->homologs.family) continue;
        int64_t family = rt_seeds_find(o->opt_seeds, e->homologs.family) - o->opt_seeds->seed;
        for (int64_t s = ALONE * o->variants; s < COMBINATIONS * o->variants; s++)
            if (e->sequence[s] && !e->refused[s] && (double)++used[family] > limit) {
                e->refused[s] = RT_REASON_FAMILY_LIMIT;
                set->summary.limited++;
            }
    }
done:
    free(used);
    return status;
}

/* ---- screening ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char **text;
    uint8_t *bit;                /* MADE or HELD */
    uint8_t **refused;           /* where a made one's verdict is */
    int64_t n, capacity, capacity_bit, capacity_refused;
} texts;

static rt_status add_text(texts *t, const char *text, uint8_t bit, uint8_t *refused, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_grow((void **)&t->text, &t->capacity, t->n + 1, sizeof *t->text, err));
    RT_TRY(rt_grow((void **)&t->bit, &t->capacity_bit, t->n + 1, sizeof *t->bit, err));
    RT_TRY(rt_grow((void **)&t->refused, &t->capacity_refused, t->n + 1, sizeof *t->refused, err));
    t->text[t->n] = text, t->bit[t->n] = bit, t->refused[t->n++] = refused;
done:
    return status;
}

static rt_status gather(texts *t, rt_augment_set *set, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_augment_set_options *o = &set->options;
    for (int64_t i = 0; i < set->n; i++)
        for (int64_t s = 0; s < COMBINATIONS * o->variants; s++)
            if (set->entry[i].sequence[s])
                RT_TRY(add_text(t, set->entry[i].sequence[s], MADE, &set->entry[i].refused[s], err));
    for (int64_t i = 0; o->opt_split && i < rt_dataset_count(o->set); i++) {
        const rt_target *target = rt_dataset_at(o->set, i);
        const rt_split_row *row = rt_split_find(o->opt_split, target->id);
        if (row && (row->part == RT_PART_VALIDATION || row->part == RT_PART_TEST))
            RT_TRY(add_text(t, target->sequence, HELD, NULL, err));
    }
    for (int64_t i = 0; o->opt_held && i < o->opt_held->n; i++)
        RT_TRY(add_text(t, o->opt_held->sequence[i], HELD, NULL, err));
done:
    return status;
}

/* Refuses what is equal or similar to a held-out sequence. */
static rt_status screen(rt_augment_set *set, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    texts t = {0};
    rt_unique unique = {0};
    rt_similar similar = {0};
    uint8_t *bits = NULL, *near = NULL;
    RT_TRY(gather(&t, set, err));
    RT_TRY(rt_unique_build(&unique, t.text, t.n, err));
    RT_TRY_ALLOC(bits, unique.n);
    RT_TRY_ALLOC(near, unique.n);
    for (int64_t i = 0; i < t.n; i++) bits[unique.of[i]] = (uint8_t)(bits[unique.of[i]] | t.bit[i]);
    rt_similar_options options = {.identity = set->options.identity, .max_chance = set->options.chance,
                                  .min_length = RT_SIMILAR_MIN_LENGTH, .opt_parts = bits};
    RT_TRY(rt_similar_find(&similar, &unique, &options, pool, err));
    for (int64_t p = 0; p < similar.n_pair; p++) {
        int32_t a = similar.pair[p].a, b = similar.pair[p].b;
        if (bits[b] & HELD) near[a] = true;
        if (bits[a] & HELD) near[b] = true;
    }
    for (int64_t i = 0; i < t.n; i++) {
        if (t.bit[i] != MADE || !(near[unique.of[i]] || bits[unique.of[i]] & HELD)) continue;
        *t.refused[i] = RT_REASON_HELD_OUT;
        set->summary.refused++;
    }
done:
    rt_similar_free_members(&similar);
    rt_unique_free_members(&unique);
    free(bits);
    free(near);
    free(t.text);
    free(t.bit);
    free(t.refused);
    return status;
}

/* ---- the record --------------------------------------------------------------------------------------------------- */

static int64_t tier_of(uint32_t kinds)
{
    int64_t tier = 0;
    for (int k = 0; k < RT_AUGMENTATIONS; k++)
        if (kinds & RT_AUGMENT_BIT(k) && rt_augmentation_of((rt_augment_kind)k)->tier > tier)
            tier = rt_augmentation_of((rt_augment_kind)k)->tier;
    return tier;
}

static rt_status record_variant(rt_augment_set *set, const rt_target *t, const char *sequence, int c, int64_t v,
                                rt_err *err)
{
    rt_status status = RT_OK;
    char change[160] = "";
    rt_augmented_row row = {.source = (char *)(uintptr_t)t->id, .sequence = (char *)(uintptr_t)sequence, .change = change,
                            .tier = tier_of(COMBINATION[c])};
    for (int k = 0; k < RT_AUGMENTATIONS; k++)
        if (COMBINATION[c] & RT_AUGMENT_BIT(k))
            snprintf(change + strlen(change), sizeof change - strlen(change), "%s%s", change[0] ? "+" : "",
                     rt_augmentation_of((rt_augment_kind)k)->name);
    snprintf(change + strlen(change), sizeof change - strlen(change), " seed=%llu variant=%lld",
             (unsigned long long)set->options.plan.seed, (long long)v);
    RT_TRY_ALLOC(row.position, t->length);
    for (int64_t i = 0; i < t->length; i++)
        if (sequence[i] != t->sequence[i]) row.position[row.n_position++] = i + 1;
    RT_TRY(rt_augmented_add(&set->record, &row, err));
done:
    free(row.position);
    return status;
}

/* Distinct sequences of a target, the native one counted. */
static int64_t count_sequences(const entry *e, int64_t n)
{
    int64_t count = 1;
    for (int64_t s = 0; s < n; s++) {
        bool is_new = e->sequence[s] && !e->refused[s];
        for (int64_t k = 0; k < s && is_new; k++)
            is_new = !e->sequence[k] || e->refused[k] || strcmp(e->sequence[k], e->sequence[s]) != 0;
        count += is_new;
    }
    return count;
}

static rt_status write_down(rt_augment_set *set, rt_err *err)
{
    rt_status status = RT_OK;
    const int64_t variants = set->options.variants;
    rt_hash *hash = NULL;
    RT_TRY(rt_hash_create(&hash, err));
    for (int64_t i = 0; i < set->n; i++) {
        entry *e = &set->entry[i];
        const rt_target *t = rt_dataset_at(set->options.set, e->number);
        int64_t count = count_sequences(e, COMBINATIONS * variants);
        set->summary.changed_targets += count > 1;
        set->summary.sequences += count > 1 ? count : 0;
        set->summary.surroundings += e->map.around.known;
        rt_augment_tally_add(&set->summary.tally, &e->tally);
        rt_hash_add(hash, e->refused, COMBINATIONS * variants);
        for (int64_t s = 0; s < COMBINATIONS * variants; s++) {
            if (e->sequence[s]) rt_hash_add(hash, e->sequence[s], t->length);
            if (e->sequence[s] && !e->refused[s])
                RT_TRY(record_variant(set, t, e->sequence[s], (int)(s / variants), s % variants, err));
            free(e->sequence[s]);
            e->sequence[s] = NULL;
        }
    }
    rt_hash_finish(hash, set->hash);
    hash = NULL;
done:
    rt_hash_free(hash);
    return status;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static rt_status make_all(work *w, rt_pool *pool, rt_err *err)
{
    rt_augment_set *set = w->set;
    rt_progress_start("target to augment", set->n);
    rt_pool_run(pool, set->n, make_entry, w);
    rt_progress_end();
    if (rt_stop_requested()) return rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped while augmented examples were made");
    for (int64_t i = 0; i < set->n; i++) {
        if (set->entry[i].status == RT_OK) continue;
        if (err) *err = set->entry[i].err;
        return set->entry[i].status;
    }
    return RT_OK;
}

rt_status rt_augment_set_open(rt_augment_set **ret_set, const rt_augment_set_options *options, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    rt_augment_set *set = NULL;
    work w = {0};
    *ret_set = NULL;
    RT_REQUIRE(options->variants >= 1);
    RT_TRY_ALLOC(set, 1);
    set->options = *options;
    set->options.target = NULL;
    RT_TRY_ALLOC(set->entry, options->n_target);
    set->n = set->summary.targets = options->n_target;
    for (int64_t i = 0; i < set->n; i++) set->entry[i].number = options->target[i];
    if (set->n) qsort(set->entry, (size_t)set->n, sizeof *set->entry, by_number);
    RT_TRY_ALLOC(w.pairs, set->n);
    w.set = set;
    if (rt_augment_sequence_bits(&options->plan)) {
        if (options->plan.on & RT_AUGMENT_BIT(RT_AUGMENT_COMPENSATORY)) RT_TRY(predict(&w, pool, err));
        RT_TRY(make_all(&w, pool, err));
        if (options->opt_split || options->opt_held) RT_TRY(screen(set, pool, err));
        RT_TRY(limit_families(set, err));
        RT_TRY(write_down(set, err));
    }
    *ret_set = set;
    set = NULL;
done:
    for (int64_t i = 0; w.pairs && i < options->n_target; i++) rt_pairs_free_members(&w.pairs[i]);
    free(w.pairs);
    rt_augment_set_close(set);
    return status;
}

/* ---- use ---------------------------------------------------------------------------------------------------------- */

const rt_augment_plan *rt_augment_set_plan(const rt_augment_set *set) { return &set->options.plan; }
const rt_augmented *rt_augment_set_record(const rt_augment_set *set) { return &set->record; }
const char *rt_augment_set_hash(const rt_augment_set *set) { return set->hash; }
const rt_augment_summary *rt_augment_set_summary(const rt_augment_set *set) { return &set->summary; }

static bool is_drawn(const rt_augment_set *set, rt_augment_kind kind, uint64_t stream, uint64_t number)
{
    rt_rng rng = rt_rng_make(set->options.plan.seed, stream, number, RT_DRAW_AUGMENT_PICK);
    return set->options.plan.on & RT_AUGMENT_BIT(kind) &&
           rt_rng_uniform(&rng, (uint64_t)kind) < rt_augment_value(&set->options.plan, kind, "p");
}

bool rt_augment_set_has_noise(const rt_augment_set *set, uint64_t stream, uint64_t number)
{
    return is_drawn(set, RT_AUGMENT_NOISE, stream, number);
}

static rt_augment_reason refusal_of(const rt_augment_set *set, const entry *e, const rt_augment_draw *draw)
{
    for (int c = 0; e && e->refused && c < COMBINATIONS; c++)
        if (draw->kinds == COMBINATION[c])
            return (rt_augment_reason)e->refused[c * set->options.variants + draw->variant];
    return RT_REASON_NONE;
}

rt_augment_reason rt_augment_set_refusal(const rt_augment_set *set, const rt_target *target, const rt_augment_draw *draw)
{
    return refusal_of(set, find(set, target), draw);
}

rt_augment_draw rt_augment_set_pick(const rt_augment_set *set, rt_augment_reason *out_reason, const rt_target *target,
                                    uint64_t stream, uint64_t number)
{
    const entry *e = find(set, target);
    rt_rng rng = rt_rng_make(set->options.plan.seed, stream, number, RT_DRAW_AUGMENT_PICK);
    rt_augment_draw draw = {.variant = rt_rng_below(&rng, PICK_VARIANT, set->options.variants)};
    *out_reason = RT_REASON_NONE;
    if (!e || !e->refused) return draw;
    for (int k = RT_AUGMENT_COMPENSATORY; k < RT_AUGMENTATIONS; k++)
        if (is_drawn(set, (rt_augment_kind)k, stream, number)) draw.kinds |= RT_AUGMENT_BIT(k);
    if (draw.kinds & COMBINATION[ALONE] && (e->homologs.n > 0 || draw.kinds == COMBINATION[ALONE]))
        draw.kinds = COMBINATION[ALONE];
    else draw.kinds &= ~COMBINATION[ALONE];   /* no homolog: the others take its place */
    *out_reason = refusal_of(set, e, &draw);
    return draw;
}

rt_status rt_augment_set_make(const rt_augment_set *set, rt_augment_example *out_example, rt_augment_tally *opt_tally,
                              rt_augment_log *opt_log, const rt_target *target, const rt_augment_draw *draw, rt_err *err)
{
    const entry *e = find(set, target);
    RT_REQUIRE(e != NULL);
    return rt_augment_make(out_example, opt_tally, opt_log, &set->options.plan, target, &e->map, &e->homologs, draw, err);
}
