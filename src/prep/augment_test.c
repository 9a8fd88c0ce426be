#include "io/io_test.h"
#include "io/test_files.h"

#include "prep/augment_test.h"

#include "base/clock.h"
#include "prep/base_fit.h"
#include "prep/helices.h"
#include "prep/nucleobase.h"
#include "score/clash.h"

/* ---- plans -------------------------------------------------------------------------------------------------------- */

static void plan_is_read_and_printed(void **state)
{
    (void)state;
    rt_augment_plan plan = {0};
    rt_text text = {0};
    rt_err err;
    expect_ok(rt_augment_plan_add(&plan, "noise:p=0.25,sigma=1", &err), &err);
    expect_ok(rt_augment_plan_add(&plan, "compensatory:relax=canonical+a-minor,min-p=0.9", &err), &err);
    rt_augment_plan_print(&text, &plan);
    assert_string_equal(text.data, "noise:p=0.25,sigma=1,correlation=5,templates=on,labels=off\n"
                                   "compensatory:p=0.5,helix=0.8,pair=0.5,min-p=0.9,bonds=0.3,relax=canonical+a-minor\n");
    rt_text_clear(&text);
    rt_augment_plan again = {0};
    expect_ok(rt_augment_plan_add(&again, "noise", &err), &err);
    rt_augment_plan_print(&text, &again);
    assert_string_equal(text.data, "noise:p=0.5,sigma=0.5-1.5,correlation=5,templates=on,labels=off\n");
    rt_text_free(&text);
}

static void plan_names_what_is_wrong(void **state)
{
    (void)state;
    static const struct { const char *text, *what, *hint; } CASE[] = {
        {"compensatry", "there is no augmentation 'compensatry'", "did you mean 'compensatory'?"},
        {"zzz", "there is no augmentation 'zzz'", "there are: noise, compensatory, loop, homolog"},
        {"noise:sigam=1", "augmentation noise has no key 'sigam'", "did you mean 'sigma'?"},
        {"noise:sigma=99", "sigma=99; a number from 0 to 10, or two as 0.5-1.5, was expected", ""},
        {"noise:sigma=1.5-0.5", "sigma=1.5-0.5", ""},
        {"noise:sigma=-1", "sigma=-1", ""},
        {"noise:labels=yes", "labels=yes; on or off was expected", ""},
        {"noise:p", "'p' is not of the form key=value", ""},
        {"noise:p=1,p=0", "p is given twice", ""},
        {"loop:p=nan", "p=nan; a number from 0 to 1 was expected", ""},
        {"compensatory:relax=minor", "relax knows no 'minor'", "did you mean 'a-minor'?"},
    };
    for (size_t k = 0; k < sizeof CASE / sizeof *CASE; k++) {
        rt_augment_plan plan = {0};
        rt_err err = {0};
        assert_int_equal(rt_augment_plan_add(&plan, CASE[k].text, &err), RT_ERR_USAGE);
        expect_word(err.what, CASE[k].what);
        expect_word(err.hint, CASE[k].hint);
        assert_int_equal(plan.on, 0);
    }
    rt_augment_plan plan = plan_of("loop");
    rt_err err;
    assert_int_equal(rt_augment_plan_add(&plan, "loop:p=1", &err), RT_ERR_USAGE);
    expect_word(err.what, "loop is given twice");
}

/* The names of conditions stand in the files of the augmentations: bit for bit those of the annotation. */
static void conditions_are_the_annotation_s(void **state)
{
    (void)state;
    for (int kind = RT_AUGMENT_COMPENSATORY; kind <= RT_AUGMENT_LOOP; kind++) {
        const rt_augment_key *key = rt_augmentation_of((rt_augment_kind)kind)->key;
        while (strcmp(key->name, "relax") != 0) key++;
        const char *const *names = key->names;
        while (strcmp(*names, "a-minor") != 0) names++;
        for (int k = 0; k < RT_TERTIARY_KINDS; k++) assert_string_equal(names[k], rt_tertiary_name(1u << k));
        assert_null(names[RT_TERTIARY_KINDS]);
    }
}

/* ---- noise -------------------------------------------------------------------------------------------------------- */

enum { MANY = 20000, POINTS = 3 };

