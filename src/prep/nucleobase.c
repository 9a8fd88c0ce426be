#include "prep/nucleobase.h"

#include <math.h>
#include <string.h>

#include "base/status.h"

/* How much C1' counts beside each atom of the base where the new one is turned: more keeps the angles at the nitrogen
 * ideal, less keeps the pair's plane and its hydrogen bonds. */
static const double C1_WEIGHT = 8;
/* Angstrom: a glycosidic bond, 1.46 to 1.47, with an X-ray structure's errors.  Pseudouridine stands on its C5: its N1 is
 * 2.5 from C1'. */
static const double SHORTEST = 1.3, LONGEST = 1.7;

static const rt_nucleobase BASE[4] = {
    {'A', true, {-2.479, 5.346, 0}, 10,
     {{RT_SLOT_N9, {-1.291, 4.498, 0}}, {RT_SLOT_C8, {0.024, 4.897, 0}}, {RT_SLOT_N7, {0.877, 3.902, 0}},
      {RT_SLOT_C5, {0.071, 2.771, 0}}, {RT_SLOT_C6, {0.369, 1.398, 0}}, {RT_SLOT_N6, {1.611, 0.909, 0}},
      {RT_SLOT_N1, {-0.668, 0.532, 0}}, {RT_SLOT_C2, {-1.912, 1.023, 0}}, {RT_SLOT_N3, {-2.320, 2.290, 0}},
      {RT_SLOT_C4, {-1.267, 3.124, 0}}}},
    {'C', false, {-2.477, 5.402, 0}, 8,
     {{RT_SLOT_N1, {-1.285, 4.542, 0}}, {RT_SLOT_C2, {-1.472, 3.158, 0}}, {RT_SLOT_O2, {-2.628, 2.709, 0}},
      {RT_SLOT_N3, {-0.391, 2.344, 0}}, {RT_SLOT_C4, {0.837, 2.868, 0}}, {RT_SLOT_N4, {1.875, 2.027, 0}},
      {RT_SLOT_C5, {1.056, 4.275, 0}}, {RT_SLOT_C6, {-0.023, 5.068, 0}}}},
    {'G', true, {-2.477, 5.399, 0}, 11,
     {{RT_SLOT_N9, {-1.289, 4.551, 0}}, {RT_SLOT_C8, {0.023, 4.962, 0}}, {RT_SLOT_N7, {0.870, 3.969, 0}},
      {RT_SLOT_C5, {0.071, 2.833, 0}}, {RT_SLOT_C6, {0.424, 1.460, 0}}, {RT_SLOT_O6, {1.554, 0.955, 0}},
      {RT_SLOT_N1, {-0.700, 0.641, 0}}, {RT_SLOT_C2, {-1.999, 1.087, 0}}, {RT_SLOT_N2, {-2.949, 0.139, 0}},
      {RT_SLOT_N3, {-2.342, 2.364, 0}}, {RT_SLOT_C4, {-1.265, 3.177, 0}}}},
    {'U', false, {-2.481, 5.354, 0}, 8,
     {{RT_SLOT_N1, {-1.284, 4.500, 0}}, {RT_SLOT_C2, {-1.462, 3.131, 0}}, {RT_SLOT_O2, {-2.563, 2.608, 0}},
      {RT_SLOT_N3, {-0.302, 2.397, 0}}, {RT_SLOT_C4, {0.989, 2.884, 0}}, {RT_SLOT_O4, {1.935, 2.094, 0}},
      {RT_SLOT_C5, {1.089, 4.311, 0}}, {RT_SLOT_C6, {-0.024, 5.053, 0}}}},
};

const rt_nucleobase *rt_nucleobase_of(char letter)
{
    for (int i = 0; i < 4; i++)
        if (BASE[i].letter == letter) return &BASE[i];
    RT_BUG("base '%c'", letter);
}

static const float *at_slot(const float *residue, int slot) { return residue + 3 * slot; }

static bool is_there(const float *at) { return isfinite(at[0]) && isfinite(at[1]) && isfinite(at[2]); }

bool rt_nucleobase_frame(rt_rigid *out_frame, double *opt_rmsd, char letter, const float *residue)
{
    const rt_nucleobase *base = rt_nucleobase_of(letter);
    double x[3 * RT_NUCLEOBASE_ATOMS], y[3 * RT_NUCLEOBASE_ATOMS];
    if (!is_there(at_slot(residue, RT_SLOT_C1P))) return false;
    for (int i = 0; i < base->n; i++) {
        const float *at = at_slot(residue, base->atom[i].slot);
        if (!is_there(at)) return false;
        for (int d = 0; d < 3; d++) x[3 * i + d] = base->atom[i].xyz[d], y[3 * i + d] = (double)at[d];
    }
    rt_superpose(out_frame, x, y, base->n);
    if (opt_rmsd) *opt_rmsd = rt_superpose_rmsd(out_frame, x, y, base->n);
    return true;
}

/* The motion of the new base from its own frame to its place: turned about its nitrogen, whose lines to the other atoms
 * are superposed, so that nothing is centred. */
static void find_place(rt_rigid *out, const rt_nucleobase *base, const rt_rigid *frame, const double c1[3],
                       const double nitrogen[3])
{
    rt_superpose_sums sums = {.n = base->n};
    const double *own = base->atom[0].xyz;
    for (int i = 0; i < base->n; i++) {   /* 0: C1' in the place of the nitrogen itself */
        const double *ideal = i ? base->atom[i].xyz : base->c1;
        double was[3], weight = i ? 1 : C1_WEIGHT;
        rt_superpose_apply(was, frame, ideal);
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++)
                sums.xy[j][k] += weight * (ideal[j] - own[j]) * ((i ? was[k] : c1[k]) - nitrogen[k]);
    }
    rt_superpose_from_sums(out, &sums);
    for (int i = 0; i < 3; i++) {
        out->t[i] = nitrogen[i];
        for (int j = 0; j < 3; j++) out->t[i] -= out->u[i][j] * own[j];
    }
}

bool rt_nucleobase_replace(float *residue, char from, char to)
{
    const rt_nucleobase *old = rt_nucleobase_of(from), *base = rt_nucleobase_of(to);
    rt_rigid frame, move;
    double c1[3], nitrogen[3], line[3], length = 0, ideal = 0;
    if (!rt_nucleobase_frame(&frame, NULL, from, residue)) return false;
    for (int d = 0; d < 3; d++) {
        c1[d] = (double)at_slot(residue, RT_SLOT_C1P)[d];
        line[d] = (double)at_slot(residue, old->atom[0].slot)[d] - c1[d];
        length += line[d] * line[d];
        ideal += (base->atom[0].xyz[d] - base->c1[d]) * (base->atom[0].xyz[d] - base->c1[d]);
    }
    if (!(length > SHORTEST * SHORTEST && length < LONGEST * LONGEST)) return false;
    for (int d = 0; d < 3; d++) nitrogen[d] = c1[d] + line[d] * sqrt(ideal / length);
    find_place(&move, base, &frame, c1, nitrogen);
    for (int i = 0; i < old->n; i++)
        for (int d = 0; d < 3; d++) residue[3 * old->atom[i].slot + d] = NAN;
    for (int i = 0; i < base->n; i++) {
        double at[3];
        rt_superpose_apply(at, &move, base->atom[i].xyz);
        for (int d = 0; d < 3; d++) residue[3 * base->atom[i].slot + d] = (float)at[d];
    }
    return true;
}
