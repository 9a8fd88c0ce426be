#include "score/match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/assign.h"

enum { MOST_ANCHORS = 64, MOST_CHAINS = 512, MOST_SHIFTS = 1 << 20 };

/* How the numbers of a native's chain and a model's are compared. */
typedef struct {
    bool native_label, model_label;
    int32_t shift;
    int64_t n_pair, n_same;
} numbering;

typedef struct {
    int64_t number;
    char insertion[4];
    int32_t residue;
} place;

typedef struct {
    rt_tm *tm;
    const rt_molecule *native, *model;
    place *place;             /* of one model chain, sorted */
    numbering *how;           /* (native chains, model chains) */
    bool *fits;
    double *x, *y, *value;    /* paired coordinates; worth of giving a native chain to a model chain */
    int32_t *given, *best;    /* (native chains): the model's chain, -1 for none */
    int32_t *votes;
} matcher;

static int by_place(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->number != q->number) return p->number < q->number ? -1 : 1;
    int order = strcmp(p->insertion, q->insertion);
    return order ? order : (p->residue > q->residue) - (p->residue < q->residue);
}

/* The residue's place under a numbering; polymer numbers have no insertion codes. */
static place place_of(const rt_molecule *m, int64_t r, bool label)
{
    place p = {.number = label ? m->residue[r].label : m->residue[r].number, .residue = (int32_t)r};
    if (!label) memcpy(p.insertion, m->residue[r].insertion, sizeof p.insertion);
    return p;
}

static bool same_letter(char a, char b) { return a == b || a == 'N' || b == 'N'; }

/* Pairs one chain of each under how->native_label, model_label and shift; counts into *how, and fills opt_map. */
static void pair_chains(matcher *m, int64_t c, int64_t d, numbering *how, int32_t *opt_map)
{
    const rt_molecule_chain *native = &m->native->chain[c], *model = &m->model->chain[d];
    for (int64_t i = 0; i < model->n; i++) m->place[i] = place_of(m->model, model->first + i, how->model_label);
    qsort(m->place, (size_t)model->n, sizeof *m->place, by_place);
    how->n_pair = how->n_same = 0;
    for (int64_t r = native->first; r < native->first + native->n; r++) {
        place wanted = place_of(m->native, r, how->native_label);
        wanted.number -= how->shift;
        wanted.residue = -1;   /* before every residue of its place */
        int64_t low = 0, high = model->n;
        while (low < high) {
            int64_t middle = (low + high) / 2;
            if (by_place(&m->place[middle], &wanted) < 0) low = middle + 1;
            else high = middle;
        }
        if (low >= model->n || m->place[low].number != wanted.number ||
            (!how->model_label && !how->native_label && strcmp(m->place[low].insertion, wanted.insertion) != 0))
            continue;
        int32_t other = m->place[low].residue;
        how->n_pair++;
        how->n_same += same_letter(m->native->residue[r].letter, m->model->residue[other].letter);
        if (opt_map) opt_map[r] = other;
    }
}

static bool is_good(const matcher *m, int64_t c, int64_t d, const numbering *how)
{
    int64_t a = m->native->chain[c].n, b = m->model->chain[d].n, shorter = a < b ? a : b;
    return how->n_pair > 0 && 2 * how->n_pair >= shorter && 10 * how->n_same >= 9 * how->n_pair;
}

/* The shift of the model's numbers under which most letters agree. */
static rt_status best_shift(matcher *m, int32_t *out_shift, int64_t c, int64_t d, bool native_label, rt_err *err)
{
    const rt_molecule_chain *native = &m->native->chain[c], *model = &m->model->chain[d];
    int64_t low = INT64_MAX, high = INT64_MIN, best = 0;
    *out_shift = 0;
    for (int64_t i = native->first; i < native->first + native->n; i++)
        for (int64_t j = model->first; j < model->first + model->n; j++) {
            int64_t shift = place_of(m->native, i, native_label).number - m->model->residue[j].number;
            low = shift < low ? shift : low;
            high = shift > high ? shift : high;
        }
    if (high < low || high - low >= MOST_SHIFTS || low < INT32_MIN || high > INT32_MAX) return RT_OK;
    if (!m->votes) m->votes = rt_alloc(MOST_SHIFTS, sizeof *m->votes, err);   /* most numbers fit: it is seldom needed */
    if (!m->votes) return RT_ERR_MEMORY;
    memset(m->votes, 0, (size_t)(high - low + 1) * sizeof *m->votes);
    for (int64_t i = native->first; i < native->first + native->n; i++)
        for (int64_t j = model->first; j < model->first + model->n; j++)
            if (m->native->residue[i].letter == m->model->residue[j].letter)
                m->votes[place_of(m->native, i, native_label).number - m->model->residue[j].number - low]++;
    for (int64_t s = 1; s <= high - low; s++)
        if (m->votes[s] > m->votes[best]) best = s;
    *out_shift = (int32_t)(low + best);
    return RT_OK;
}

