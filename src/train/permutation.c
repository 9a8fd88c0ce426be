#include "train/permutation.h"

#include <string.h>

#include "score/superpose.h"

/* order[k]: which of the residue's oxygens (OP1, OP2, OP3) takes the place of the k-th. */
static const int swaps[6][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void point(double out[3], rt_tensor t, int64_t atom)
{
    for (int d = 0; d < 3; d++) out[d] = rt_get(t, 3 * atom + d);
}

/* The motion that lays x on the label's resolved atoms; false when there are fewer than three. */
static bool align(rt_rigid *out, const rt_label *label, rt_tensor x)
{
    const uint8_t *mask = label->coordinate_mask.data;
    double x0[3] = {0}, y0[3] = {0};
    rt_superpose_sums sums = {0};
    if (label->n_resolved < 3) return false;
    for (int64_t a = 0; a < label->n_atom; a++) {
        double p[3], q[3];
        if (!mask[a]) continue;
        point(p, x, a);
        point(q, label->coordinate, a);
        if (sums.n == 0) memcpy(x0, p, sizeof p), memcpy(y0, q, sizeof q);   /* near the points sums lose no digits */
        sums.n += 1;
        for (int i = 0; i < 3; i++) {
            sums.x[i] += p[i] - x0[i];
            sums.y[i] += q[i] - y0[i];
            for (int j = 0; j < 3; j++) sums.xy[i][j] += (p[i] - x0[i]) * (q[j] - y0[j]);
        }
    }
    rt_superpose_from_sums(out, &sums);
    for (int i = 0; i < 3; i++) {
        out->t[i] += y0[i];
        for (int j = 0; j < 3; j++) out->t[i] -= out->u[i][j] * x0[j];
    }
    return true;
}

/* Sum of squared distances of the three (or two) oxygens under one assignment. */
static double error_of(const int order[3], int n, const double moved[3][3], const double label[3][3],
                       const uint8_t mask[3])
{
    double sum = 0;
    for (int k = 0; k < n; k++)
        for (int d = 0; d < 3 && mask[order[k]]; d++) {
            double delta = moved[k][d] - label[order[k]][d];
            sum += delta * delta;
        }
    return sum;
}

static bool match_residue(rt_label *label, const rt_rigid *rigid, rt_tensor x, const int64_t atom[3], int n)
{
    float *y = label->coordinate.data;
    uint8_t *mask = label->coordinate_mask.data, old_mask[3] = {0};
    double moved[3][3], old[3][3];
    for (int k = 0; k < n; k++) {
        double p[3];
        point(p, x, atom[k]);
        rt_superpose_apply(moved[k], rigid, p);
        point(old[k], label->coordinate, atom[k]);
        old_mask[k] = mask[atom[k]];
    }
    int best = 0;
    double least = error_of(swaps[0], n, moved, old, old_mask);
    for (int s = 1; s < (n == 3 ? 6 : 2); s++) {
        bool counts = false;   /* a swap among atoms that were not seen changes nothing */
        for (int k = 0; k < n; k++) counts = counts || (swaps[s][k] != k && old_mask[k]);
        double error = error_of(swaps[s], n, moved, old, old_mask);
        if (counts && error < least) least = error, best = s;
    }
    for (int k = 0; k < n && best; k++) {
        for (int d = 0; d < 3; d++) y[3 * atom[k] + d] = (float)old[swaps[best][k]][d];
        mask[atom[k]] = old_mask[swaps[best][k]];
    }
    return best != 0;
}

void rt_permutation_match(rt_label *label, int64_t *opt_n_permuted, const rt_features *features, rt_tensor x)
{
    static const char *const oxygen[3] = {"OP1", "OP2", "OP3"};
    const int64_t *token = features->atom_to_token_idx.data;
    const uint8_t *mask = label->coordinate_mask.data;
    rt_rigid rigid;
    int64_t n_permuted = 0;
    RT_SHAPE(x, label->n_atom, 3);
    bool aligned = align(&rigid, label, x);
    for (int64_t from = 0, to; aligned && from < label->n_atom; from = to) {
        int64_t atom[3] = {-1, -1, -1}, n_resolved = 0;
        for (to = from; to < label->n_atom && token[to] == token[from]; to++) {
            char name[5];
            n_resolved += mask[to];
            rt_label_atom_name(name, features, to);
            for (int k = 0; k < 3; k++)
                if (strcmp(name, oxygen[k]) == 0) atom[k] = to;
        }
        RT_REQUIRE(atom[0] >= 0 && atom[1] >= 0);
        if (n_resolved >= 3) n_permuted += match_residue(label, &rigid, x, atom, atom[2] < 0 ? 2 : 3);
    }
    if (opt_n_permuted) *opt_n_permuted = n_permuted;
}
