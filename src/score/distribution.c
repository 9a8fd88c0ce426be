#include "score/distribution.h"

#include <math.h>
#include <stdbool.h>

double rt_normal_cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

/* x with cdf(x) = p for a continuous distribution that is symmetric about zero. */
static double invert(double (*cdf)(double x, double df), double p, double df)
{
    if (isnan(p) || p < 0 || p > 1) return NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    if (p > 0.5) return -invert(cdf, 1 - p, df);   /* in the lower tail p keeps its digits */
    double low = -1, high = 0;
    while (cdf(low, df) > p && low > -1e300) low *= 2;
    for (int i = 0; i < 200; i++) {
        double middle = 0.5 * (low + high);
        if (middle == low || middle == high) break;
        if (cdf(middle, df) < p) low = middle;
        else high = middle;
    }
    return 0.5 * (low + high);
}

static double normal_cdf_df(double x, double df)
{
    (void)df;
    return rt_normal_cdf(x);
}

double rt_normal_quantile(double p) { return invert(normal_cdf_df, p, 0); }

/* The continued fraction of the incomplete beta function; converges fast for x < (a + 1)/(a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    if (fabs(d) < tiny) d = tiny;
    d = 1 / d;
    double h = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double term[2] = {even, odd}, change = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + term[i] * d;
            c = 1 + term[i] / c;
            if (fabs(d) < tiny) d = tiny;
            if (fabs(c) < tiny) c = tiny;
            d = 1 / d;
            change = c * d;
            h *= change;
        }
        if (fabs(change - 1) < 1e-15) break;
    }
    return h;
}

/* Regularised incomplete beta I_x(a, b); y = 1 - x is given apart so that neither loses digits. */
static double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0) return 0;
    if (y <= 0) return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

double rt_t_cdf(double x, double df)
{
    if (isnan(x) || !(df > 0)) return NAN;
    double square = x * x;
    if (isinf(square)) return x < 0 ? 0 : 1;
    double tail = 0.5 * incomplete_beta(0.5 * df, 0.5, df / (df + square), square / (df + square));
    return x < 0 ? tail : 1 - tail;
}

double rt_t_quantile(double p, double df) { return df > 0 ? invert(rt_t_cdf, p, df) : NAN; }

double rt_coin_cdf(int64_t k, int64_t n)
{
    if (n < 0) return NAN;
    if (k < 0) return 0;
    if (k >= n) return 1;
    bool upper = 2 * k >= n;   /* the smaller tail is summed */
    int64_t top = upper ? n - k - 1 : k;
    double sum = 0;
    for (int64_t i = 0; i <= top; i++)
        sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) - (double)n * M_LN2);
    return upper ? 1 - sum : sum;
}