/* The first numbering that fits, else the one with most agreeing letters. */
static rt_status choose_numbering(matcher *m, int64_t c, int64_t d, numbering *out, rt_err *err)
{
    rt_status status = RT_OK;
    numbering best = {0};
    for (int kind = 0; kind < 5; kind++) {
        numbering how = {.native_label = kind == 1 || kind == 2 || kind == 4, .model_label = kind == 2};
        if (kind >= 3) RT_TRY(best_shift(m, &how.shift, c, d, kind == 4, err));
        pair_chains(m, c, d, &how, NULL);
        if (kind == 0 || how.n_same > best.n_same || is_good(m, c, d, &how)) best = how;
        if (is_good(m, c, d, &how)) break;
    }
    *out = best;
done:
    return status;
}

/* Coordinates of pairs that are resolved in both; their number. */
static int64_t collect(matcher *m, const int32_t *map, int64_t first, int64_t n)
{
    int64_t count = 0;
    for (int64_t r = first; r < first + n; r++) {
        if (map[r] < 0 || !m->native->residue[r].resolved || !m->model->residue[map[r]].resolved) continue;
        memcpy(m->x + 3 * count, m->model->residue[map[r]].xyz, 3 * sizeof *m->x);
        memcpy(m->y + 3 * count, m->native->residue[r].xyz, 3 * sizeof *m->y);
        count++;
    }
    return count;
}

static void fill_map(matcher *m, int32_t *map, const int32_t *given)
{
    for (int64_t r = 0; r < m->native->n_residue; r++) map[r] = -1;
    for (int64_t c = 0; c < m->native->n_chain; c++)
        if (given[c] >= 0) pair_chains(m, c, given[c], &m->how[c * m->model->n_chain + given[c]], map);
}

/* Worth of every pair of chains under a superposition. */
static void value_chains(matcher *m, int32_t *map, const rt_rigid *rigid)
{
    int64_t chains = m->model->n_chain;
    double d0 = rt_tm_d0(m->native->n_resolved);
    for (int64_t k = 0; k < m->native->n_chain * chains; k++) {
        m->value[k] = 0;
        if (!m->fits[k]) continue;
        const rt_molecule_chain *chain = &m->native->chain[k / chains];
        for (int64_t r = chain->first; r < chain->first + chain->n; r++) map[r] = -1;
        pair_chains(m, k / chains, k % chains, &m->how[k], map);
        int64_t n = collect(m, map, chain->first, chain->n);
        for (int64_t p = 0; p < n; p++) {
            double moved[3], d = 0;
            rt_superpose_apply(moved, rigid, m->x + 3 * p);
            for (int i = 0; i < 3; i++) d += (moved[i] - m->y[3 * p + i]) * (moved[i] - m->y[3 * p + i]);
            m->value[k] += 1 / (1 + d / (d0 * d0));
        }
    }
}

/* Tries the assignment that each pair of chains suggests; best: the one with the highest TM-score over all chains. */
static rt_status assign_chains(matcher *m, int32_t *map, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t chains = m->model->n_chain, all = m->native->n_chain * chains, anchors = 0;
    double top = -1;
    for (int64_t c = 0; c < m->native->n_chain; c++) m->best[c] = -1;
    for (int64_t anchor = 0; anchor < all && anchors < MOST_ANCHORS; anchor++) {
        rt_tm_result result;
        if (!m->fits[anchor]) continue;
        anchors++;
        const rt_molecule_chain *chain = &m->native->chain[anchor / chains];
        for (int64_t r = chain->first; r < chain->first + chain->n; r++) map[r] = -1;
        pair_chains(m, anchor / chains, anchor % chains, &m->how[anchor], map);
        int64_t n = collect(m, map, chain->first, chain->n);
        RT_TRY(rt_tm_paired(m->tm, &result, NULL, m->x, m->y, n, n > 0 ? n : 1, err));
        value_chains(m, map, &result.rigid);
        RT_TRY(rt_assign_best(m->given, m->value, m->native->n_chain, chains, err));
        for (int64_t c = 0; c < m->native->n_chain; c++)
            if (m->given[c] >= 0 && !m->fits[c * chains + m->given[c]]) m->given[c] = -1;
        fill_map(m, map, m->given);
        n = collect(m, map, 0, m->native->n_residue);
        RT_TRY(rt_tm_paired(m->tm, &result, NULL, m->x, m->y, n, m->native->n_resolved ? m->native->n_resolved : 1,
                            err));
        if (!(result.score > top)) continue;
        top = result.score;
        memcpy(m->best, m->given, (size_t)m->native->n_chain * sizeof *m->best);
    }
done:
    return status;
}

