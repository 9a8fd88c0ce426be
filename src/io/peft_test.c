/* peft_test.c - adapters as PEFT wrote them, ours read back, and what must not be read */
#include "io/io_test.h"
#include "io/test_files.h"

#include <math.h>

#include "base/json.h"
#include "io/peft.h"
#include "io/safetensors.h"

static rt_err err;
static const char TINY[] = "tests/data/golden/tiny/tiny.pt", QUERY[] = "pairformer_stack.blocks.1.tri_att_start.mha.linear_q",
                  KEY[] = "pairformer_stack.blocks.1.tri_att_start.mha.linear_k";

static rt_peft *open_peft(const char *path)
{
    rt_peft *peft;
    expect_ok(rt_peft_open(&peft, path, &err), &err);
    return peft;
}

static void peft_wrote_this_folder(void **state)
{
    (void)state;
    rt_peft *peft = open_peft(fixture("peft"));
    rt_weights *base, *merged;
    assert_int_equal(rt_peft_count(peft), 3);
    assert_int_equal(rt_peft_weight_count(peft), 2);
    expect_ok(rt_weights_open(&base, TINY, &err), &err);
    expect_ok(rt_weights_open(&merged, fixture("peft_merged.safetensors"), &err), &err);
    for (int i = 0; i < 2; i++) {
        const char *layer = i ? KEY : QUERY;
        const rt_peft_pair *pair = rt_peft_find(peft, layer);
        char name[128];
        float out[32 * 16];
        assert_non_null(pair);
        assert_int_equal(pair->a.dim[0], i ? 3 : 2);   /* rank_pattern */
        assert_true(pair->scale == 3.0 / (i ? 3 : 2));
        snprintf(name, sizeof name, "%s.weight", layer);
        const rt_weight *w = rt_weights_find(base, name), *expected = rt_weights_find(merged, name);
        rt_peft_merge(out, w->tensor, pair);
        double most = 0, changed = 0;
        for (int k = 0; k < 32 * 16; k++) {
            most = fmax(most, fabs(out[k] - rt_get(expected->tensor, k)));
            changed = fmax(changed, fabs(out[k] - rt_get(w->tensor, k)));
        }
        if (most > 1e-7 || changed < 1e-3) fail_msg("%s: off by %g, changed by %g", layer, most, changed);
    }
    const rt_weight *ours = rt_peft_find_weight(peft, "distogram_head.linear.weight");
    const rt_weight *theirs = rt_weights_find(merged, "distogram_head.linear.weight");
    assert_memory_equal(ours->tensor.data, theirs->tensor.data, (size_t)rt_bytes(theirs->tensor));
    rt_weights_close(base);
    rt_weights_close(merged);
    rt_peft_close(peft);
}

static void what_nobody_takes_is_named(void **state)
{
    (void)state;
    rt_peft *peft = open_peft(fixture("peft"));
    int64_t count;
    assert_non_null(rt_peft_take(peft, QUERY));
    assert_null(rt_peft_take(peft, "pairformer_stack.blocks.1.tri_att_start.mha.linear_v"));
    assert_non_null(rt_peft_take_weight(peft, "distogram_head.linear.weight"));
    assert_non_null(rt_peft_take_weight(peft, "distogram_head.linear.bias"));
    assert_non_null(rt_peft_untaken(peft, &count));
    assert_int_equal(count, 2);
    assert_non_null(rt_peft_take(peft, KEY));
    assert_non_null(rt_peft_take(peft, "diffusion_module.diffusion_transformer.blocks.0.attention_pair_bias.attention.linear_v"));
    assert_null(rt_peft_untaken(peft, &count));
    rt_peft_close(peft);
}

/* An adapter of `rank` on two layers of 4 by 3, with numbers that depend on `seed`; B 0 in the second when `idle`. */
typedef struct { float a[2][8 * 3], b[2][4 * 8], weight[5]; rt_peft_pair pair[2]; rt_weight whole; } made;

