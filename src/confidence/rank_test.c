/* rank_test.c - summary scores against the reference's: one chain (goldens), several chains (tests/data/rank) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "confidence/rank.h"
#include "io/weights.h"

static const rt_config BASE = {
#define RT_SIZE(field, path, value) .field = value,
    RT_CONFIG_SIZES
#undef RT_SIZE
#define RT_SETTING(field, path, value) .field = value,
    RT_CONFIG_SETTINGS
#undef RT_SETTING
};

static double worst;   /* largest relative difference that check_json met */

static void *need(rt_arena *arena, int64_t bytes)
{
    void *memory = rt_arena_push(arena, bytes);
    assert_non_null(memory);
    return memory;
}

static rt_arena *make_arena(int64_t bytes)
{
    rt_arena *arena;
    rt_err err;
    assert_int_equal(rt_arena_create(&arena, "test", bytes, &err), RT_OK);
    return arena;
}

static rt_weights *open_weights(const char *path)
{
    rt_weights *weights = NULL;
    rt_err err;
    if (rt_weights_open(&weights, path, &err) != RT_OK) fail_msg("%s: %s", path, err.what);
    return weights;
}

/* "<prefix><name>", NULL data when the file lacks it. */
static rt_tensor find(const rt_weights *weights, const char *prefix, const char *name)
{
    char whole[128];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    const rt_weight *weight = rt_weights_find(weights, whole);
    return weight ? weight->tensor : (rt_tensor){0};
}

/* The same keys, nesting and order; numbers within the bound, relative (absolute where both are near 0). */
static void check_json(const char *where, const json_t *own, const json_t *want, double bound)
{
    if (json_is_real(want)) {
        if (!json_is_real(own)) fail_msg("%s: no real number", where);
        double a = json_real_value(own), b = json_real_value(want), difference = fabs(a - b) / fmax(fabs(b), 1e-6);
        if (!(difference <= bound)) fail_msg("%s: %.9g, the reference has %.9g", where, a, b);
        if (difference > worst) worst = difference;
    } else if (json_is_object(want)) {
        assert_true(json_is_object(own));
        assert_int_equal(json_object_size(own), json_object_size(want));
        void *x = json_object_iter((json_t *)(uintptr_t)own), *y = json_object_iter((json_t *)(uintptr_t)want);
        while (y) {
            assert_string_equal(json_object_iter_key(x), json_object_iter_key(y));
            check_json(json_object_iter_key(y), json_object_iter_value(x), json_object_iter_value(y), bound);
            x = json_object_iter_next((json_t *)(uintptr_t)own, x);
            y = json_object_iter_next((json_t *)(uintptr_t)want, y);
        }
    } else if (json_is_array(want)) {
        assert_int_equal(json_array_size(own), json_array_size(want));
        for (size_t i = 0; i < json_array_size(want); i++)
            check_json(where, json_array_get(own, i), json_array_get(want, i), bound);
    } else if (!json_equal(own, want)) {
        fail_msg("%s differs", where);
    }
}

static void check_summary(const rt_summary *summary, const json_t *want)
{
    rt_err err;
    char *text = rt_summary_json(summary, &err);
    assert_non_null(text);
    json_t *own = json_loads(text, 0, NULL);
    assert_non_null(own);
    check_json("summary", own, want, 1e-6);
    json_decref(own);
    free(text);
}

static void check_tensor(const char *name, rt_tensor own, rt_tensor want, double bound)
{
    assert_non_null(want.data);
    assert_int_equal(rt_count(own), rt_count(want));
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < rt_count(want); i++) {
        largest = fmax(largest, fabs(rt_get(want, i)));
        double d = fabs(rt_get(own, i) - rt_get(want, i));
        if (!(d <= difference)) difference = d;
    }
    if (!(difference <= bound * largest)) fail_msg("%s differs by %.3g of %.3g", name, difference, largest);
}

/* ---- one chain: the goldens ---------------------------------------------------------------------------------- */

static bool shared_path(char *out, int64_t size, const char *name)
{
    const char *folder = getenv("RT_SHARED");
    rt_path_join(out, size, folder ? folder : "../shared", name);
    return rt_file_exists(out);
}

