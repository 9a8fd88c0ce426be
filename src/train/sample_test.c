/* sample_test.c - an augmented sample: what follows the new sequence, and what stays */
#include "io/io_test.h"
#include "io/test_files.h"

#include <math.h>

#include "base/log.h"
#include "feat/msa_features.h"
#include "prep/dataset_write.h"
#include "prep/import.h"
#include "train/loader.h"

enum { STRIDE = RT_SLOT_COUNT * 3 };

/* The demo's longest chain, with an alignment of three rows and templates of its own. */
typedef struct {
    rt_dataset *set;
    rt_pool *pool;
    rt_predictor *predictor;
    rt_template_file *templates;
    rt_arena *arena;
    int64_t number;
} bench;

static void write_alignment(const char *path, const char *sequence)
{
    rt_text text = {0};
    rt_err err;
    rt_text_add(&text, ">query\n%.5s--%s\n>same\n%.5s--%s\n>other\n", sequence, sequence + 5, sequence, sequence + 5);
    for (size_t i = 0; i < strlen(sequence) + 2; i++) rt_text_add(&text, "%c", i % 3 ? 'G' : '-');
    rt_text_add(&text, "\n");
    expect_ok(rt_write_text(path, text.data, text.length, &err), &err);
    rt_text_free(&text);
}

static void write_templates(const char *path, const rt_target *t)
{
    rt_text text = {0};
    rt_err err;
    rt_text_add(&text, "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2\n");
    for (int64_t i = 0; i < t->length; i++) {
        const float *c1 = rt_target_c1(t, 0, i);
        rt_text_add(&text, "%s_%d,%c,%d", t->id, (int)i + 1, t->sequence[i], (int)i + 1);
        for (int k = 0; k < 6; k++) rt_text_add(&text, ",%.3f", (double)c1[k % 3] + 5 * k);
        rt_text_add(&text, "\n");
    }
    expect_ok(rt_write_text(path, text.data, text.length, &err), &err);
    rt_text_free(&text);
}

/* The imported target again, with an alignment. */
static rt_dataset *add_alignment(const rt_target *from)
{
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_err err;
    char folder[400], msa[400];
    rt_target t = *from;
    snprintf(folder, sizeof folder, "%s", test_path("one"));
    snprintf(msa, sizeof msa, "%s", test_path("one.fasta"));
    write_alignment(msa, t.sequence);
    t.number = 0, t.msa = msa, t.n_conformation = 1;
    expect_ok(rt_dataset_writer_open(&writer, folder, "plan", &err), &err);
    expect_ok(rt_dataset_writer_add(writer, &t, rt_target_xyz(from, 0), &err), &err);
    expect_ok(rt_dataset_writer_commit(writer, &err), &err);
    expect_ok(rt_dataset_open(&set, folder, &err), &err);
    return set;
}

static void open_bench(bench *b)
{
    rt_err err;
    rt_dataset *all;
    rt_import_options import = {.folder = "examples/demo/structures", .out = test_path("all"), .max_breaks = -1};
    rt_predictor_options predict = {.method = RT_PREDICT_ETERNAFOLD, .min_prob = 0.01};
    int64_t longest = 0;
    *b = (bench){0};
    rt_log_set_level(RT_LOG_QUIET);
    if (!rt_dataset_is_there(test_path("all"))) expect_ok(rt_import_structures(&import, &err), &err);
    expect_ok(rt_dataset_open(&all, test_path("all"), &err), &err);
    for (int64_t i = 0; i < rt_dataset_count(all); i++)
        if (rt_dataset_at(all, i)->length > rt_dataset_at(all, longest)->length) longest = i;
    if (!rt_dataset_is_there(test_path("one"))) b->set = add_alignment(rt_dataset_at(all, longest));
    else expect_ok(rt_dataset_open(&b->set, test_path("one"), &err), &err);
    rt_dataset_close(all);
    write_templates(test_path("templates.csv"), rt_dataset_at(b->set, 0));
    expect_ok(rt_template_file_open(&b->templates, test_path("templates.csv"), &err), &err);
    expect_ok(rt_pool_create(&b->pool, 2, &err), &err);
    expect_ok(rt_predictor_open(&b->predictor, &predict, &err), &err);
    expect_ok(rt_arena_create(&b->arena, "test", (int64_t)1 << 30, &err), &err);
}

static void close_bench(bench *b)
{
    rt_arena_free(b->arena);
    rt_predictor_close(b->predictor);
    rt_pool_free(b->pool);
    rt_template_file_close(b->templates);
    rt_dataset_close(b->set);
}

