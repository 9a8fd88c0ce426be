/* loader_test.c - samples come in order, the same whenever and however they are loaded, and features never see the
 * answer */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "prep/atom_slot.h"
#include "prep/dataset_write.h"
#include "train/loader.h"
#include "train/train_test.h"

enum { TARGETS = 7, CROP = 20 };
static int64_t all_targets[TARGETS] = {0, 1, 2, 3, 4, 5, 6};

static int64_t length_of(int64_t k) { return 12 + 5 * k; }
static char letter_of(int64_t k, int64_t i) { return "ACGU"[(uint64_t)(i * i + 3 * i * k + k) % 4]; }

static float coordinate_of(int64_t k, int64_t c, int64_t i, int64_t slot, int d, float shift)
{
    return (float)(i * 6 + d) + 0.25f * (float)slot + 100.0f * (float)k + 1000.0f * (float)c + shift;
}

/* Target k: all atoms (k even) or C1' alone, two structures for k = 3, residues 0 to 7 of target 5 not resolved. */
static void add_target(rt_dataset_writer *writer, int64_t k, float shift, const char *msa)
{
    rt_target t = rt_target_empty();
    rt_err err;
    char id[16], sequence[64] = {0};
    int64_t length = length_of(k);
    snprintf(id, sizeof id, "T%d", (int)k);
    for (int64_t i = 0; i < length; i++) sequence[i] = letter_of(k, i);
    t.number = k, t.id = id, t.sequence = sequence, t.origin = RT_ORIGIN_TRAIN;
    t.n_conformation = k == 3 ? 2 : 1;
    t.n_slot = k % 2 ? 1 : RT_SLOT_COUNT;
    t.slots = k % 2 ? RT_SLOTS_C1P : RT_SLOTS_ALL;
    t.resolution = k == 2 ? 2.5 : NAN;
    t.msa = msa;
    float *xyz = calloc((size_t)(t.n_conformation * length * t.n_slot * 3), sizeof *xyz), *at = xyz;
    for (int64_t c = 0; c < t.n_conformation; c++)
        for (int64_t i = 0; i < length; i++)
            for (int64_t s = 0; s < t.n_slot; s++)
                for (int d = 0; d < 3; d++)
                    *at++ = k == 5 && i < 8 ? NAN : coordinate_of(k, c, i, k % 2 ? RT_SLOT_C1P : s, d, shift);
    test_ok(rt_dataset_writer_add(writer, &t, xyz, &err), &err);
    free(xyz);
}

static rt_dataset *make_set(const char *name, float shift)
{
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_err err;
    char folder[400], msa[400], text[400] = "";
    strcpy(folder, test_path(name));
    for (int row = 0; row < 3; row++) {
        strcat(text, ">row\n");
        for (int64_t i = 0; i < length_of(6); i++)
            strcat(text, row == 1 && i % 5 == 2 ? "-" : (char[2]){letter_of(6, i), 0});
        strcat(text, "\n");
    }
    strcpy(msa, test_file("six.fasta", text));   /* "T6" has an alignment with gaps */
    test_ok(rt_dataset_writer_open(&writer, folder, "plan", &err), &err);
    for (int64_t k = 0; k < TARGETS; k++) add_target(writer, k, shift, k == 6 ? msa : "");
    test_ok(rt_dataset_writer_commit(writer, &err), &err);
    test_ok(rt_dataset_open(&set, folder, &err), &err);
    assert_int_equal(rt_dataset_count(set), TARGETS);
    return set;
}

/* Template k of residue i of target 4, in the file's x_1, y_1, z_1, ... */
static float template_of(int64_t i, int64_t k, int d) { return 0.5f * (float)i + 10.0f * (float)k + (float)d + 1; }

static rt_template_file *make_templates(void)
{
    rt_template_file *file;
    rt_err err;
    char text[20000] = "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2,x_3,y_3,z_3\n";
    for (int64_t i = 0; i < length_of(4); i++) {
        char line[300];
        int n = snprintf(line, sizeof line, "T4_%d,%c,%d", (int)i + 1, letter_of(4, i), (int)i + 1);
        for (int k = 0; k < 3; k++)
            for (int d = 0; d < 3; d++) n += snprintf(line + n, sizeof line - (size_t)n, ",%.3f", template_of(i, k, d));
        strcat(strcat(text, line), "\n");
    }
    test_ok(rt_template_file_open(&file, test_file("templates.csv", text), &err), &err);
    return file;
}