static void check_golden_sample(const rt_weights *weights, const json_t *golden, int64_t sample, rt_arena *arena)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "full_data.%lld.", (long long)sample);
    rt_tensor distogram = find(weights, "", "distogram_logits@0"), contact = find(weights, prefix, "contact_probs");
    int64_t n = contact.dim[0];
    rt_tensor own_contact = RT_WRAP(need(arena, n * n * 4), RT_F32, n, n);
    rt_contact_probs(own_contact, NULL, &BASE, distogram);
    check_tensor("contact_probs", own_contact, contact, 2e-6);
    rt_rank_input input = {
        .pae_logits = rt_at(find(weights, "", "out.pae"), sample),
        .pde_logits = rt_at(find(weights, "", "out.pde"), sample),
        .plddt_logits = rt_at(find(weights, "", "out.plddt"), sample),
        .contact_probs = own_contact,
        .coordinate = rt_at(find(weights, "", "out.coordinate"), sample),
        .asym_id = find(weights, prefix, "token_asym_id"),
        .has_frame = find(weights, prefix, "token_has_frame"),
        .atom_to_token_idx = find(weights, prefix, "atom_to_token_idx"),
        .n_cycle = json_integer_value(json_object_get(golden, "N_cycle")),
    };
    rt_summary summary;
    rt_err err;
    assert_int_equal(rt_rank_summary(&summary, arena, NULL, &BASE, &input, &err), RT_OK);
    check_summary(&summary, json_array_get(json_object_get(golden, "summary_confidence"), (size_t)sample));
    check_tensor("atom_plddt", summary.atom_plddt, find(weights, prefix, "atom_plddt"), 2e-6);
    check_tensor("token_pair_pae", summary.token_pair_pae, find(weights, prefix, "token_pair_pae"), 2e-6);
    check_tensor("token_pair_pde", summary.token_pair_pde, find(weights, prefix, "token_pair_pde"), 2e-6);
}

/* golden/infer/trna76 lacks the PAE and PDE logits (infer_exact/trna76 has them). */
static void golden_cases_have_the_references_scores(void **state)
{
    (void)state;
    static const char *const CASES[] = {"infer_exact/hairpin30", "infer_exact/trna76", "infer/toy4", "infer/toy4_bare",
                                        "infer/hairpin30"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char name[128], path[1024];
        snprintf(name, sizeof name, "golden/%s.json", CASES[i]);
        if (!shared_path(path, sizeof path, name)) {
            printf("skip: %s is not here\n", path);
            skip();
        }
        json_t *golden = json_load_file(path, 0, NULL);
        assert_non_null(golden);
        snprintf(name, sizeof name, "golden/%s.safetensors", CASES[i]);
        shared_path(path, sizeof path, name);
        rt_weights *weights = open_weights(path);
        rt_arena *arena = make_arena(64 << 20);
        int64_t samples = (int64_t)json_array_size(json_object_get(golden, "summary_confidence"));
        assert_true(samples >= 2);
        for (int64_t s = 0; s < samples; s++) check_golden_sample(weights, golden, s, arena);
        rt_arena_free(arena);
        rt_weights_close(weights);
        json_decref(golden);
    }
    printf("largest relative difference of a score: %.2g\n", worst);
}

/* ---- several chains ------------------------------------------------------------------------------------------ */

/* Sixteenths of I8 as F32. */
static rt_tensor logits(const rt_weights *weights, const char *prefix, const char *name, rt_arena *arena)
{
    rt_tensor stored = find(weights, prefix, name), out = stored;
    assert_int_equal(stored.dtype, RT_I8);
    float *data = need(arena, 4 * rt_count(stored));
    for (int64_t i = 0; i < rt_count(stored); i++) data[i] = (float)rt_get(stored, i) / 16;
    out.data = data;
    out.dtype = RT_F32;
    return out;
}

static void read_case(rt_rank_input *input, rt_config *config, const rt_weights *weights, const char *prefix,
                      rt_pool *pool, rt_arena *arena)
{
    rt_tensor distogram = logits(weights, prefix, "distogram_logits", arena);
    int64_t n = distogram.dim[0];
    *input = (rt_rank_input){
        .pae_logits = logits(weights, prefix, "pae_logits", arena),
        .pde_logits = logits(weights, prefix, "pde_logits", arena),
        .plddt_logits = logits(weights, prefix, "plddt_logits", arena),
        .contact_probs = RT_WRAP(need(arena, n * n * 4), RT_F32, n, n),
        .coordinate = find(weights, prefix, "coordinate"),
        .asym_id = find(weights, prefix, "asym_id"),
        .has_frame = find(weights, prefix, "has_frame"),
        .atom_to_token_idx = find(weights, prefix, "atom_to_token_idx"),
        .n_cycle = (int64_t)rt_get(find(weights, prefix, "n_cycle"), 0),
    };
    *config = BASE;
    config->pae_bins = rt_last(input->pae_logits);
    config->pde_bins = rt_last(input->pde_logits);
    config->plddt_bins = rt_last(input->plddt_logits);
    config->distogram_bins = rt_last(distogram);
    rt_contact_probs(input->contact_probs, pool, config, distogram);
}