static void noise_has_the_spread_it_says(void **state)
{
    (void)state;
    rt_augment_plan plan = plan_of("noise:sigma=1.2,correlation=4");
    rt_augment_noise_key key = {.seed = 1, .stream = 2, .number = 3};
    rt_err err;
    float *xyz = rt_alloc(3 * POINTS * MANY, sizeof *xyz, &err), *again = rt_alloc(3 * POINTS * MANY, sizeof *xyz, &err);
    double sum = 0, next = 0, far = 0;
    for (int64_t i = 0; i < 3 * POINTS * MANY; i++) xyz[i] = again[i] = (float)(1 + i % 97);
    for (int k = 0; k < 3; k++) xyz[3 * POINTS * 7 + k] = 0, xyz[3 * POINTS * 8 + k] = NAN;
    assert_int_equal(rt_augment_noise(xyz, MANY, POINTS, false, &plan, &key), MANY);
    for (int k = 0; k < 3; k++) {
        assert_true(xyz[3 * POINTS * 7 + k] == 0);
        assert_true(isnan(xyz[3 * POINTS * 8 + k]));
    }
    for (int64_t i = 20; i + 4 < MANY; i++) {
        const int64_t at = 3 * POINTS * i;
        double step = (double)xyz[at] - (double)again[at];
        for (int p = 1; p < POINTS; p++)   /* rigidly */
            assert_true(fabs((double)xyz[at + 3 * p] - (double)again[at + 3 * p] - step) < 1e-4);
        sum += step * step;
        next += step * ((double)xyz[at + 3 * POINTS] - (double)again[at + 3 * POINTS]);
        far += step * ((double)xyz[at + 12 * POINTS] - (double)again[at + 12 * POINTS]);
    }
    double sigma = sqrt(sum / (MANY - 24)), one = next / sum, four = far / sum;
    print_message("note: sigma 1.2 gives %.3f, neighbours correlate %.3f (exp(-1/4) = 0.779), over four %.3f (0.368)\n", sigma,
                  one, four);
    assert_true(fabs(sigma - 1.2) < 0.06 && fabs(one - 0.7788) < 0.02 && fabs(four - 0.3679) < 0.05);
    for (int64_t i = 0; i < 3 * POINTS * MANY; i++) xyz[i] = again[i];
    rt_augment_noise(xyz, 50, POINTS, true, &plan, &key);
    rt_augment_noise(again, 50, POINTS, true, &plan, &key);
    assert_memory_equal(xyz, again, 3 * POINTS * 50 * sizeof *xyz);
    key.part = 1;
    rt_augment_noise(again, 50, POINTS, true, &plan, &key);
    assert_true(memcmp(xyz, again, 3 * POINTS * 50 * sizeof *xyz) != 0);
    free(xyz);
    free(again);
}

static double point_distance(const float *xyz, int64_t a, int64_t b)
{
    double sum = 0;
    for (int d = 0; d < 3; d++) sum += pow((double)xyz[3 * a + d] - (double)xyz[3 * b + d], 2);
    return sqrt(sum);
}

/* Without noise the motion is rigid, and it is one: nothing stays where it was. */
static void turn_keeps_distances(void **state)
{
    (void)state;
    enum { N = 60 };
    rt_augment_plan plan = plan_of("noise:sigma=0");
    rt_rng rng = rt_rng_make(1, 2, 3, RT_DRAW_INIT_NOISE);
    float xyz[3 * N], before[3 * N];
    for (int k = 0; k < 3 * N; k++) xyz[k] = before[k] = (float)(20 * rt_rng_normal(&rng, (uint64_t)k));
    rt_augment_noise_key key = {.seed = 5};
    rt_augment_noise(xyz, N, 1, true, &plan, &key);
    for (int64_t a = 0; a < N; a++) {
        assert_true(fabs((double)xyz[3 * a] - (double)before[3 * a]) > 1e-3);
        for (int64_t b = 0; b < a; b++)
            assert_true(fabs(point_distance(xyz, a, b) - point_distance(before, a, b)) < 2e-4);
    }
    for (int d = 0; d < 3; d++) before[3 * 4 + d] = 0;   /* a missing residue: the others keep their distance from it, too */
    memcpy(xyz, before, sizeof xyz);
    rt_augment_noise(xyz, N, 1, true, &plan, &key);
    for (int64_t a = 0; a < N; a++) {
        assert_true(a == 4 || fabs((double)xyz[3 * a] - (double)before[3 * a]) > 1e-3);
        assert_true(fabs(point_distance(xyz, a, 4) - point_distance(before, a, 4)) < 2e-4);
    }
}

/* ---- variants ----------------------------------------------------------------------------------------------------- */

static void make(rt_augment_example *e, rt_augment_log *opt_log, const rt_augment_plan *plan, const corpus *c, int64_t target,
                 int64_t variant)
{
    rt_err err;
    rt_augment_draw draw = {.kinds = rt_augment_sequence_bits(plan), .variant = variant};
    expect_ok(rt_augment_make(e, NULL, opt_log, plan, rt_dataset_at(c->set, target), &c->map[target], NULL, &draw, &err),
              &err);
}