static rt_augment_set *open_augment(const bench *b, const char *text)
{
    rt_augment_set *set;
    rt_err err;
    rt_augment_set_options o = {.set = b->set, .target = &b->number, .n_target = 1, .variants = 4,
                                .opt_predictor = b->predictor, .longest = 1000, .plan = {.seed = 3}};
    expect_ok(rt_augment_plan_add(&o.plan, text, &err), &err);
    expect_ok(rt_augment_set_open(&set, &o, b->pool, &err), &err);
    return set;
}

static rt_sample build(const bench *b, const rt_augment_set *opt_set, uint64_t number, int64_t crop)
{
    rt_sample sample;
    rt_err err;
    rt_draw_key key = {.seed = 3, .stream = rt_hash_text(rt_dataset_at(b->set, 0)->id), .number = number};
    rt_sample_options o = {.crop = crop, .opt_templates = b->templates, .conformers = rt_conformers_default(),
                           .template_missing = RT_TEMPLATE_MISSING_ORIGIN, .opt_augment = opt_set};
    expect_ok(rt_sample_build(&sample, b->arena, &o, rt_dataset_at(b->set, 0), &key, false, &err), &err);
    return sample;
}

static int64_t msa_at(const rt_sample *s, int64_t row, int64_t column)
{
    return ((const uint8_t *)s->features.msa.data)[row * s->features.n_token + column];
}

static void same_bytes(rt_tensor a, rt_tensor b)
{
    assert_int_equal(rt_bytes(a), rt_bytes(b));
    assert_memory_equal(a.data, b.data, (size_t)rt_bytes(a));
}

/* Tokens, alignment, profile, atoms and label follow the new letters; templates do not. */
static void everything_follows_the_sequence(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    rt_augment_set *set = open_augment(&b, "compensatory:p=1,helix=1,pair=1,relax=probability");
    const rt_target *t = rt_dataset_at(b.set, 0);
    int64_t changed = 0;
    for (uint64_t number = 0; number < 6; number++) {
        rt_sample s = build(&b, set, number, 40), native = build(&b, NULL, number, 40);
        const rt_features *f = &s.features;
        assert_int_equal(s.start, native.start);
        same_bytes(f->template_coords, native.features.template_coords);
        for (int64_t i = 0; i < f->n_token; i++) {
            char letter = s.input.sequence[i];
            int64_t column = i + s.start;   /* of the target; the alignment has two gaps before residue 5 */
            changed += letter != t->sequence[column];
            assert_int_equal(((const int64_t *)f->tokenized_seq.data)[i], rt_base_index(letter));
            assert_true(rt_get(f->restype, 32 * i + rt_restype_class(rt_base_index(letter))) == 1);
            if (native.input.sequence[i] != letter) assert_true(letter != t->sequence[column]);
        }
        for (int64_t i = 0; i < f->n_token; i++) {
            int64_t column = i + s.start, residue = column < 5 ? column : column - 2;   /* rows are cut by position */
            bool gap = column == 5 || column == 6;
            int64_t at = residue - s.start;
            if (!gap && at >= 0) assert_int_equal(msa_at(&s, 0, i), rt_restype_class(rt_base_index(s.input.sequence[at])));
            if (gap) assert_int_equal(msa_at(&s, 0, i), RT_MSA_GAP);
            for (int64_t row = 1; row < 3; row++) assert_int_equal(msa_at(&s, row, i), msa_at(&native, row, i));
        }
        for (int64_t a = 0; a < f->n_atom; a++) {
            int64_t i = ((const int64_t *)f->atom_to_token_idx.data)[a];
            char name[5];
            rt_label_atom_name(name, f, a);
            bool seen = ((const uint8_t *)s.label.coordinate_mask.data)[a];
            if (strcmp(name, "OP3") != 0 && s.input.sequence[i] != t->sequence[s.start + i]) assert_true(seen);
            if (strcmp(name, "C1'") == 0 && seen)
                for (int d = 0; d < 3; d++)
                    assert_true((float)rt_get(s.label.coordinate, 3 * a + d) == rt_target_c1(t, 0, s.start + i)[d]);
        }
        assert_int_equal(s.augmented.of[RT_AUGMENT_COMPENSATORY].drawn, 1);
        rt_sample_free_members(&s);
        rt_sample_free_members(&native);
    }
    print_message("note: %lld changed residues in 6 crops of 40\n", (long long)changed);
    assert_true(changed > 10);
    rt_augment_set_close(set);
    close_bench(&b);
}

static double template_distance(const rt_sample *s, int64_t t, int64_t i, int64_t j)
{
    double sum = 0;
    const int64_t n = s->features.n_token;
    for (int d = 0; d < 3; d++)
        sum += pow(rt_get(s->features.template_coords, 3 * (t * n + i) + d) -
                       rt_get(s->features.template_coords, 3 * (t * n + j) + d), 2);
    return sqrt(sum);
}