static rt_loader_options options_for(const rt_dataset *set, const rt_template_file *templates)
{
    return (rt_loader_options){.set = set, .target = all_targets, .n_target = TARGETS, .seed = 11, .depth = 2,
                               .sample_memory = (int64_t)1 << 18,
                               .sample = {.crop = CROP, .template_dropout = 0.5, .conformers = rt_conformers_default(),
                                          .opt_templates = templates}};
}

/* A digest of everything a sample holds. */
static uint64_t mix_bytes(uint64_t hash, const void *bytes, int64_t size)
{
    for (int64_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001B3ull;
    return hash;
}

static uint64_t digest_features(const rt_features *f)
{
    const rt_tensor t[] = {f->restype,      f->ref_pos, f->profile, f->msa, f->template_coords, f->template_coords_mask,
                           f->deletion_mean};
    uint64_t hash = 1;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) hash = mix_bytes(hash, t[i].data, rt_bytes(t[i]));
    return hash;
}

static uint64_t digest(const rt_sample *s)
{
    uint64_t hash = digest_features(&s->features);
    hash = mix_bytes(hash, s->label.coordinate.data, rt_bytes(s->label.coordinate));
    hash = mix_bytes(hash, s->label.coordinate_mask.data, rt_bytes(s->label.coordinate_mask));
    return mix_bytes(hash, s->target->id, (int64_t)strlen(s->target->id));
}

/* Crop and label are the set's, in the network's order; templates are the file's, or all zero with mask 1. */
static int64_t picked[3];   /* how often each template came */

static void check_sample(const rt_sample *s)
{
    int64_t k = s->target->number, n = s->features.n_token;
    assert_int_equal(n, length_of(k) < CROP ? length_of(k) : CROP);
    assert_true(s->start >= 0 && s->start + n <= length_of(k));
    for (int64_t i = 0; i < n; i++) assert_int_equal(s->input.sequence[i], letter_of(k, s->start + i));
    for (int64_t a = 0; a < s->label.n_atom; a++) {
        char name[5];
        rt_label_atom_name(name, &s->features, a);
        int64_t i = s->start + ((int64_t *)s->features.atom_to_token_idx.data)[a];
        int slot = rt_atom_slot_find(name, (int64_t)strlen(name));
        bool seen = !(k == 5 && i < 8) && (k % 2 == 0 || slot == RT_SLOT_C1P);
        assert_int_equal(((uint8_t *)s->label.coordinate_mask.data)[a], seen);
        for (int d = 0; d < 3; d++)
            assert_true(rt_get(s->label.coordinate, 3 * a + d) ==
                        (seen ? coordinate_of(k, s->conformation, i, slot, d, 0) : 0));
    }
    assert_true(s->label.resolution == (k == 2 ? 2.5 : -1));
    assert_int_equal(s->features.n_template, 4);
    for (int64_t t = 0; t < 4; t++) {
        float first = ((float *)s->features.template_coords.data)[3 * t * n];
        int64_t pick = (int64_t)((first - 1 - 0.5f * (float)s->start) / 10);
        if (s->has_templates) picked[pick]++;
        for (int64_t i = 0; i < n; i++)
            for (int d = 0; d < 3; d++)
                assert_true(((float *)s->features.template_coords.data)[3 * (t * n + i) + d] ==
                            (s->has_templates ? template_of(s->start + i, pick, d) : 0));
        assert_true(((float *)s->features.template_coords_mask.data)[t * n] == 1);
    }
    assert_true(s->features.n_msa == (k == 6 ? 3 : 1) && s->features.has_msa == (k == 6));
}