static void variant_is_a_function_of_its_number(void **state)
{
    (void)state;
    rt_augment_plan plan = plan_of("compensatory:relax=probability,helix=1"), other = plan;
    int64_t differs = 0, differs_by_seed = 0;
    rt_err err;
    expect_ok(rt_augment_plan_add(&plan, "loop", &err), &err);
    other = plan;
    other.seed++;
    for (int64_t i = 0; i < demo.n; i++) {
        rt_augment_example a, b, c, d;
        make(&a, NULL, &plan, &demo, i, 0);
        make(&b, NULL, &plan, &demo, i, 0);
        make(&c, NULL, &plan, &demo, i, 1);
        make(&d, NULL, &other, &demo, i, 0);
        assert_string_equal(a.sequence, b.sequence);
        assert_memory_equal(a.xyz, b.xyz, (size_t)(a.length * STRIDE) * sizeof *a.xyz);
        differs += strcmp(a.sequence, c.sequence) != 0;
        differs_by_seed += strcmp(a.sequence, d.sequence) != 0;
        rt_augment_example_free_members(&a);
        rt_augment_example_free_members(&b);
        rt_augment_example_free_members(&c);
        rt_augment_example_free_members(&d);
    }
    assert_true(differs > demo.n / 2 && differs_by_seed > demo.n / 2);
}

/* A base that is rebuilt has the atoms of its letter and no others. */
static void rebuilt_bases_have_their_atoms(void **state)
{
    (void)state;
    rt_augment_plan plan = plan_of("compensatory:relax=probability,helix=1,pair=1");
    int64_t changed = 0;
    for (int64_t i = 0; i < demo.n; i++) {
        rt_augment_example e;
        make(&e, NULL, &plan, &demo, i, 0);
        const char *native = rt_dataset_at(demo.set, i)->sequence;
        for (int64_t r = 0; r < e.length; r++) {
            const float *at = e.xyz + r * STRIDE;
            if (native[r] == e.sequence[r]) {
                assert_memory_equal(at, rt_target_xyz(rt_dataset_at(demo.set, i), 0) + r * STRIDE, STRIDE * sizeof *at);
                continue;
            }
            char letter = e.sequence[r];
            assert_int_equal(isfinite(at[3 * RT_SLOT_N9]) != 0, letter == 'A' || letter == 'G');
            assert_int_equal(isfinite(at[3 * RT_SLOT_N6]) != 0, letter == 'A');
            assert_int_equal(isfinite(at[3 * RT_SLOT_N2]) != 0, letter == 'G');
            assert_int_equal(isfinite(at[3 * RT_SLOT_N4]) != 0, letter == 'C');
            assert_int_equal(isfinite(at[3 * RT_SLOT_O4]) != 0, letter == 'U');
            changed++;
        }
        rt_augment_example_free_members(&e);
    }
    print_message("note: %lld bases changed in %lld chains\n", (long long)changed, (long long)demo.n);
    assert_true(changed > 40);
}

static int64_t count_made(const char *text)
{
    rt_augment_plan plan = plan_of(text);
    int64_t n = 0;
    for (int64_t i = 0; i < demo.n; i++) {
        rt_augment_example e;
        rt_augment_log log = {0};
        make(&e, &log, &plan, &demo, i, 0);
        for (int64_t k = 0; k < log.n; k++) n += log.change[k].reason == RT_REASON_NONE;
        rt_augment_log_free_members(&log);
        rt_augment_example_free_members(&e);
    }
    return n;
}

static void relaxed_conditions_let_more_through(void **state)
{
    (void)state;
    int64_t strict = count_made("compensatory:helix=1,pair=1"), p = count_made("compensatory:helix=1,pair=1,min-p=0.5");
    int64_t any_p = count_made("compensatory:helix=1,pair=1,relax=probability");
    int64_t all = count_made("compensatory:helix=1,pair=1,relax=probability+tertiary");
    int64_t kind = count_made("compensatory:helix=1,pair=1,relax=probability+a-minor+ribose+long-range+base");
    int64_t bonds = count_made("compensatory:helix=1,pair=1,relax=probability,bonds=0");
    int64_t loop = count_made("loop:share=1"), any_loop = count_made("loop:share=1,relax=tertiary");
    print_message("note: pairs made: %lld strictly, %lld with p >= 0.5, %lld with any p, %lld with tertiary contacts, %lld with "
                  "some kinds; with hydrogen bonds no worse at all %lld; loop residues %lld, %lld with contacts\n",
                  (long long)strict, (long long)p, (long long)any_p, (long long)all, (long long)kind, (long long)bonds,
                  (long long)loop, (long long)any_loop);
    assert_true(strict < p && p < any_p && any_p < kind && kind <= all && bonds < any_p && loop < any_loop);
}

static void loops_change_by_their_share(void **state)
{
    (void)state;
    rt_augment_plan plan = plan_of("loop");
    for (int64_t i = 0; i < demo.n; i++)
        for (int64_t v = 0; v < 30; v++) {
            rt_augment_example e;
            make(&e, NULL, &plan, &demo, i, v);
            const char *native = rt_dataset_at(demo.set, i)->sequence;
            for (int64_t l = 0; l < demo.map[i].n_loop; l++) {
                const rt_fold_loop *loop = &demo.map[i].loop[l];
                int64_t n = 0;
                for (int64_t r = loop->first; r < loop->first + loop->n; r++) n += native[r] != e.sequence[r];
                assert_true((double)n <= 0.4 * loop->n);
                assert_true(n == 0 || loop->n > 6);
                assert_true(native[loop->first] == e.sequence[loop->first]);
                assert_true(native[loop->first + loop->n - 1] == e.sequence[loop->first + loop->n - 1]);
            }
            rt_augment_example_free_members(&e);
        }
}

