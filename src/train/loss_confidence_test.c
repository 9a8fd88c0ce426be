/* loss_confidence_test.c - labels, losses and gradients of the confidence head against the reference's */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/cross_entropy.h"
#include "train/loss_confidence.h"
#include "train/train_test.h"

static const rt_confidence_terms unit = {1, 1, 1, 1};

static rt_confidence_logits golden_logits(const test_case *c)
{
    return (rt_confidence_logits){.plddt = rt_at(test_golden(c, "logits.plddt"), 0),
                                  .pae = rt_at(test_golden(c, "logits.pae"), 0),
                                  .pde = rt_at(test_golden(c, "logits.pde"), 0),
                                  .resolved = rt_at(test_golden(c, "logits.resolved"), 0)};
}

static rt_confidence_label build_label(const test_case *c, rt_ctx *ctx)
{
    rt_confidence_label label;
    rt_err err;
    rt_tensor x = rt_at(test_golden(c, "x_mini"), 0);
    test_ok(rt_loss_confidence_label(&label, ctx->step, ctx->pool, &c->features, &c->label, x, &err), &err);
    return label;
}

/* The reference lists resolved atoms only, and gives masked PAE pairs the last class. */
static void labels_are_the_reference_s(void **state)
{
    test_case c;
    (void)state;
    if (!test_case_open(&c, "train_exact/confidence.safetensors", "label.coordinate", "label.coordinate_mask")) skip();
    rt_ctx *ctx = test_context(RT_BACKEND_CPU, 2);
    rt_confidence_label label = build_label(&c, ctx);
    rt_tensor plddt = test_golden(&c, "label.plddt_bin"), lddt = test_golden(&c, "label.per_atom_lddt");
    rt_tensor weight = test_golden(&c, "label.per_atom_weight");
    rt_tensor pae = test_golden(&c, "label.pae_bin"), pae_mask = test_golden(&c, "label.pae_pair_mask");
    rt_tensor pde = test_golden(&c, "label.pde_bin"), pde_mask = test_golden(&c, "label.pde_pair_mask");
    int64_t k = 0, n_distinct = 0;
    uint8_t used[50] = {0};
    for (int64_t a = 0; a < c.label.n_atom; a++) {
        uint8_t got = ((uint8_t *)label.plddt.data)[a];
        assert_int_equal(((uint8_t *)label.resolved.data)[a], got != RT_CROSS_ENTROPY_SKIP);
        if (got == RT_CROSS_ENTROPY_SKIP) continue;
        assert_int_equal(got, (int)rt_get(plddt, k));
        assert_true(fabs(rt_get(label.lddt, a) - rt_get(lddt, k) / rt_get(weight, k)) < 1e-6);
        n_distinct += !used[got];
        used[got] = 1;
        k++;
    }
    assert_int_equal(k, rt_count(plddt));
    assert_true(n_distinct > 5);
    for (int64_t i = 0; i < rt_count(label.pae); i++) {
        uint8_t got = ((uint8_t *)label.pae.data)[i], other = ((uint8_t *)label.pde.data)[i];
        assert_int_equal(got != RT_CROSS_ENTROPY_SKIP, rt_get(pae_mask, i) != 0);
        if (got != RT_CROSS_ENTROPY_SKIP) assert_int_equal(got, (int)rt_get(pae, i));
        assert_int_equal(other != RT_CROSS_ENTROPY_SKIP, rt_get(pde_mask, i) != 0);
        if (other != RT_CROSS_ENTROPY_SKIP) assert_int_equal(other, (int)rt_get(pde, i));
    }
    rt_ctx_free(ctx);
    test_case_close(&c);
}