static void order_and_content(void **state)
{
    enum { EPOCHS = 12, SAMPLES = EPOCHS * TARGETS };
    static uint64_t first[SAMPLES], again;
    rt_dataset *set = make_set("order", 0);
    rt_template_file *templates = make_templates();
    rt_loader *loader;
    rt_loader_item item;
    rt_err err;
    int64_t order[SAMPLES];
    int n_moved = 0, n_with = 0, n_without = 0, second_structure = 0, n_start = 0;
    int64_t starts[64] = {0};
    (void)state;
    rt_loader_options options = options_for(set, templates);
    test_ok(rt_loader_open(&loader, &options, 0, &err), &err);
    for (int64_t i = 0; i < SAMPLES; i++) {
        static int seen[TARGETS];
        test_ok(rt_loader_next(loader, &item, &err), &err);
        assert_true(item.number == i && item.epoch == i / TARGETS && item.position == i % TARGETS);
        check_sample(item.sample);
        if (i % TARGETS == 0) memset(seen, 0, sizeof seen);
        int64_t k = item.sample->target->number;
        assert_int_equal(seen[k]++, 0);
        order[i] = k;
        n_moved += i >= TARGETS && order[i - TARGETS] != k;
        assert_int_equal(rt_loader_target(loader, i), k);
        rt_draw_key key = rt_loader_key(loader, i);
        assert_memory_equal(&key, &item.sample->key, sizeof key);
        first[i] = digest(item.sample);
        if (k == 4) item.sample->has_templates ? n_with++ : n_without++;
        else assert_false(item.sample->has_templates);
        second_structure += item.sample->conformation == 1;
        if (k == 6) n_start += !starts[item.sample->start]++;
    }
    assert_true(n_with > 1 && n_without > 1 && second_structure > 1 && n_start > 3);
    for (int k = 0; k < 3; k++) assert_true(picked[k] > 0);
    assert_true(n_moved > SAMPLES / 2); /* every epoch has an order of its own */
    rt_loader_close(loader);
    /* taken up anywhere, with any depth */
    for (int64_t from = 0; from < SAMPLES; from += 17) {
        options.depth = 1 + (int)(from % 5);
        test_ok(rt_loader_open(&loader, &options, from, &err), &err);
        for (int64_t i = from; i < SAMPLES; i += 1) {
            test_ok(rt_loader_next(loader, &item, &err), &err);
            again = digest(item.sample);
            assert_true(item.number == i && again == first[i]);
        }
        rt_loader_close(loader);
    }
    /* V views come again after V epochs */
    options.views = 2;
    uint64_t of[EPOCHS][TARGETS];
    test_ok(rt_loader_open(&loader, &options, 0, &err), &err);
    for (int64_t i = 0; i < 4 * TARGETS; i++) {
        test_ok(rt_loader_next(loader, &item, &err), &err);
        of[item.epoch][item.sample->target->number] = digest(item.sample);
    }
    for (int k = 0; k < TARGETS; k++) assert_true(of[0][k] == of[2][k] && of[1][k] == of[3][k] && of[0][k] != of[1][k]);
    rt_loader_close(loader);
    rt_template_file_close(templates);
    rt_dataset_close(set);
}

/* Samples dealt to several loaders are those of one, each exactly once, in order; taken up anywhere. */
static void dealt_samples_are_the_same(void **state)
{
    enum { SAMPLES = 3 * TARGETS };
    uint64_t first[SAMPLES];
    rt_dataset *set = make_set("dealt", 0);
    rt_template_file *templates = make_templates();
    rt_loader *loader;
    rt_loader_item item;
    rt_err err;
    (void)state;
    rt_loader_options options = options_for(set, templates);
    test_ok(rt_loader_open(&loader, &options, 0, &err), &err);
    for (int64_t i = 0; i < SAMPLES; i++) {
        test_ok(rt_loader_next(loader, &item, &err), &err);
        assert_int_equal(item.target, item.sample->target->number);
        first[i] = digest(item.sample);
    }
    rt_loader_close(loader);
    for (int64_t parts = 2; parts <= TARGETS; parts++)
        for (int64_t from = 0; from < 2 * TARGETS; from += 5) {
            int seen[SAMPLES] = {0};
            options.parts = parts;
            for (options.part = 0; options.part < parts; options.part++) {
                int64_t last = -1;
                test_ok(rt_loader_open(&loader, &options, from, &err), &err);
                for (;;) {
                    test_ok(rt_loader_next(loader, &item, &err), &err);
                    if (item.number >= SAMPLES) break;
                    assert_true(item.number >= from && item.number > last);
                    assert_int_equal(item.position % parts, options.part);
                    assert_true(digest(item.sample) == first[item.number]);
                    seen[last = item.number]++;
                }
                rt_loader_close(loader);
            }
            for (int64_t i = 0; i < SAMPLES; i++) assert_int_equal(seen[i], i >= from);
        }
    rt_template_file_close(templates);
    rt_dataset_close(set);
}