/* ---- contacts that are known ---------------------------------------------------------------------------------------- */

/* How often each residue changes when everything is drawn, many times; probability is no protection here. */
static void count_changes(int64_t *out_count, const corpus *c, int64_t target, const char *compensatory, const char *loop)
{
    rt_augment_plan plan = plan_of(compensatory);
    rt_err err;
    const rt_target *t = rt_dataset_at(c->set, target);
    expect_ok(rt_augment_plan_add(&plan, loop, &err), &err);
    for (int64_t v = 0; v < 40; v++) {
        rt_augment_example e;
        make(&e, NULL, &plan, c, target, v);
        for (int64_t i = 0; i < t->length; i++) out_count[i] += e.sequence[i] != t->sequence[i];
        rt_augment_example_free_members(&e);
    }
}

static const char ALL_PAIRS[] = "compensatory:helix=1,pair=1,relax=probability", ALL_LOOPS[] = "loop:share=1,longer-than=4";

/* residue: the authors' numbers, 0 at the end; first: that of the sequence's first residue. */
static void expect_untouched(const corpus *c, const char *id, int first, const int *residue, const char *what)
{
    const rt_target *t = rt_dataset_find(c->set, id);
    assert_non_null(t);
    int64_t count[512] = {0}, relaxed[512] = {0}, touched = 0, would = 0, known = 0;
    count_changes(count, c, t->number, ALL_PAIRS, ALL_LOOPS);
    count_changes(relaxed, c, t->number, "compensatory:helix=1,pair=1,relax=probability+tertiary,bonds=5",
                  "loop:share=1,longer-than=4,relax=tertiary");
    for (int64_t i = 0; i < t->length; i++) touched += count[i] > 0;
    for (int k = 0; residue[k]; k++, known++) {
        if (count[residue[k] - first])
            fail_msg("%s: residue %d (%s) was changed %lld times", id, residue[k], what,
                     (long long)count[residue[k] - first]);
        would += relaxed[residue[k] - first] > 0;
    }
    print_message("note: %s, %s: none of %lld residues changed, %lld others did; with contacts relaxed %lld of them change\n",
                  id, what, (long long)known, (long long)touched, (long long)would);
    assert_true(touched > 0);
    assert_true(would > 0 || strstr(what, "tetraloop"));   /* it is the contacts that keep them, not something else */
}

static void known_contacts_stay(void **state)
{
    (void)state;
    char folder[4096];
    corpus c;
    snprintf(folder, sizeof folder, "%s", shared("data/structures/1gid.cif.gz"));
    *strrchr(folder, '/') = 0;
    open_folder(&c, folder, "known", test_file("list", "1gid.cif.gz\n1ehz.cif.gz\n"));
    /* P4-P6 domain, J. H. Cate et al., Science 273:1678 (1996) */
    const rt_target *p4p6 = rt_dataset_at(c.set, 0)->length == 158 ? rt_dataset_at(c.set, 0) : rt_dataset_at(c.set, 1);
    assert_memory_equal(p4p6->sequence + 150 - 103, "GAAA", 4);
    static const int TETRALOOP[] = {150, 151, 152, 153, 0}, RECEPTOR[] = {223, 224, 225, 226, 248, 249, 250, 0};
    static const int A_MINOR[] = {183, 184, 186, 187, 0};
    expect_untouched(&c, p4p6->id, 103, TETRALOOP, "GAAA tetraloop");
    expect_untouched(&c, p4p6->id, 103, RECEPTOR, "its receptor");
    expect_untouched(&c, p4p6->id, 103, A_MINOR, "A-rich bulge, A-minor");
    /* yeast tRNA-Phe, H. Shi, P. B. Moore, RNA 6:1091 (2000): triples, the D-T loops' pairs, Levitt's pair */
    static const int TRIPLES[] = {8, 14, 21, 9, 12, 23, 13, 22, 46, 0}, LOOPS[] = {18, 55, 19, 56, 15, 48, 54, 58, 26, 44, 0};
    expect_untouched(&c, "1EHZ_A", 1, TRIPLES, "base triples");
    expect_untouched(&c, "1EHZ_A", 1, LOOPS, "pairs between loops");
    close_corpus(&c);
}

/* ---- bases that cannot be rebuilt ---------------------------------------------------------------------------------- */

static void open_trna(corpus *c, const char *name)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", shared("data/structures/1ehz.cif.gz"));
    *strrchr(folder, '/') = 0;
    open_folder(c, folder, name, test_file("list", "1ehz.cif.gz\n"));
}

