/* sampler_test.c - which random numbers a sample gets: recorded runs replay theirs, so verify never draws one */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "diffusion/sampler.c"

enum { SAMPLES = 3, ATOMS = 7, STEPS = 4 };

static bool same(rt_tensor a, rt_tensor b) { return memcmp(a.data, b.data, (size_t)rt_bytes(a)) == 0; }

/* What `step` draws: noise, rotation, translation. */
typedef struct { rt_tensor noise, rotation, translation; } drawn;

static drawn draw(rt_ctx *ctx, uint64_t seed, uint64_t stream, int64_t first_sample, rt_draw purpose, int64_t step)
{
    drawn d = {RT_NEW(ctx, SAMPLES, ATOMS, 3), RT_NEW(ctx, SAMPLES, 3, 3), RT_NEW(ctx, SAMPLES, 3)};
    rt_sampler_draws draws = {.seed = seed, .stream = stream, .first_sample = first_sample};
    fill_noise(ctx, d.noise, &draws, RT_ABSENT, purpose, step, STEPS);
    fill_motion(ctx, d.rotation, d.translation, &draws, step, STEPS);
    return d;
}

static void every_sample_step_target_and_seed_draws_its_own(void **state)
{
    (void)state;
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_REF, 1, 1 << 20, NULL), RT_OK);
    drawn a = draw(ctx, 1, 2, 0, RT_DRAW_STEP_NOISE, 0), again = draw(ctx, 1, 2, 0, RT_DRAW_STEP_NOISE, 0);
    assert_true(same(a.noise, again.noise) && same(a.rotation, again.rotation) && same(a.translation, again.translation));
    for (int64_t s = 1; s < SAMPLES; s++) {
        assert_false(same(rt_at(a.noise, 0), rt_at(a.noise, s)));
        assert_false(same(rt_at(a.rotation, 0), rt_at(a.rotation, s)));
        assert_false(same(rt_at(a.translation, 0), rt_at(a.translation, s)));
    }
    drawn other[] = {draw(ctx, 2, 2, 0, RT_DRAW_STEP_NOISE, 0), draw(ctx, 1, 3, 0, RT_DRAW_STEP_NOISE, 0),
                     draw(ctx, 1, 2, 0, RT_DRAW_STEP_NOISE, 1)};
    for (int i = 0; i < 3; i++) {
        assert_false(same(a.noise, other[i].noise));
        assert_false(same(a.rotation, other[i].rotation));
        assert_false(same(a.translation, other[i].translation));
    }
    assert_false(same(a.noise, draw(ctx, 1, 2, 0, RT_DRAW_INIT_NOISE, 0).noise));
    /* sample 1 of a run is sample 0 of a run that begins there */
    drawn later = draw(ctx, 1, 2, 1, RT_DRAW_STEP_NOISE, 0);
    assert_true(same(rt_at(a.noise, 1), rt_at(later.noise, 0)) && same(rt_at(a.rotation, 1), rt_at(later.rotation, 0)));
    assert_int_equal(rt_ctx_take(ctx, NULL), RT_OK);
    rt_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_sample_step_target_and_seed_draws_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