static void losses_are_the_reference_s(void **state)
{
    test_case c;
    (void)state;
    if (!test_case_open(&c, "train_exact/confidence.safetensors", "label.coordinate", "label.coordinate_mask")) skip();
    rt_ctx *ctx = test_context(RT_BACKEND_CPU, 2);
    rt_confidence_label label = build_label(&c, ctx);
    rt_confidence_logits logits = golden_logits(&c);
    rt_confidence_terms loss;
    rt_loss_confidence(ctx, &loss, NULL, &logits, &label, &unit);
    assert_int_equal(ctx->status, RT_OK);
    /* golden/train_exact/confidence.json, variants.unit.losses */
    test_near("pLDDT loss", loss.plddt, 4.193356513977051, 1e-5);
    test_near("PAE loss", loss.pae, 4.181433200836182, 1e-5);
    test_near("PDE loss", loss.pde, 4.8746442794799805, 1e-5);
    test_near("resolved loss", loss.resolved, 0.8024948239326477, 1e-5);
    rt_confidence_terms shipped = {.plddt = 1e-4, .pae = 1e-4, .pde = 1e-4, .resolved = 1e-4};
    test_near("confidence loss, weights 1e-4", rt_loss_confidence_total(&loss, &shipped), 0.001405192888341844, 1e-5);
    rt_ctx_free(ctx);
    test_case_close(&c);
}

typedef struct {
    rt_ctx *ctx;
    const rt_confidence_logits *logits;
    const rt_confidence_label *label;
    const rt_confidence_terms *weight;
} loss_call;

static double loss_again(void *user)
{
    const loss_call *call = user;
    rt_confidence_terms loss;
    rt_loss_confidence(call->ctx, &loss, NULL, call->logits, call->label, call->weight);
    return rt_loss_confidence_total(&loss, call->weight);
}

static void gradients_are_the_losses_slopes(void **state)
{
    test_case c;
    (void)state;
    if (!test_case_open(&c, "train_exact/confidence.safetensors", "label.coordinate", "label.coordinate_mask")) skip();
    rt_ctx *ctx = test_context(RT_BACKEND_REF64, 2);
    rt_confidence_label label = build_label(&c, ctx);
    rt_confidence_logits golden = golden_logits(&c), logits, d;
    const rt_tensor from[4] = {golden.plddt, golden.pae, golden.pde, golden.resolved};
    rt_tensor *to[4] = {&logits.plddt, &logits.pae, &logits.pde, &logits.resolved};
    rt_tensor *slope[4] = {&d.plddt, &d.pae, &d.pde, &d.resolved};
    const char *const name[4] = {"pLDDT", "PAE", "PDE", "resolved"};
    for (int i = 0; i < 4; i++) *to[i] = test_as_f64(ctx, from[i]), *slope[i] = test_zeros(ctx, *to[i]);
    rt_confidence_terms weight = {.plddt = 1.5, .pae = 0.25, .pde = 2, .resolved = 0.75}, loss;
    rt_loss_confidence(ctx, &loss, &d, &logits, &label, &weight);
    loss_call call = {ctx, &logits, &label, &weight};
    for (int i = 0; i < 4; i++) test_differences(name[i], loss_again, &call, *to[i], *slope[i], 1e-3, 1e-6);

    /* accumulates; a term without weight adds nothing, and is computed all the same */
    double once = rt_get(d.plddt, 60), other = rt_get(d.pae, 60);
    weight.pae = 0;
    rt_loss_confidence(ctx, &loss, &d, &logits, &label, &weight);
    assert_true(fabs(rt_get(d.plddt, 60) - 2 * once) < 1e-15 && rt_get(d.pae, 60) == other && loss.pae > 0);
    rt_ctx_free(ctx);
    test_case_close(&c);
}

/* float32 logits, 1 and 3 threads: the same bytes. */
static void threads_do_not_matter(void **state)
{
    test_case c;
    rt_tensor d_pae[2];
    rt_ctx *ctx[2];
    rt_confidence_terms loss[2];
    (void)state;
    if (!test_case_open(&c, "train_exact/confidence.safetensors", "label.coordinate", "label.coordinate_mask")) skip();
    for (int i = 0; i < 2; i++) {
        ctx[i] = test_context(RT_BACKEND_CPU, i ? 3 : 1);
        rt_confidence_label label = build_label(&c, ctx[i]);
        rt_confidence_logits logits = golden_logits(&c), d = {0};
        d.pae = d_pae[i] = test_zeros(ctx[i], logits.pae);
        rt_loss_confidence(ctx[i], &loss[i], &d, &logits, &label, &unit);
    }
    assert_memory_equal(&loss[0], &loss[1], sizeof *loss);
    assert_memory_equal(d_pae[0].data, d_pae[1].data, (size_t)rt_bytes(d_pae[0]));
    for (int i = 0; i < 2; i++) rt_ctx_free(ctx[i]);
    test_case_close(&c);
}