/* The same set with every coordinate moved: other labels, the same bytes of features. */
static void features_do_not_see_the_answer(void **state)
{
    rt_dataset *set[2] = {make_set("leak_a", 0), make_set("leak_b", 37)};
    rt_template_file *templates = make_templates();
    rt_loader *loader[2];
    rt_err err;
    (void)state;
    for (int i = 0; i < 2; i++) {
        rt_loader_options options = options_for(set[i], templates);
        test_ok(rt_loader_open(&loader[i], &options, 0, &err), &err);
    }
    for (int n = 0; n < 3 * TARGETS; n++) {
        rt_loader_item item[2];
        for (int i = 0; i < 2; i++) test_ok(rt_loader_next(loader[i], &item[i], &err), &err);
        assert_true(digest_features(&item[0].sample->features) == digest_features(&item[1].sample->features));
        assert_true(digest(item[0].sample) != digest(item[1].sample));
    }
    for (int i = 0; i < 2; i++) {
        rt_loader_close(loader[i]);
        rt_dataset_close(set[i]);
    }
    rt_template_file_close(templates);
}

static void failures_are_named_and_passed_over(void **state)
{
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_loader *loader;
    rt_loader_item item;
    rt_err err;
    char folder[400];
    int n_good = 0, n_bad = 0;
    (void)state;
    rt_log_set_level(RT_LOG_QUIET);
    strcpy(folder, test_path("failing"));
    test_ok(rt_dataset_writer_open(&writer, folder, "", &err), &err);
    add_target(writer, 0, 0, "");
    add_target(writer, 1, 0, "/nowhere/at/all.fasta");
    rt_target t = rt_target_empty();
    t.number = 2, t.id = "bare", t.sequence = "ACGU";
    test_ok(rt_dataset_writer_add(writer, &t, NULL, &err), &err);
    float nowhere[4 * 3];
    for (int i = 0; i < 12; i++) nowhere[i] = NAN;
    t.number = 3, t.id = "unseen", t.n_conformation = 1, t.n_slot = 1, t.slots = RT_SLOTS_C1P;
    test_ok(rt_dataset_writer_add(writer, &t, nowhere, &err), &err);
    test_ok(rt_dataset_writer_commit(writer, &err), &err);
    test_ok(rt_dataset_open(&set, folder, &err), &err);
    rt_loader_options options = options_for(set, NULL);
    options.n_target = 4;
    assert_int_equal(rt_loader_open(&loader, &options, 0, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "target 'bare' has no experimental structure"));
    options.n_target = 0;
    assert_int_equal(rt_loader_open(&loader, &options, 0, &err), RT_ERR_USAGE);
    const int64_t chosen[3] = {0, 1, 3};
    options.target = chosen, options.n_target = 3;
    test_ok(rt_loader_open(&loader, &options, 0, &err), &err);
    for (int i = 0; i < 9; i++) {
        rt_status status = rt_loader_next(loader, &item, &err);
        int64_t number = rt_loader_target(loader, i);
        assert_true((status == RT_OK) == (number == 0) && (item.sample != NULL) == (number == 0) && item.number == i);
        if (number == 1) assert_true(status == RT_ERR_IO && strcmp(err.file, "/nowhere/at/all.fasta") == 0);
        if (number == 3)
            assert_true(status == RT_ERR_MISMATCH && strstr(err.what, "target 'unseen': fewer than 3 of 4 residues"));
        status == RT_OK ? n_good++ : n_bad++;
    }
    assert_true(n_good == 3 && n_bad == 6);
    rt_loader_close(loader);
    rt_dataset_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order_and_content),
        cmocka_unit_test(dealt_samples_are_the_same),
                                       cmocka_unit_test(features_do_not_see_the_answer),
                                       cmocka_unit_test(failures_are_named_and_passed_over)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
