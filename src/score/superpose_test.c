#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "score/superpose.h"

static double uniform(void) { return (double)rand() / RAND_MAX * 2 - 1; }

static void random_rotation(double u[3][3])
{
    double q[4], norm = 0;
    for (int i = 0; i < 4; i++) {
        q[i] = uniform();
        norm += q[i] * q[i];
    }
    for (int i = 0; i < 4; i++) q[i] /= sqrt(norm);
    double a = q[0], b = q[1], c = q[2], d = q[3];
    double r[3][3] = {{a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
                      {2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)},
                      {2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d}};
    for (int i = 0; i < 9; i++) u[i / 3][i % 3] = r[i / 3][i % 3];
}

static double determinant(const double u[3][3])
{
    return u[0][0] * (u[1][1] * u[2][2] - u[1][2] * u[2][1]) - u[0][1] * (u[1][0] * u[2][2] - u[1][2] * u[2][0]) +
           u[0][2] * (u[1][0] * u[2][1] - u[1][1] * u[2][0]);
}

static void a_moved_copy_comes_back(void **state)
{
    (void)state;
    srand(1);
    for (int trial = 0; trial < 200; trial++) {
        int n = trial < 50 ? 3 : 3 + rand() % 100;   /* three points span a plane: the covariance is singular */
        double x[3 * 103], y[3 * 103], u[3][3], far = trial % 2 ? 5000 : 10;
        rt_rigid rigid;
        random_rotation(u);
        for (int p = 0; p < n; p++) {
            for (int i = 0; i < 3; i++) x[3 * p + i] = 20 * uniform() + far;
            for (int i = 0; i < 3; i++)
                y[3 * p + i] = u[i][0] * x[3 * p] + u[i][1] * x[3 * p + 1] + u[i][2] * x[3 * p + 2] - 7 * i;
        }
        rt_superpose(&rigid, x, y, n);
        assert_true(rt_superpose_rmsd(&rigid, x, y, n) < 1e-6);
        assert_true(fabs(determinant(rigid.u) - 1) < 1e-9);
    }
}

/* Nearby rotations and shifts are never better, mirror images included. */
static void no_other_motion_is_better(void **state)
{
    (void)state;
    srand(2);
    for (int trial = 0; trial < 200; trial++) {
        int n = 2 + rand() % 30;
        double x[3 * 32], y[3 * 32];
        rt_rigid rigid, other;
        for (int i = 0; i < 3 * n; i++) x[i] = 10 * uniform();
        for (int i = 0; i < 3 * n; i++) y[i] = trial % 2 ? 10 * uniform() : (i % 3 == 0 ? -x[i] : x[i]);
        rt_superpose(&rigid, x, y, n);
        double best = rt_superpose_rmsd(&rigid, x, y, n);
        assert_true(fabs(determinant(rigid.u) - 1) < 1e-9);
        for (int k = 0; k < 50; k++) {
            double u[3][3], angle = 0.01 * uniform();
            int a = rand() % 3, b = (a + 1) % 3;
            other = rigid;
            if (k % 5 == 0) random_rotation(other.u);
            else
                for (int j = 0; j < 3; j++) {
                    u[a][j] = cos(angle) * rigid.u[a][j] - sin(angle) * rigid.u[b][j];
                    u[b][j] = sin(angle) * rigid.u[a][j] + cos(angle) * rigid.u[b][j];
                    other.u[a][j] = u[a][j];
                    other.u[b][j] = u[b][j];
                }
            for (int i = 0; i < 3; i++) {   /* the shift that is best for this rotation */
                double sum = 0;
                for (int p = 0; p < n; p++)
                    sum += y[3 * p + i] - other.u[i][0] * x[3 * p] - other.u[i][1] * x[3 * p + 1] -
                           other.u[i][2] * x[3 * p + 2];
                other.t[i] = sum / n;
            }
            assert_true(rt_superpose_rmsd(&other, x, y, n) >= best - 1e-9);
        }
    }
}

/* Worked by hand: points on a line at 0, 1, 2 and at 0, 1, 4; centred, they differ by 2/3, 2/3 and -4/3. */
static void a_hand_worked_case(void **state)
{
    (void)state;
    double x[] = {0, 0, 0, 1, 0, 0, 2, 0, 0}, y[] = {0, 0, 0, 0, 1, 0, 0, 4, 0};
    rt_rigid rigid;
    rt_superpose(&rigid, x, y, 3);
    assert_true(fabs(rt_superpose_rmsd(&rigid, x, y, 3) - sqrt(8.0 / 9)) < 1e-12);
}

static void few_points_are_defined(void **state)
{
    (void)state;
    double x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {7, 8, 9, 7, 8, 9};
    rt_rigid rigid;
    rt_superpose(&rigid, x, y, 0);
    assert_true(rigid.u[0][0] == 1 && rigid.t[0] == 0);
    rt_superpose(&rigid, x, y, 1);
    assert_true(rt_superpose_rmsd(&rigid, x, y, 1) < 1e-12);
    rt_superpose(&rigid, x, y, 2);
    assert_true(fabs(rt_superpose_rmsd(&rigid, x, y, 2) - sqrt(27) / 2) < 1e-12);
}

/* An octahedron on its mirror image: three motions are equally good, and the quick way to an eigenvector finds none.
 * The best trace of R c with c = -2 I is 2, so rmsd^2 = (6 + 6 - 2 * 2) / 6. */
static void equal_motions_are_no_trouble(void **state)
{
    (void)state;
    double x[18] = {1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1}, y[18];
    rt_rigid rigid;
    for (int i = 0; i < 18; i++) y[i] = -x[i];
    rt_superpose(&rigid, x, y, 6);
    assert_true(fabs(rt_superpose_rmsd(&rigid, x, y, 6) - sqrt(8.0 / 6)) < 1e-12);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double dot = 0;
            for (int k = 0; k < 3; k++) dot += rigid.u[i][k] * rigid.u[j][k];
            assert_true(fabs(dot - (i == j)) < 1e-12);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moved_copy_comes_back),
        cmocka_unit_test(no_other_motion_is_better),
        cmocka_unit_test(a_hand_worked_case),
        cmocka_unit_test(few_points_are_defined),
        cmocka_unit_test(equal_motions_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