/* Nothing resolved: no loss, no gradient, no NaN. */
static void nothing_resolved(void **state)
{
    test_case c;
    (void)state;
    if (!test_case_open(&c, "train_exact/confidence.safetensors", "label.coordinate", "label.coordinate_mask")) skip();
    rt_ctx *ctx = test_context(RT_BACKEND_CPU, 1);
    memset(c.label.coordinate_mask.data, 0, (size_t)c.label.n_atom);
    c.label.n_resolved = 0;
    rt_confidence_label label = build_label(&c, ctx);
    rt_confidence_logits logits = golden_logits(&c), d = {0};
    d.plddt = test_zeros(ctx, logits.plddt);
    rt_confidence_terms loss;
    rt_loss_confidence(ctx, &loss, &d, &logits, &label, &unit);
    assert_true(loss.plddt == 0 && loss.pae == 0 && loss.pde == 0 && loss.resolved > 0);
    for (int64_t i = 0; i < rt_count(d.plddt); i++) assert_true(rt_get(d.plddt, i) == 0);
    rt_ctx_free(ctx);
    test_case_close(&c);
}

/* A frame needs all three atoms (the golden case lacks none but C1'); a centre and a PDE pair need their one. */
static void frames_need_three_atoms(void **state)
{
    test_case c;
    (void)state;
    if (!test_case_open(&c, "train_exact/confidence.safetensors", "label.coordinate", "label.coordinate_mask")) skip();
    rt_ctx *ctx = test_context(RT_BACKEND_CPU, 1);
    for (int k = 1; k < 3; k++) {
        uint8_t *mask =
            (uint8_t *)c.label.coordinate_mask.data + ((int64_t *)c.features.frame_atom_index.data)[3 * 8 + k];
        assert_int_equal(*mask, 1);
        *mask = 0;
        rt_confidence_label label = build_label(&c, ctx);
        const uint8_t *pae = label.pae.data, *pde = label.pde.data;
        for (int n = 0; n < 30; n++) {
            assert_int_equal(pae[30 * 8 + n], RT_CROSS_ENTROPY_SKIP);
            assert_int_equal(pae[30 * n + 8] != RT_CROSS_ENTROPY_SKIP, pae[30 * n + 9] != RT_CROSS_ENTROPY_SKIP);
        }
        assert_true(pae[30 * 9 + 8] != RT_CROSS_ENTROPY_SKIP && pde[30 * 8 + 8] != RT_CROSS_ENTROPY_SKIP);
        *mask = 1;
    }
    rt_ctx_free(ctx);
    test_case_close(&c);
}

static void resolution_decides_the_weight(void **state)
{
    (void)state;
    rt_resolution_rule reference = {.least = 0.1, .most = 4.0, .unknown = 0};
    assert_true(rt_loss_confidence_weight(&rt_resolution_default, -1) == 1);
    assert_true(rt_loss_confidence_weight(&rt_resolution_default, NAN) == 1);
    assert_true(rt_loss_confidence_weight(&reference, -1) == 0);
    assert_true(rt_loss_confidence_weight(&reference, 2.0) == 1 && rt_loss_confidence_weight(&reference, 4.0) == 1);
    assert_true(rt_loss_confidence_weight(&rt_resolution_default, 4.1) == 0);
    assert_true(rt_loss_confidence_weight(&rt_resolution_default, 0.05) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_the_reference_s), cmocka_unit_test(losses_are_the_reference_s),
        cmocka_unit_test(gradients_are_the_losses_slopes), cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(nothing_resolved), cmocka_unit_test(frames_need_three_atoms),
        cmocka_unit_test(resolution_decides_the_weight)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