static const char *write_made(made *m, const char *name, int64_t rank, double alpha, int seed, bool idle)
{
    static char folder[4][400];
    static int turn;
    turn = (turn + 1) % 4;
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < rank * 3; i++) m->a[l][i] = (float)sin((seed + 3 * i + l) * (i + 2.3));
        for (int i = 0; i < 4 * rank; i++) m->b[l][i] = l && idle ? 0 : (float)cos((2 * seed + i - l) * (i + 1.7));
        m->pair[l] = (rt_peft_pair){l ? "net.blocks.11.linear_q" : "net.blocks.2.linear_q", RT_WRAP(m->a[l], RT_F32, rank, 3),
                                    RT_WRAP(m->b[l], RT_F32, 4, rank), alpha / (double)rank};
    }
    for (int i = 0; i < 5; i++) m->weight[i] = (float)(seed + i);
    m->whole = (rt_weight){"confidence_head.bias", RT_WRAP(m->weight, RT_F32, 5)};
    strcpy(folder[turn], test_path(name));
    rt_peft_about about = {.alpha = alpha, .step = 7, .opt_base = "base.pt", .opt_base_hash = "ab",
                           .modules = (const char *const[]){"confidence_head", NULL}};
    expect_ok(rt_peft_write(folder[turn], m->pair, 2, &m->whole, 1, &about, &err), &err);
    return folder[turn];
}

/* scale B A of layer l, (4,3) */
static void change_of(const rt_peft *peft, int l, double out[12])
{
    const rt_peft_pair *p = rt_peft_find(peft, l ? "net.blocks.11.linear_q" : "net.blocks.2.linear_q");
    int64_t rank = p->a.dim[0];
    for (int o = 0; o < 4; o++)
        for (int i = 0; i < 3; i++) {
            out[o * 3 + i] = 0;
            for (int64_t r = 0; r < rank; r++) out[o * 3 + i] += p->scale * rt_get(p->b, o * rank + r) * rt_get(p->a, r * 3 + i);
        }
}

static void ours_are_read_back(void **state)
{
    (void)state;
    made m;
    rt_peft *peft = open_peft(write_made(&m, "ours", 2, 6, 1, false));
    json_t *config;
    assert_int_equal(rt_peft_count(peft), 2);
    for (int l = 0; l < 2; l++) {
        const rt_peft_pair *p = rt_peft_find(peft, m.pair[l].module);
        assert_true(p->scale == 3);
        assert_memory_equal(p->a.data, m.a[l], 2 * 3 * 4);
        assert_memory_equal(p->b.data, m.b[l], 4 * 2 * 4);
    }
    assert_memory_equal(rt_peft_find_weight(peft, "confidence_head.bias")->tensor.data, m.weight, 20);
    expect_ok(rt_json_load(&config, rt_peft_config_path(peft), &err), &err);
    assert_string_equal(json_string_value(json_object_get(config, "target_modules")), "net\\.blocks\\.(?:2|11)\\.linear_q");
    assert_string_equal(json_string_value(json_array_get(json_object_get(config, "modules_to_save"), 0)), "confidence_head");
    json_decref(config);
    rt_peft_close(peft);
}

static void changes_are_averaged(void **state)
{
    (void)state;
    made m;
    rt_peft_average_report report;
    rt_peft *in[2] = {open_peft(write_made(&m, "one", 2, 6, 1, false)), open_peft(write_made(&m, "two", 1, 3, 5, false))};
    double one[12], two[12], mean[12];
    for (int64_t rank = 0; rank <= 3; rank += 3) {   /* exact, and so is the full rank of a layer with three inputs */
        expect_ok(rt_peft_average(test_path("mean"), in, 2, rank, &report, &err), &err);
        rt_peft *out = open_peft(test_path("mean"));
        assert_int_equal(report.rank, 3);
        for (int l = 0; l < 2; l++) {
            change_of(in[0], l, one), change_of(in[1], l, two), change_of(out, l, mean);
            for (int i = 0; i < 12; i++) assert_true(fabs(mean[i] - (one[i] + two[i]) / 2) < 1e-6);
        }
        assert_true(rt_get(rt_peft_find_weight(out, "confidence_head.bias")->tensor, 1) == 4);
        rt_peft_close(out);
    }
    rt_peft_close(in[0]);
    rt_peft_close(in[1]);
}

