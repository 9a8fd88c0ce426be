/* superpose.h - the rigid motion that brings one set of points closest to another (Kabsch)
 * Room: score.  Uses: nothing.
 * Reference: W. Kabsch, Acta Cryst. A32:922 (1976); the rotation as the quaternion of the largest eigenvalue,
 * B. K. P. Horn, J. Opt. Soc. Am. A 4:629 (1987); the eigenvalue by Newton's method, D. L. Theobald, Acta Cryst.
 * A61:478 (2005).
 */
#ifndef RT_SCORE_SUPERPOSE_H
#define RT_SCORE_SUPERPOSE_H

#include <stdint.h>

/* x -> u x + t.  u: proper rotation, row-major. */
typedef struct {
    double u[3][3], t[3];
} rt_rigid;

/* Sums over pairs of points (x, y): what the best motion depends on. */
typedef struct {
    double n, x[3], y[3], xy[3][3];   /* xy[i][j] = sum of x_i y_j */
} rt_superpose_sums;

/* The motion that minimises sum |u x + t - y|^2; identity when n is 0.  Where several rotations are equally good
 * (points
 * on a line) it is one of them.
 * Shapes: x, y (n,3).  Units: any length.  Cost: O(n). */
void rt_superpose(rt_rigid *out_rigid, const double *x, const double *y, int64_t n);
void rt_superpose_from_sums(rt_rigid *out_rigid, const rt_superpose_sums *sums);

/* Root mean square of |u x + t - y|; 0 when n is 0. */
double rt_superpose_rmsd(const rt_rigid *rigid, const double *x, const double *y, int64_t n);

void rt_superpose_apply(double out[3], const rt_rigid *rigid, const double x[3]);

#endif