/* Pseudouridines 39 and 55, an U by the letter, stand on their C5; all other bases can be rebuilt. */
static void pseudouridine_is_unresolved(void **state)
{
    (void)state;
    corpus c;
    open_trna(&c, "pseudouridine");
    const rt_target *t = rt_dataset_find(c.set, "1EHZ_A");
    assert_true(t->sequence[38] == 'U' && t->sequence[54] == 'U');
    for (int64_t i = 0; i < t->length; i++)
        for (int k = 0; k < 4; k++) {
            float r[STRIDE];
            memcpy(r, rt_target_xyz(t, 0) + i * STRIDE, sizeof r);
            assert_int_equal(rt_nucleobase_replace(r, t->sequence[i], "ACGU"[k]), i != 38 && i != 54);
        }
    close_corpus(&c);
}

/* A homolog's letter there has no label, nor has the pair's other base. */
static void pseudouridine_of_a_homolog_is_masked(void **state)
{
    (void)state;
    corpus c;
    open_trna(&c, "homolog");
    const rt_target *t = rt_dataset_find(c.set, "1EHZ_A");
    rt_augment_plan plan = plan_of("homolog");
    rt_augment_draw draw = {.kinds = RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG)};
    rt_augment_example e;
    rt_err err;
    char letters[77];
    rt_homolog one = {.name = (char *)(uintptr_t)"one", .letters = letters};
    rt_homologs homologs = {.homolog = &one, .n = 1};
    snprintf(letters, sizeof letters, "%s", t->sequence);
    letters[38] = letters[54] = 'C';
    expect_ok(rt_augment_make(&e, NULL, NULL, &plan, t, &c.map[0], &homologs, &draw, &err), &err);
    assert_string_equal(e.sequence, letters);
    for (int k = 0; k < 2; k++) {
        const float *r = e.xyz + (k ? 54 : 38) * STRIDE;
        assert_true(isnan(r[3 * RT_SLOT_N1]) && isfinite(r[3 * RT_SLOT_C1P]));
    }
    rt_augment_example_free_members(&e);
    close_corpus(&c);
}

static int64_t count_clashes(const char *sequence, const float *xyz)
{
    rt_molecule molecule;
    rt_err err;
    double score;
    int64_t n;
    expect_ok(rt_fold_map_molecule(&molecule, sequence, xyz, RT_SLOT_COUNT, "", &err), &err);
    expect_ok(rt_clash(&score, &n, &molecule, &err), &err);
    rt_molecule_free_members(&molecule);
    return n;
}

/* Predicted pairs that the structure has not: what would clash is left, too.  Counted by score/clash, which does not
 * decide. */
static void pairs_that_are_not_there_do_not_clash(void **state)
{
    (void)state;
    rt_augment_plan plan = plan_of("compensatory:helix=1,pair=1,min-p=0,relax=canonical+probability+tertiary");
    int64_t made = 0, left = 0, worse = 0, most = 0;
    corpus c;
    open_trna(&c, "predicted");
    const rt_target *t = rt_dataset_at(c.set, 0);
    int64_t native = count_clashes(t->sequence, rt_target_xyz(t, 0));
    for (int64_t v = 0; v < 20; v++) {
        rt_augment_example e;
        rt_augment_log log = {0};
        make(&e, &log, &plan, &c, 0, v);
        for (int64_t k = 0; k < log.n; k++) {
            const rt_augment_change *change = &log.change[k];
            if (change->i < 0 || c.map[0].partner[change->i] == change->j) continue;
            made += change->reason == RT_REASON_NONE, left += change->reason == RT_REASON_CLASH;
            assert_true(isnan(change->bonds_before) && isnan(change->bonds_after));   /* of no pair */
        }
        int64_t clashes = count_clashes(e.sequence, e.xyz);
        worse += clashes > native;
        most = clashes > most ? clashes : most;
        rt_augment_log_free_members(&log);
        rt_augment_example_free_members(&e);
    }
    print_message("note: predicted pairs that are not there: %lld made, %lld would clash; clashes %lld at most, native %lld\n",
                  (long long)made, (long long)left, (long long)most, (long long)native);
    assert_int_equal(worse, 0);
    assert_true(made > 0 && left > 0);
    close_corpus(&c);
}