static void a_smaller_rank_keeps_the_most(void **state)
{
    (void)state;
    made m;
    rt_peft_average_report report;
    rt_peft *in[2] = {open_peft(write_made(&m, "one", 2, 6, 1, true)), open_peft(write_made(&m, "two", 2, 6, 5, true))};
    double one[12], two[12], mean[12], all = 0, lost = 0;
    expect_ok(rt_peft_average(test_path("small"), in, 2, 1, &report, &err), &err);
    rt_peft *out = open_peft(test_path("small"));
    change_of(in[0], 0, one), change_of(in[1], 0, two), change_of(out, 0, mean);
    for (int i = 0; i < 12; i++) {
        double whole = (one[i] + two[i]) / 2;
        all += whole * whole, lost += (whole - mean[i]) * (whole - mean[i]);
    }
    assert_int_equal(report.rank, 1);
    assert_true(report.kept > 0.5 && report.kept < 0.9999);
    assert_true(fabs(1 - lost / all - report.kept) < 1e-5);   /* what is left out is what it says */
    assert_true(report.least_kept == report.kept);
    rt_peft_close(out);
    rt_peft *same[2] = {in[0], in[0]};                        /* the mean of one with itself has its rank */
    expect_ok(rt_peft_average(test_path("same"), same, 2, 2, &report, &err), &err);
    assert_true(report.kept > 1 - 1e-12);
    out = open_peft(test_path("same"));
    change_of(out, 0, mean);
    for (int i = 0; i < 12; i++) assert_true(fabs(mean[i] - one[i]) < 1e-5);
    rt_peft_close(out);
    rt_peft_close(in[0]);
    rt_peft_close(in[1]);
}

/* A copy of PEFT's fixture with one value of its settings changed. */
static void refuse_setting(const char *key, json_t *value, rt_status code, const char *word)
{
    json_t *config;
    rt_peft *peft;
    char command[9000];
    snprintf(command, sizeof command, "rm -rf '%s'; cp -r '%s' '%s'", test_path("p"), fixture("peft"), test_path("p"));
    assert_int_equal(system(command), 0);
    expect_ok(rt_json_load(&config, test_path("p/adapter_config.json"), &err), &err);
    if (value) json_object_set_new(config, key, value);
    else json_object_del(config, key);
    expect_ok(rt_json_save(config, test_path("p/adapter_config.json"), &err), &err);
    json_decref(config);
    rt_status status = rt_peft_open(&peft, test_path("p"), &err);
    if (status != code) fail_msg("%s: status %d (%s)", key, (int)status, err.what);
    expect_word(err.what, word);
    expect_word(err.what, key);
}

static void settings_that_are_not_known_are_refused(void **state)
{
    (void)state;
    refuse_setting("peft_type", json_string("IA3"), RT_ERR_UNSUPPORTED, "LORA");
    refuse_setting("use_dora", json_true(), RT_ERR_UNSUPPORTED, "not read");
    refuse_setting("fan_in_fan_out", json_true(), RT_ERR_UNSUPPORTED, "not read");
    refuse_setting("bias", json_string("lora_only"), RT_ERR_UNSUPPORTED, "none");
    refuse_setting("alpha_pattern", json_pack("{s:i}", "linear_q", 4), RT_ERR_UNSUPPORTED, "not read");
    refuse_setting("init_lora_weights", json_string("pissa_niter_4"), RT_ERR_UNSUPPORTED, "base");
    refuse_setting("layer_replication", json_pack("[[ii]]", 0, 4), RT_ERR_UNSUPPORTED, "not read");
    refuse_setting("r", json_integer(0), RT_ERR_FORMAT, "at least 1");
    refuse_setting("lora_alpha", NULL, RT_ERR_FORMAT, "lora_alpha");
    refuse_setting("r", json_string("four"), RT_ERR_FORMAT, "r");
}

