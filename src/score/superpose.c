#include "score/superpose.h"

#include <math.h>
#include <string.h>

/* Horn's symmetric 4x4 matrix of the centred covariance c[i][j] = sum x_i y_j. */
static void quaternion_matrix(double k[4][4], const double c[3][3])
{
    k[0][0] = c[0][0] + c[1][1] + c[2][2];
    k[1][1] = c[0][0] - c[1][1] - c[2][2];
    k[2][2] = c[1][1] - c[0][0] - c[2][2];
    k[3][3] = c[2][2] - c[0][0] - c[1][1];
    k[0][1] = k[1][0] = c[1][2] - c[2][1];
    k[0][2] = k[2][0] = c[2][0] - c[0][2];
    k[0][3] = k[3][0] = c[0][1] - c[1][0];
    k[1][2] = k[2][1] = c[0][1] + c[1][0];
    k[1][3] = k[3][1] = c[0][2] + c[2][0];
    k[2][3] = k[3][2] = c[1][2] + c[2][1];
}

static double det3(double a, double b, double c, double d, double e, double f, double g, double h, double i)
{
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/* The largest root of the characteristic polynomial x^4 + c2 x^2 + c1 x + c0 (its trace is zero), from above. */
static double largest_eigenvalue(const double k[4][4], const double c[3][3], double norm2)
{
    double c2 = -2 * norm2;
    double c1 = -8 * det3(c[0][0], c[0][1], c[0][2], c[1][0], c[1][1], c[1][2], c[2][0], c[2][1], c[2][2]);
    double c0 = 0;
    for (int j = 0; j < 4; j++) {
        double m[9];
        for (int row = 1, at = 0; row < 4; row++)
            for (int column = 0; column < 4; column++)
                if (column != j) m[at++] = k[row][column];
        c0 += (j % 2 ? -1 : 1) * k[0][j] * det3(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]);
    }
    double x = sqrt(3 * norm2);
    for (int step = 0; step < 60; step++) {
        double x2 = x * x, b = (x2 + c2) * x, a = b + c1;
        double slope = 2 * x2 * x + b + a, value = a * x + c0;
        if (slope == 0) break;
        double next = x - value / slope;
        if (fabs(next - x) <= 1e-14 * x) return next;
        x = next;
    }
    return x;
}

/* Jacobi's rotations: slow, and exact whatever the matrix is. */
static void jacobi(double q[4], const double matrix[4][4])
{
    double a[4][4], v[4][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
    memcpy(a, matrix, sizeof a);
    for (int sweep = 0; sweep < 50; sweep++) {
        double off = 0;
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < i; j++) off += a[i][j] * a[i][j];
        if (off == 0) break;
        for (int p = 0; p < 3; p++)
            for (int r = p + 1; r < 4; r++) {
                if (a[p][r] == 0) continue;
                double theta = (a[r][r] - a[p][p]) / (2 * a[p][r]);
                double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
                double cosine = 1 / sqrt(t * t + 1), sine = t * cosine;
                for (int i = 0; i < 4; i++) {
                    double x = a[i][p], y = a[i][r];
                    a[i][p] = cosine * x - sine * y;
                    a[i][r] = sine * x + cosine * y;
                }
                for (int i = 0; i < 4; i++) {
                    double x = a[p][i], y = a[r][i], vx = v[i][p], vy = v[i][r];
                    a[p][i] = cosine * x - sine * y;
                    a[r][i] = sine * x + cosine * y;
                    v[i][p] = cosine * vx - sine * vy;
                    v[i][r] = sine * vx + cosine * vy;
                }
            }
    }
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (a[i][i] > a[best][best]) best = i;
    for (int i = 0; i < 4; i++) q[i] = v[i][best];
}