/* Every Watson-Crick pair of the structure alone: its 5' purine a pyrimidine, or the other way round. */
static void homologs_keep_pairs_both_ways(void **state)
{
    (void)state;
    static const char *const PAIRS[] = {"GC", "AU", "CG", "UA"};
    corpus c;
    open_trna(&c, "both_ways");
    const rt_target *t = rt_dataset_find(c.set, "1EHZ_A");
    rt_augment_plan plan = plan_of("homolog");
    rt_augment_draw draw = {.kinds = RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG)};
    int64_t pairs[2] = {0}, kept[2] = {0};
    for (int64_t i = 0; i < t->length; i++) {
        const int64_t j = c.map[0].partner[i];
        if (j < i) continue;
        for (int k = 0; k < 4; k++) {
            char letters[77];
            rt_homolog one = {.name = (char *)(uintptr_t)"one", .letters = letters};
            rt_homologs homologs = {.homolog = &one, .n = 1};
            rt_augment_example e;
            rt_err err;
            const bool to_purine = k < 2, was_purine = strchr("AG", t->sequence[i]) != NULL;
            if (to_purine == was_purine || !rt_base_fit_is_watson_crick(t->sequence[i], t->sequence[j])) continue;
            snprintf(letters, sizeof letters, "%s", t->sequence);
            letters[i] = PAIRS[k][0], letters[j] = PAIRS[k][1];
            expect_ok(rt_augment_make(&e, NULL, NULL, &plan, t, &c.map[0], &homologs, &draw, &err), &err);
            pairs[to_purine]++;
            kept[to_purine] += isfinite(e.xyz[i * STRIDE + 3 * RT_SLOT_N1]) && isfinite(e.xyz[j * STRIDE + 3 * RT_SLOT_N1]);
            assert_true(count_clashes(e.sequence, e.xyz) <= count_clashes(t->sequence, rt_target_xyz(t, 0)));
            rt_augment_example_free_members(&e);
        }
    }
    double share[2];
    for (int k = 0; k < 2; k++) share[k] = (double)kept[k] / (double)pairs[k];
    print_message("note: pairs of 1EHZ as homologs': %lld of %lld kept with a new 5' pyrimidine, %lld of %lld with a new 5' "
                  "purine\n", (long long)kept[0], (long long)pairs[0], (long long)kept[1], (long long)pairs[1]);
    assert_true(pairs[0] > 8 && pairs[1] > 8 && share[0] > 0.5 && fabs(share[0] - share[1]) < 0.3);
    close_corpus(&c);
}

static int64_t count_lost(const float *native, const float *now, int64_t n)
{
    int64_t lost = 0;
    for (int64_t i = 0; i < n; i++)
        lost += isfinite(native[i * STRIDE + 3 * RT_SLOT_N1]) && !isfinite(now[i * STRIDE + 3 * RT_SLOT_N1]);
    return lost;
}

/* The second model of an NMR entry: no more clashes than that model has, and what is masked for it is counted where the
 * letter is from. */
static void further_conformations_are_judged(void **state)
{
    (void)state;
    static const char *const PLAN[] = {"compensatory:helix=1,pair=1,relax=probability+tertiary",
                                       "loop:share=1,longer-than=4,relax=tertiary"};
    corpus c;
    rt_err err;
    open_folder(&c, "examples/base/structures", "models", test_file("list", "1ebq.cif.gz\n"));
    const rt_target *t = rt_dataset_at(c.set, 0);
    assert_int_equal(t->n_conformation, 2);
    const float *native = rt_target_xyz(t, 1);
    const int64_t native_clashes = count_clashes(t->sequence, native);
    int64_t rebuilt = 0, masked = 0, worse = 0;
    for (int k = 0; k < 2; k++)
        for (int64_t v = 0; v < 40; v++) {
            rt_augment_plan plan = plan_of(PLAN[k]);
            rt_augment_example e;
            rt_augment_tally tally = {0};
            rt_augment_draw draw = {.kinds = rt_augment_sequence_bits(&plan), .variant = v, .conformation = 1};
            expect_ok(rt_augment_make(&e, &tally, NULL, &plan, t, &c.map[0], NULL, &draw, &err), &err);
            worse += count_clashes(e.sequence, e.xyz) > native_clashes;
            int64_t lost = count_lost(native, e.xyz, t->length);
            for (int other = 0; other < RT_AUGMENTATIONS; other++)
                assert_int_equal(tally.of[other].masked, draw.kinds == RT_AUGMENT_BIT(other) ? lost : 0);
            for (int64_t i = 0; i < t->length; i++)
                rebuilt += e.sequence[i] != t->sequence[i] && isfinite(e.xyz[i * STRIDE + 3 * RT_SLOT_N1]);
            masked += lost;
            rt_augment_example_free_members(&e);
        }
    print_message("note: second model of 1EBQ: %lld bases rebuilt, %lld masked; more clashes than native in %lld of 80\n",
                  (long long)rebuilt, (long long)masked, (long long)worse);
    assert_int_equal(worse, 0);
    assert_true(rebuilt > 0 && masked > 0);
    close_corpus(&c);
}

/* Of two helices that cross, the one with fewer pairs; both when they have as many. */
static bool is_knot(const rt_helices *all_helices, const rt_helix *h)
{
    for (int64_t k = 0; k < all_helices->n; k++) {
        const rt_helix *o = &all_helices->helix[k];
        bool cross = (o->i < h->i && h->i < o->j && o->j < h->j) || (h->i < o->i && o->i < h->j && h->j < o->j);
        if (cross && o->n >= h->n) return true;
    }
    return false;
}