static void refuse_tensors(const rt_weight *w, int n, rt_status code, const char *word)
{
    rt_safetensors_writer *writer;
    rt_peft *peft;
    assert_int_equal(rt_make_folder(test_path("t"), &err), RT_OK);
    test_file("t/adapter_config.json", "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4}");
    expect_ok(rt_safetensors_create(&writer, test_path("t/adapter_model.safetensors"), &err), &err);
    for (int i = 0; i < n; i++) expect_ok(rt_safetensors_declare(writer, w[i].name, w[i].tensor, &err), &err);
    for (int i = 0; i < n; i++) expect_ok(rt_safetensors_write(writer, w[i].tensor, &err), &err);
    expect_ok(rt_safetensors_commit(writer, &err), &err);
    rt_status status = rt_peft_open(&peft, test_path("t"), &err);
    if (status != code) fail_msg("%s: status %d (%s)", word, (int)status, err.what);
    expect_word(err.what, word);
}

static void tensors_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    float v[12] = {1, 2, 3}, nan[12] = {NAN};
    int32_t integer[6] = {1};
    rt_tensor a = RT_WRAP(v, RT_F32, 2, 3), b = RT_WRAP(v, RT_F32, 4, 2), wide = RT_WRAP(v, RT_F32, 4, 3);
    refuse_tensors((rt_weight[]){{"base_model.model.l.lora_A.weight", a}}, 1, RT_ERR_FORMAT, "lora_A alone");
    refuse_tensors((rt_weight[]){{"base_model.model.l.lora_B.weight", b}}, 1, RT_ERR_FORMAT, "lora_B alone");
    refuse_tensors((rt_weight[]){{"l.lora_A.weight", a}, {"l.lora_B.weight", wide}}, 2, RT_ERR_FORMAT, "rank 2 in lora_A and 3");
    refuse_tensors((rt_weight[]){{"l.lora_A.weight", RT_WRAP(nan, RT_F32, 2, 3)}, {"l.lora_B.weight", b}}, 2, RT_ERR_FORMAT,
                   "NaN");
    refuse_tensors((rt_weight[]){{"l.lora_A.weight", RT_WRAP(integer, RT_I32, 2, 3)}, {"l.lora_B.weight", b}}, 2, RT_ERR_FORMAT,
                   "floating-point");
    refuse_tensors((rt_weight[]){{"l.lora_A.weight", RT_WRAP(v, RT_F32, 6)}, {"l.lora_B.weight", b}}, 2, RT_ERR_FORMAT, "matrix");
    refuse_tensors((rt_weight[]){{"l.lora_magnitude_vector", RT_WRAP(v, RT_F32, 3)}}, 1, RT_ERR_UNSUPPORTED, "lora_magnitude");
}

static void a_file_lends_its_confidence_head(void **state)
{
    (void)state;
    rt_peft *peft = open_peft(TINY);
    int64_t heads = 0;
    rt_weights *base;
    expect_ok(rt_weights_open(&base, TINY, &err), &err);
    for (int64_t i = 0; i < rt_weights_count(base); i++)
        heads += strncmp(rt_weights_at(base, i)->name, "confidence_head.", 16) == 0;
    assert_int_equal(rt_peft_weight_count(peft), heads);
    assert_int_equal(rt_peft_count(peft), 0);
    assert_null(rt_peft_config_path(peft));
    rt_weights_close(base);
    rt_peft_close(peft);
    assert_int_equal(rt_peft_open(&peft, fixture("mixed.safetensors"), &err), RT_ERR_MISMATCH);
    expect_word(err.what, "no confidence head");
    assert_int_equal(rt_peft_open(&peft, test_folder, &err), RT_ERR_FORMAT);
    expect_word(err.what, "adapter_config.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peft_wrote_this_folder),
        cmocka_unit_test(what_nobody_takes_is_named),
        cmocka_unit_test(ours_are_read_back),
        cmocka_unit_test(changes_are_averaged),
        cmocka_unit_test(a_smaller_rank_keeps_the_most),
        cmocka_unit_test(settings_that_are_not_known_are_refused),
        cmocka_unit_test(tensors_that_do_not_fit_are_refused),
        cmocka_unit_test(a_file_lends_its_confidence_head),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