/* The eigenvector of the largest eigenvalue: a column of the adjugate of k - lambda, when that is well determined. */
static void rotation_quaternion(double q[4], const double c[3][3])
{
    double k[4][4], norm2 = 0, length = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) norm2 += c[i][j] * c[i][j];
    q[0] = 1;
    q[1] = q[2] = q[3] = 0;
    if (!(norm2 > 0)) return;
    quaternion_matrix(k, c);
    double lambda = largest_eigenvalue(k, c, norm2), m[4][4], best[4] = {0};
    memcpy(m, k, sizeof m);
    for (int i = 0; i < 4; i++) m[i][i] -= lambda;
    for (int row = 0; row < 4; row++) {
        double column[4], sum = 0;
        int r[3], at = 0;
        for (int i = 0; i < 4; i++)
            if (i != row) r[at++] = i;
        for (int j = 0; j < 4; j++) {
            int s[3];
            at = 0;
            for (int i = 0; i < 4; i++)
                if (i != j) s[at++] = i;
            column[j] = ((row + j) % 2 ? -1 : 1) *
                        det3(m[r[0]][s[0]], m[r[0]][s[1]], m[r[0]][s[2]], m[r[1]][s[0]], m[r[1]][s[1]], m[r[1]][s[2]],
                             m[r[2]][s[0]], m[r[2]][s[1]], m[r[2]][s[2]]);
            sum += column[j] * column[j];
        }
        if (sum > length) {
            length = sum;
            memcpy(best, column, sizeof best);
        }
        if (length > 1e-3 * norm2 * norm2 * norm2) break;
    }
    if (length < 1e-13 * norm2 * norm2 * norm2) {
        jacobi(q, k);
        return;
    }
    for (int i = 0; i < 4; i++) q[i] = best[i] / sqrt(length);
}

void rt_superpose_from_sums(rt_rigid *out_rigid, const rt_superpose_sums *sums)
{
    double c[3][3], q[4];
    double inverse = sums->n > 0 ? 1 / sums->n : 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) c[i][j] = sums->xy[i][j] - sums->x[i] * sums->y[j] * inverse;
    rotation_quaternion(q, c);
    double(*u)[3] = out_rigid->u;
    double a = q[0], b = q[1], d = q[2], e = q[3];
    u[0][0] = a * a + b * b - d * d - e * e;
    u[1][1] = a * a - b * b + d * d - e * e;
    u[2][2] = a * a - b * b - d * d + e * e;
    u[0][1] = 2 * (b * d - a * e);
    u[1][0] = 2 * (b * d + a * e);
    u[0][2] = 2 * (b * e + a * d);
    u[2][0] = 2 * (b * e - a * d);
    u[1][2] = 2 * (d * e - a * b);
    u[2][1] = 2 * (d * e + a * b);
    for (int i = 0; i < 3; i++)
        out_rigid->t[i] = (sums->y[i] - u[i][0] * sums->x[0] - u[i][1] * sums->x[1] - u[i][2] * sums->x[2]) * inverse;
}

void rt_superpose(rt_rigid *out_rigid, const double *x, const double *y, int64_t n)
{
    /* about the first points: far from the origin the sums would lose digits */
    rt_superpose_sums sums = {.n = (double)n};
    for (int64_t p = 0; p < n; p++)
        for (int i = 0; i < 3; i++) {
            double a = x[3 * p + i] - x[i];
            sums.x[i] += a;
            sums.y[i] += y[3 * p + i] - y[i];
            for (int j = 0; j < 3; j++) sums.xy[i][j] += a * (y[3 * p + j] - y[j]);
        }
    rt_superpose_from_sums(out_rigid, &sums);
    if (n == 0) return;
    double moved[3];
    rt_rigid turn = *out_rigid;
    turn.t[0] = turn.t[1] = turn.t[2] = 0;
    rt_superpose_apply(moved, &turn, x);
    for (int i = 0; i < 3; i++) out_rigid->t[i] += y[i] - moved[i];
}

void rt_superpose_apply(double out[3], const rt_rigid *rigid, const double x[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = rigid->t[i] + rigid->u[i][0] * x[0] + rigid->u[i][1] * x[1] + rigid->u[i][2] * x[2];
}

double rt_superpose_rmsd(const rt_rigid *rigid, const double *x, const double *y, int64_t n)
{
    double sum = 0, moved[3];
    for (int64_t p = 0; p < n; p++) {
        rt_superpose_apply(moved, rigid, x + 3 * p);
        for (int i = 0; i < 3; i++) sum += (moved[i] - y[3 * p + i]) * (moved[i] - y[3 * p + i]);
    }
    return n > 0 ? sqrt(sum / (double)n) : 0;
}
