#include "prep/base_fit.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "prep/nucleobase.h"

static const float OVERLAP = 0.4f;
enum { PER = RT_SLOT_COUNT };

/* Bondi's radii of C, N, O and P, by slot: rt_atom_slot_name tells which is which. */
static const float RADIUS[PER] = {1.80f, 1.52f, 1.52f, 1.52f, 1.52f, 1.70f, 1.70f, 1.70f, 1.70f, 1.52f,
                                  1.70f, 1.55f, 1.70f, 1.52f, 1.55f, 1.70f, 1.55f, 1.70f, 1.70f, 1.52f,
                                  1.55f, 1.55f, 1.70f, 1.55f, 1.55f, 1.52f, 1.52f, 1.52f};

rt_status rt_base_fit_create(rt_base_fit *out_fit, const float *xyz, int64_t length, rt_err *err)
{
    *out_fit = (rt_base_fit){.length = length, .ball = rt_alloc(4 * length, sizeof *out_fit->ball, err)};
    if (!out_fit->ball) return RT_ERR_MEMORY;
    for (int64_t i = 0; i < length; i++) rt_base_fit_move(out_fit, xyz, i);
    return RT_OK;
}

void rt_base_fit_free_members(rt_base_fit *fit)
{
    free(fit->ball);
    *fit = (rt_base_fit){0};
}

static bool is_there(const float *at) { return isfinite(at[0]) && isfinite(at[1]) && isfinite(at[2]); }

static float squared(const float *a, const float *b)
{
    float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return x * x + y * y + z * z;
}

void rt_base_fit_move(rt_base_fit *fit, const float *xyz, int64_t residue)
{
    const float *r = xyz + residue * PER * 3;
    float *ball = fit->ball + 4 * residue, n = 0, far = 0;
    ball[0] = ball[1] = ball[2] = 0;
    for (int s = 0; s < PER; s++) {
        if (!is_there(r + 3 * s)) continue;
        for (int d = 0; d < 3; d++) ball[d] += r[3 * s + d];
        n++;
    }
    for (int d = 0; d < 3 && n > 0; d++) ball[d] /= n;
    for (int s = 0; s < PER; s++)
        if (is_there(r + 3 * s)) far = fmaxf(far, squared(r + 3 * s, ball));
    ball[3] = n > 0 ? sqrtf(far) : -1;
}

/* ---- clashes ----------------------------------------------------------------------------------------------------- */

/* Fewer than four bonds between an atom of the base and one of its own backbone. */
static bool is_near_in_bonds(bool nitrogen, int backbone)
{
    if (backbone == RT_SLOT_C1P || backbone == RT_SLOT_O4P || backbone == RT_SLOT_C2P) return true;
    return nitrogen && (backbone == RT_SLOT_C3P || backbone == RT_SLOT_C4P || backbone == RT_SLOT_O2P);
}

static bool is_backbone(int slot) { return slot < RT_SLOT_N1 || slot >= RT_SLOT_O2P; }

static int64_t own_clashes(const float *r, const rt_nucleobase *base)
{
    int64_t n = 0;
    for (int i = 0; i < base->n; i++)
        for (int s = 0; s < PER; s++) {
            if (!is_backbone(s) || is_near_in_bonds(i == 0, s)) continue;
            float limit = RADIUS[base->atom[i].slot] + RADIUS[s] - OVERLAP;
            n += squared(r + 3 * base->atom[i].slot, r + 3 * s) < limit * limit;   /* NaN: no */
        }
    return n;
}

/* far: from the base's centre, squared; no atom beyond it can clash. */
static int64_t clashes_with(const float *r, const rt_nucleobase *base, const float *centre, float far, const float *other)
{
    int64_t n = 0;
    for (int s = 0; s < PER; s++) {
        if (!(squared(other + 3 * s, centre) < far)) continue;   /* NaN: it is not there */
        for (int i = 0; i < base->n; i++) {
            float limit = RADIUS[base->atom[i].slot] + RADIUS[s] - OVERLAP;
            n += squared(r + 3 * base->atom[i].slot, other + 3 * s) < limit * limit;
        }
    }
    return n;
}