static void noise_goes_where_it_is_switched(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    rt_sample native = build(&b, NULL, 0, 0);
    rt_augment_set *turn = open_augment(&b, "noise:p=1,sigma=0"), *shake = open_augment(&b, "noise:p=1,sigma=1");
    rt_augment_set *label = open_augment(&b, "noise:p=1,sigma=1,templates=off,labels=on"), *never = open_augment(&b, "noise:p=0");
    rt_sample turned = build(&b, turn, 0, 0), shaken = build(&b, shake, 0, 0), labelled = build(&b, label, 0, 0);
    rt_sample none = build(&b, never, 0, 0);
    double by_turn = 0, by_noise = 0, apart = 0;
    for (int64_t t = 0; t < RT_TRAIN_TEMPLATES; t++)
        for (int64_t i = 0; i < native.features.n_token; i++)
            for (int64_t j = 0; j < i; j++) {
                double d = template_distance(&native, t, i, j);
                by_turn = fmax(by_turn, fabs(template_distance(&turned, t, i, j) - d));
                by_noise = fmax(by_noise, fabs(template_distance(&shaken, t, i, j) - d));
                if (t) apart = fmax(apart, fabs(template_distance(&shaken, t, i, j) - template_distance(&shaken, 0, i, j)));
            }
    assert_true(by_turn < 1e-3 && by_noise > 1 && apart > 1);   /* the templates are copies: each has its own noise */
    assert_true(memcmp(turned.features.template_coords.data, native.features.template_coords.data,
                       (size_t)rt_bytes(native.features.template_coords)) != 0);
    same_bytes(shaken.label.coordinate, native.label.coordinate);
    same_bytes(labelled.features.template_coords, native.features.template_coords);
    same_bytes(none.features.template_coords, native.features.template_coords);
    assert_true(memcmp(labelled.label.coordinate.data, native.label.coordinate.data,
                       (size_t)rt_bytes(native.label.coordinate)) != 0);
    const rt_augment_count *c = &labelled.augmented.of[RT_AUGMENT_NOISE];
    print_message("note: noise of 1 A on a label of %lld residues breaks %lld bonds\n", (long long)native.features.n_token,
                  (long long)c->broken_bonds);
    assert_true(c->applied == 1 && c->broken_bonds > 0 && shaken.augmented.of[RT_AUGMENT_NOISE].broken_bonds == 0);
    assert_true(none.augmented.of[RT_AUGMENT_NOISE].drawn == 0);
    rt_sample *const all[] = {&native, &turned, &shaken, &labelled, &none};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) rt_sample_free_members(all[i]);
    rt_augment_set_close(turn);
    rt_augment_set_close(shake);
    rt_augment_set_close(label);
    rt_augment_set_close(never);
    close_bench(&b);
}

/* A run taken up at sample 5 gets what an uninterrupted one gets; samples draw from the closed list of variants. */
static void samples_do_not_depend_on_where_one_begins(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    rt_augment_set *set = open_augment(&b, "compensatory:p=0.7,helix=1,pair=1,relax=probability");
    const rt_augmented *list = rt_augment_set_record(set);
    rt_loader_options o = {.set = b.set, .target = &b.number, .n_target = 1, .seed = 3, .depth = 2,
                           .sample_memory = (int64_t)1 << 26,
                           .sample = {.conformers = rt_conformers_default(), .opt_templates = b.templates,
                                      .opt_augment = set}};
    char *seen[12];
    int64_t changed = 0;
    rt_err err;
    for (int64_t first = 0; first <= 5; first += 5) {
        rt_loader *loader;
        expect_ok(rt_loader_open(&loader, &o, first, &err), &err);
        for (int64_t k = first; k < 12; k++) {
            rt_loader_item item;
            expect_ok(rt_loader_next(loader, &item, &err), &err);
            if (first == 0) seen[k] = strdup(item.sample->input.sequence);
            assert_string_equal(item.sample->input.sequence, seen[k]);
            bool listed = strcmp(seen[k], rt_dataset_at(b.set, 0)->sequence) == 0;
            changed += !listed && first == 0;
            for (int64_t i = 0; i < list->n && !listed; i++) listed = strcmp(list->row[i].sequence, seen[k]) == 0;
            assert_true(listed);
        }
        rt_loader_close(loader);
    }
    assert_true(changed > 4 && changed < 12);
    for (int k = 0; k < 12; k++) free(seen[k]);
    rt_augment_set_close(set);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_follows_the_sequence),
        cmocka_unit_test(noise_goes_where_it_is_switched),
        cmocka_unit_test(samples_do_not_depend_on_where_one_begins),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