static void pseudoknots_stay(void **state)
{
    (void)state;
    char folder[4096];
    corpus c;
    int64_t knots = 0;
    snprintf(folder, sizeof folder, "%s", shared("data/rnaset/index.tsv"));
    *strrchr(folder, '/') = 0;
    open_folder(&c, folder, "knots", test_file("list", "2a43.cif.gz\n4pqv.cif.gz\n4jf2.cif.gz\n2qwy.cif.gz\n4znp.cif.gz\n"));
    for (int64_t k = 0; k < c.n; k++) {
        const rt_target *t = rt_dataset_at(c.set, k);
        int64_t count[512] = {0};
        rt_helices helices;
        rt_err err;
        expect_ok(rt_helices_find(&helices, c.map[k].partner, t->length, &err), &err);
        count_changes(count, &c, k, ALL_PAIRS, ALL_LOOPS);
        for (int64_t h = 0; h < helices.n; h++)
            for (int64_t m = 0; is_knot(&helices, &helices.helix[h]) && m < helices.helix[h].n; m++) {
                int64_t i = helices.helix[h].i + m, j = helices.helix[h].j - m;
                if (count[i] || count[j])
                    fail_msg("%s: pair %lld-%lld of a pseudoknot was changed", t->id, (long long)i + 1, (long long)j + 1);
                knots++;
            }
        rt_helices_free_members(&helices);
    }
    print_message("note: %lld pairs of pseudoknots in %lld chains, none changed\n", (long long)knots, (long long)c.n);
    assert_true(knots > 5);
    close_corpus(&c);
}

/* ---- homologs ------------------------------------------------------------------------------------------------------ */

static void alignment_finds_gaps(void **state)
{
    (void)state;
    int32_t place[32];
    assert_int_equal(rt_homologs_align(place, "GGGACCC", "GGGACCC"), 14);
    for (int i = 0; i < 7; i++) assert_int_equal(place[i], i);
    /* a stretch of two is missing from b: 16 matches, a gap of 5 and 1 */
    assert_int_equal(rt_homologs_align(place, "GGCAGCUUAGACCUUACG", "GGCAGCUUACCUUACG"), 32 - 6);
    int64_t missing = 0;
    for (int i = 0; i < 18; i++) missing += place[i] < 0;
    assert_int_equal(missing, 2);
    assert_int_equal(place[0], 0);
    assert_int_equal(place[17], 15);
    /* free ends */
    assert_int_equal(rt_homologs_align(place, "ACGU", "GGGGACGUCCCC"), 8);
    assert_int_equal(place[0], 4);
    assert_int_equal(rt_homologs_align(NULL, "ACGU", "GGGGACGUCCCC"), 8);
}

static void homologs_are_threaded(void **state)
{
    (void)state;
    char folder[4096];
    corpus c;
    rt_seeds seeds = {0};
    rt_homologs homologs;
    rt_err err;
    rt_homolog_rules rules = {.identity = 0.6, .gaps = 0.1, .keep = 32};
    rt_family_row row = {.target = (char *)(uintptr_t)"1EHZ_A", .family = (char *)(uintptr_t)"RF00005"};
    snprintf(folder, sizeof folder, "%s", shared("data/structures/1ehz.cif.gz"));
    *strrchr(folder, '/') = 0;
    expect_ok(rt_seeds_read(&seeds, shared("data/rfam/tRNA.sto"), &err), &err);
    open_folder(&c, folder, "trna", test_file("list", "1ehz.cif.gz\n"));
    const rt_target *t = rt_dataset_find(c.set, "1EHZ_A");
    expect_ok(rt_homologs_find(&homologs, t->id, t->sequence, &row, &seeds, &rules, &err), &err);
    assert_string_equal(homologs.family, "RF00005");
    assert_int_equal(homologs.n, 32);
    rt_augment_plan plan = plan_of("homolog");
    for (int64_t v = 0; v < 40; v++) {
        rt_augment_example e;
        rt_augment_log log = {0};
        rt_augment_tally tally = {0};
        rt_augment_draw draw = {.kinds = RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG), .variant = v};
        expect_ok(rt_augment_make(&e, &tally, &log, &plan, t, &c.map[0], &homologs, &draw, &err), &err);
        int64_t same = 0, gaps = 0, named = -1;
        for (int64_t k = 0; k < homologs.n; k++)
            if (log.n && strncmp(homologs.homolog[k].name, log.change[0].note, 60) == 0) named = k;
        assert_true(named >= 0);
        for (int64_t i = 0; i < t->length; i++) {
            bool gap = homologs.homolog[named].letters[i] == '-';
            gaps += gap;
            same += !gap && e.sequence[i] == t->sequence[i];
            assert_true(e.sequence[i] == (gap ? t->sequence[i] : homologs.homolog[named].letters[i]));
            assert_int_equal(isfinite(e.xyz[i * STRIDE + 3 * RT_SLOT_C1P]) == 0, gap);   /* gaps have no label */
        }
        assert_true((double)same >= 0.6 * (double)t->length && (double)gaps <= 0.1 * (double)t->length);
        assert_true(tally.of[RT_AUGMENT_HOMOLOG].changes > 0);
        rt_augment_log_free_members(&log);
        rt_augment_example_free_members(&e);
    }
    row.family = (char *)(uintptr_t)"RF99999";
    rt_homologs_free_members(&homologs);
    expect_ok(rt_homologs_find(&homologs, t->id, t->sequence, &row, &seeds, &rules, &err), &err);
    assert_int_equal(homologs.n, 0);
    rt_homologs_free_members(&homologs);
    rt_seeds_free_members(&seeds);
    close_corpus(&c);
}