static int64_t clashes_around(const float *r, const rt_nucleobase *base, const rt_surroundings *around, int64_t residue)
{
    int64_t n = 0;
    for (int64_t k = around->first[residue]; k < around->first[residue + 1]; k++) {
        const rt_near_atom *atom = &around->atom[k];
        for (int i = 0; i < base->n; i++) {
            float limit = RADIUS[base->atom[i].slot] + atom->radius - OVERLAP;
            n += squared(r + 3 * base->atom[i].slot, atom->xyz) < limit * limit;
        }
    }
    return n;
}

rt_base_clashes rt_base_fit_clashes(const rt_base_fit *fit, const float *xyz, int64_t residue, char letter, int64_t but)
{
    const rt_nucleobase *base = rt_nucleobase_of(letter);
    const float *r = xyz + residue * PER * 3;
    float centre[3] = {0}, far = 0;
    for (int i = 0; i < base->n; i++)
        for (int d = 0; d < 3; d++) centre[d] += r[3 * base->atom[i].slot + d] / (float)base->n;
    for (int i = 0; i < base->n; i++) far = fmaxf(far, squared(r + 3 * base->atom[i].slot, centre));
    far = sqrtf(far) + 3.6f - OVERLAP;   /* 3.6: two phosphorus atoms' radii, the largest */
    rt_base_clashes n = {.own = own_clashes(r, base)};
    for (int64_t k = 0; k < fit->length; k++) {
        const float *ball = fit->ball + 4 * k;
        float reach = far + ball[3];
        if (k == residue || k == but || ball[3] < 0 || squared(ball, centre) > reach * reach) continue;
        n.others += clashes_with(r, base, centre, far * far, xyz + k * PER * 3);
    }
    if (fit->opt_around && fit->opt_around->first) n.others += clashes_around(r, base, fit->opt_around, residue);
    return n;
}

bool rt_base_fit_is_worse(rt_base_clashes after, rt_base_clashes before)
{
    return after.own > before.own || after.others > before.others;
}

/* ---- hydrogen bonds ---------------------------------------------------------------------------------------------- */

static const struct {
    char a, b;
    int n;
    struct { int slot_a, slot_b; double length; } bond[3];
} PAIR[] = {
    {'G', 'C', 3, {{RT_SLOT_O6, RT_SLOT_N4, 2.91}, {RT_SLOT_N1, RT_SLOT_N3, 2.95}, {RT_SLOT_N2, RT_SLOT_O2, 2.86}}},
    {'A', 'U', 2, {{RT_SLOT_N6, RT_SLOT_O4, 2.95}, {RT_SLOT_N1, RT_SLOT_N3, 2.82}}},
};

bool rt_base_fit_is_watson_crick(char a, char b)
{
    for (int i = 0; i < 2; i++)
        if ((PAIR[i].a == a && PAIR[i].b == b) || (PAIR[i].a == b && PAIR[i].b == a)) return true;
    return false;
}

double rt_base_fit_bonds(const float *residue_a, char a, const float *residue_b, char b)
{
    double worst = NAN;
    for (int i = 0; i < 2; i++) {
        bool swapped = PAIR[i].a == b;
        if (PAIR[i].a != (swapped ? b : a) || PAIR[i].b != (swapped ? a : b)) continue;
        const float *first = swapped ? residue_b : residue_a, *second = swapped ? residue_a : residue_b;
        worst = 0;
        for (int k = 0; k < PAIR[i].n; k++) {
            const float *p = first + 3 * PAIR[i].bond[k].slot_a, *q = second + 3 * PAIR[i].bond[k].slot_b;
            double off = fabs(sqrt((double)squared(p, q)) - PAIR[i].bond[k].length);
            if (!(off <= worst)) worst = off;   /* NaN stays */
            if (isnan(off)) return NAN;
        }
    }
    return worst;
}