static void check_chains(const rt_weights *weights, const char *name, rt_pool *pool, rt_arena *arena, rt_summary *out)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "%s.", name);
    rt_rank_input input;
    rt_config config;
    rt_err err;
    read_case(&input, &config, weights, prefix, pool, arena);
    check_tensor("contact_probs", input.contact_probs, find(weights, prefix, "contact_probs"), 2e-6);
    assert_int_equal(rt_rank_summary(out, arena, pool, &config, &input, &err), RT_OK);
    const char *text = rt_weights_metadata(weights, name);
    assert_non_null(text);
    json_t *want = json_loads(text, 0, NULL);
    check_summary(out, want);
    json_decref(want);
    check_tensor("atom_plddt", out->atom_plddt, find(weights, prefix, "atom_plddt"), 2e-6);
    check_tensor("token_pair_pae", out->token_pair_pae, find(weights, prefix, "token_pair_pae"), 2e-6);
    check_tensor("token_pair_pde", out->token_pair_pde, find(weights, prefix, "token_pair_pde"), 2e-6);
}

static void several_chains_have_the_references_scores(void **state)
{
    (void)state;
    rt_weights *weights = open_weights("tests/data/rank/multichain.safetensors");
    rt_arena *arena = make_arena(16 << 20);
    rt_summary summary;
    check_chains(weights, "three", NULL, arena, &summary);
    assert_int_equal(summary.n_chain, 3);
    assert_true(summary.has_clash);
    check_chains(weights, "mixed", NULL, arena, &summary);
    assert_int_equal(summary.n_chain, 4);
    assert_false(summary.has_clash);
    rt_arena_free(arena);
    rt_weights_close(weights);
}

static void threads_do_not_change_a_byte(void **state)
{
    (void)state;
    rt_weights *weights = open_weights("tests/data/rank/multichain.safetensors");
    rt_arena *arena = make_arena(16 << 20);
    rt_summary one, many;
    rt_pool *pool;
    rt_err err;
    assert_int_equal(rt_pool_create(&pool, 3, &err), RT_OK);
    check_chains(weights, "three", NULL, arena, &one);
    check_chains(weights, "three", pool, arena, &many);
    char *a = rt_summary_json(&one, &err), *b = rt_summary_json(&many, &err);
    assert_string_equal(a, b);
    assert_memory_equal(one.token_pair_pae.data, many.token_pair_pae.data, rt_bytes(one.token_pair_pae));
    assert_memory_equal(one.token_pair_pde.data, many.token_pair_pde.data, rt_bytes(one.token_pair_pde));
    assert_memory_equal(one.atom_plddt.data, many.atom_plddt.data, rt_bytes(one.atom_plddt));
    assert_memory_equal(one.chain_pair_iptm, many.chain_pair_iptm, 9 * sizeof(double));
    free(a);
    free(b);
    rt_pool_free(pool);
    rt_arena_free(arena);
    rt_weights_close(weights);
}

/* ---- what the files do not reach ----------------------------------------------------------------------------- */