/* ---- speed --------------------------------------------------------------------------------------------------------- */

/* The longest chains of the demo after one another, far apart, until there are 384 residues. */
static void example_of_384_takes_milliseconds(void **state)
{
    (void)state;
    enum { N = 384, ROUNDS = 40 };
    char sequence[N + 1] = "";
    rt_err err;
    rt_augment_plan plan = plan_of("compensatory:relax=probability,helix=1,pair=1");
    float *xyz = rt_alloc(N * STRIDE, sizeof *xyz, &err);
    int64_t n = 0;
    for (int64_t k = 0; n < N; k++) {
        const rt_target *t = rt_dataset_at(demo.set, k % demo.n);
        for (int64_t i = 0; i < t->length && n < N; i++, n++) {
            sequence[n] = t->sequence[i];
            for (int a = 0; a < STRIDE; a++)
                xyz[n * STRIDE + a] = rt_target_xyz(t, 0)[i * STRIDE + a] + (a % 3 ? 0 : 200.0f * (float)k);
        }
    }
    rt_target t = {.id = "long", .sequence = sequence, .length = N, .segments = "", .source = "", .n_conformation = 1,
                   .n_slot = RT_SLOT_COUNT, .xyz = xyz};
    rt_fold_map map;
    rt_augment_tally tally = {0};
    expect_ok(rt_augment_plan_add(&plan, "loop:share=1", &err), &err);
    expect_ok(rt_augment_plan_add(&plan, "noise", &err), &err);
    expect_ok(rt_fold_map_build(&map, &t, NULL, false, &err), &err);
    double each = 1e9, whole = rt_clock();   /* the fastest: the machine may have other work */
    for (int64_t v = 0; v < ROUNDS; v++) {
        rt_augment_example e;
        double begin = rt_clock();
        rt_augment_draw draw = {.kinds = rt_augment_sequence_bits(&plan), .variant = v};
        rt_augment_noise_key key = {.seed = (uint64_t)v};
        expect_ok(rt_augment_make(&e, &tally, NULL, &plan, &t, &map, NULL, &draw, &err), &err);
        rt_augment_noise(e.xyz, N, RT_SLOT_COUNT, true, &plan, &key);
        rt_augment_example_free_members(&e);
        each = fmin(each, 1e3 * (rt_clock() - begin));
    }
    whole = 1e3 * (rt_clock() - whole) / ROUNDS;
    print_message("note: 384 residues, every helix and loop drawn, %.1f pairs and %.1f loop residues changed, all atoms shaken: "
                  "%.2f ms, in the mean %.2f\n", (double)tally.of[RT_AUGMENT_COMPENSATORY].changes / ROUNDS,
                  (double)tally.of[RT_AUGMENT_LOOP].changes / ROUNDS, each, whole);
    assert_true(getenv("RT_SLOW") || each < 5);
    rt_fold_map_free_members(&map);
    free(xyz);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_is_read_and_printed),
        cmocka_unit_test(plan_names_what_is_wrong),
        cmocka_unit_test(conditions_are_the_annotation_s),
        cmocka_unit_test(noise_has_the_spread_it_says),
        cmocka_unit_test(turn_keeps_distances),
        cmocka_unit_test(variant_is_a_function_of_its_number),
        cmocka_unit_test(rebuilt_bases_have_their_atoms),
        cmocka_unit_test(relaxed_conditions_let_more_through),
        cmocka_unit_test(loops_change_by_their_share),
        cmocka_unit_test(known_contacts_stay),
        cmocka_unit_test(pseudouridine_is_unresolved),
        cmocka_unit_test(pseudouridine_of_a_homolog_is_masked),
        cmocka_unit_test(pairs_that_are_not_there_do_not_clash),
        cmocka_unit_test(homologs_keep_pairs_both_ways),
        cmocka_unit_test(further_conformations_are_judged),
        cmocka_unit_test(pseudoknots_stay),
        cmocka_unit_test(alignment_finds_gaps),
        cmocka_unit_test(homologs_are_threaded),
        cmocka_unit_test(example_of_384_takes_milliseconds),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