static rt_status reserve(matcher *m, rt_match *match, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t chains = m->native->n_chain * m->model->n_chain;
    RT_TRY_ALLOC(match->map, m->native->n_residue);
    RT_TRY_ALLOC(match->chain_order, m->model->n_chain);
    RT_TRY_ALLOC(m->place, m->model->n_residue);
    RT_TRY_ALLOC(m->how, chains);
    RT_TRY_ALLOC(m->fits, chains);
    RT_TRY_ALLOC(m->value, chains);
    RT_TRY_ALLOC(m->x, 3 * m->native->n_residue);
    RT_TRY_ALLOC(m->y, 3 * m->native->n_residue);
    RT_TRY_ALLOC(m->given, m->native->n_chain);
    RT_TRY_ALLOC(m->best, m->native->n_chain);
done:
    return status;
}

/* Order of the model's chains, the map's text, and what the caller says about numbers. */
static void describe(matcher *m, rt_match *match)
{
    int64_t n = 0;
    for (int64_t c = 0; c < m->native->n_chain; c++)
        if (m->best[c] >= 0) match->chain_order[n++] = m->best[c];
    for (int64_t d = 0; d < m->model->n_chain; d++) {
        bool given = false;
        for (int64_t c = 0; c < m->native->n_chain; c++) given |= m->best[c] == d;
        if (!given) match->chain_order[n++] = (int32_t)d;
    }
    for (int64_t c = 0; c < m->native->n_chain; c++) {
        if (m->best[c] < 0) continue;
        const numbering *how = &m->how[c * m->model->n_chain + m->best[c]];
        match->by_label |= how->native_label;
        if (how->shift) match->shift = how->shift;
        if (m->native->n_chain + m->model->n_chain > 2)
            rt_text_add(&match->chain_map, "%s%s:%s", match->chain_map.length ? "," : "", m->native->chain[c].name,
                        m->model->chain[m->best[c]].name);
    }
    for (int64_t r = 0; r < m->native->n_residue; r++) {
        if (match->map[r] < 0) continue;
        const rt_molecule_residue *a = &m->native->residue[r], *b = &m->model->residue[match->map[r]];
        match->n_paired += a->resolved && b->resolved;
        match->n_different += !same_letter(a->letter, b->letter);
    }
}

static rt_status build(matcher *m, rt_match *match, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t chains = m->native->n_chain * m->model->n_chain, pairs = 0;
    if (m->native->n_chain > MOST_CHAINS || m->model->n_chain > MOST_CHAINS)
        return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "more than %d RNA chains", MOST_CHAINS);
    RT_TRY(reserve(m, match, err));
    for (int64_t k = 0; k < chains; k++) {
        RT_TRY(choose_numbering(m, k / m->model->n_chain, k % m->model->n_chain, &m->how[k], err));
        m->fits[k] = chains == 1 ? m->how[k].n_pair > 0
                                 : is_good(m, k / m->model->n_chain, k % m->model->n_chain, &m->how[k]);
    }
    if (chains == 1) m->best[0] = m->fits[0] ? 0 : -1;
    else RT_TRY(assign_chains(m, match->map, err));
    fill_map(m, match->map, m->best);
    describe(m, match);
    for (int64_t r = 0; r < m->native->n_residue; r++) pairs += match->map[r] >= 0;
    if (pairs == 0)
        status = rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                         "%s and %s have no residue in common: other sequences, or other numbers",
                         m->model->name, m->native->name);
    else if (2 * match->n_different > pairs)
        status = rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                         "the sequences of %s and %s differ: of %lld paired residues %lld have other letters", m->model->name,
                         m->native->name, (long long)pairs, (long long)match->n_different);
    if (match->chain_map.failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
done:
    return status;
}

rt_status rt_match_build(rt_match *out_match, rt_tm *tm, const rt_molecule *native, const rt_molecule *model,
                         rt_err *err)
{
    matcher m = {.tm = tm, .native = native, .model = model};
    *out_match = (rt_match){0};
    rt_status status = build(&m, out_match, err);
    free(m.place);
    free(m.how);
    free(m.fits);
    free(m.value);
    free(m.x);
    free(m.y);
    free(m.given);
    free(m.best);
    free(m.votes);
    if (status != RT_OK) rt_match_free_members(out_match);
    return status;
}

void rt_match_free_members(rt_match *match)
{
    free(match->map);
    free(match->chain_order);
    rt_text_free(&match->chain_map);
    *match = (rt_match){0};
}