/* Two chains of one token and 300 atoms each, far apart but for `touching` pairs at distance `d`. */
static rt_summary two_chains(rt_arena *arena, int touching, float d, float logit)
{
    enum { ATOMS = 600, N = 2 };
    float *xyz = need(arena, ATOMS * 3 * 4);
    int64_t *token = need(arena, ATOMS * 8), *asym = need(arena, N * 8), *frame = need(arena, N * 8);
    for (int a = 0; a < ATOMS; a++) {
        int k = a % 300, upper = a / 300;
        token[a] = upper;
        xyz[3 * a] = (float)(k % 20) * 3;
        xyz[3 * a + 1] = (float)(k / 20) * 3;
        xyz[3 * a + 2] = upper ? (k < touching ? d : 50) : 0;
    }
    for (int i = 0; i < N; i++) asym[i] = i, frame[i] = 1;
    rt_config config = BASE;
    float *pae = need(arena, N * N * 64 * 4), *pde = need(arena, N * N * 64 * 4), *plddt = need(arena, ATOMS * 50 * 4);
    float *contact = need(arena, N * N * 4);
    for (int i = 0; i < N * N * 64; i++) pae[i] = pde[i] = logit;
    for (int i = 0; i < ATOMS * 50; i++) plddt[i] = logit;
    for (int i = 0; i < N * N; i++) contact[i] = 0;
    rt_rank_input input = {
        .pae_logits = RT_WRAP(pae, RT_F32, N, N, 64), .pde_logits = RT_WRAP(pde, RT_F32, N, N, 64),
        .plddt_logits = RT_WRAP(plddt, RT_F32, ATOMS, 50), .contact_probs = RT_WRAP(contact, RT_F32, N, N),
        .coordinate = RT_WRAP(xyz, RT_F32, ATOMS, 3), .asym_id = RT_WRAP(asym, RT_I64, N),
        .has_frame = RT_WRAP(frame, RT_I64, N), .atom_to_token_idx = RT_WRAP(token, RT_I64, ATOMS), .n_cycle = 1};
    rt_summary summary;
    rt_err err;
    assert_int_equal(rt_rank_summary(&summary, arena, NULL, &config, &input, &err), RT_OK);
    return summary;
}

static void more_than_a_hundred_touching_pairs_clash(void **state)
{
    (void)state;
    rt_arena *arena = make_arena(16 << 20);
    assert_false(two_chains(arena, 100, 1.0f, 0).has_clash);
    assert_true(two_chains(arena, 101, 1.0f, 0).has_clash);
    assert_false(two_chains(arena, 101, 1.2f, 0).has_clash);
    rt_summary even = two_chains(arena, 0, 1, 0.5f);
    assert_true(fabs(even.plddt - 50) < 1e-5);           /* all bins alike: the middle of the range */
    assert_true(fabs(rt_get(even.token_pair_pae, 1) - 16) < 1e-5);
    rt_arena_free(arena);
}

static void numbers_that_are_none_stay_visible(void **state)
{
    (void)state;
    rt_arena *arena = make_arena(16 << 20);
    rt_err err;
    rt_summary summary = two_chains(arena, 0, 1, NAN);
    assert_true(isnan(summary.plddt) && isnan(summary.ptm) && isnan(summary.iptm) && isnan(summary.ranking_score));
    char *text = rt_summary_json(&summary, &err);
    assert_non_null(strstr(text, "\"plddt\": null"));
    free(text);
    summary = two_chains(arena, 0, 1, 0);
    assert_true(isnan(summary.gpde));                    /* no contact anywhere */
    rt_arena_free(arena);
}

static void a_full_arena_is_an_error_that_leaves_it_as_it_was(void **state)
{
    (void)state;
    rt_weights *weights = open_weights("tests/data/rank/multichain.safetensors");
    rt_arena *arena = make_arena(16 << 20);
    rt_rank_input input;
    rt_config config;
    rt_err err;
    rt_summary summary;
    read_case(&input, &config, weights, "three.", NULL, arena);
    for (int64_t capacity = 4096; capacity <= 12288; capacity += 4096) {   /* outputs alone take 11 KiB */
        rt_arena *small = make_arena(capacity);
        assert_int_equal(rt_rank_summary(&summary, small, NULL, &config, &input, &err), RT_ERR_MEMORY);
        assert_non_null(strstr(err.what, "test arena"));
        assert_int_equal(rt_arena_used(small), 0);
        rt_arena_free(small);
    }
    rt_arena_free(arena);
    rt_weights_close(weights);
}

static void samples_are_ordered_by_score(void **state)
{
    (void)state;
    static const double SCORE[] = {0.5, NAN, 0.75, 0.5, -99, 0.75, NAN};
    static const int64_t WANT[] = {2, 5, 0, 3, 4, 1, 6};
    rt_summary summaries[7] = {{0}};
    int64_t order[7];
    for (int i = 0; i < 7; i++) summaries[i].ranking_score = SCORE[i];
    rt_rank_order(order, summaries, 7);
    assert_memory_equal(order, WANT, sizeof order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_cases_have_the_references_scores),
        cmocka_unit_test(several_chains_have_the_references_scores),
        cmocka_unit_test(threads_do_not_change_a_byte),
        cmocka_unit_test(more_than_a_hundred_touching_pairs_clash),
        cmocka_unit_test(numbers_that_are_none_stay_visible),
        cmocka_unit_test(a_full_arena_is_an_error_that_leaves_it_as_it_was),
        cmocka_unit_test(samples_are_ordered_by_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
