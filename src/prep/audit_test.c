/* audit_test.c - a clean split passes, one planted leak of each kind is found and nothing else, training asks the
 * record */
#include "io/io_test.h"

#include <math.h>

#include "io/test_files.h"
#include "prep/audit.h"
#include "prep/set_test.h"

static rt_err err;

enum { N = 6, LENGTH = 70 };

/* Everything that an audit looks at, as the user's files. */
typedef struct {
    test_target target[N + 1];
    int64_t n;
    char sequence[N + 1][LENGTH + 20];
    char families[2000], split[1000], held[2000], augmented[2000], sources[1000];
    bool templates;          /* a template file: template 1 of T0 has the fold of template_fold */
    uint64_t template_fold;
    double template_noise;
    const char *cutoff;      /* --cutoff; NULL: none */
} world;

/* T0 .. T3 train, T4 validates, T5 tests; six families, sequences and folds that have nothing in common. */
static void make_clean(world *w)
{
    static const char *const ID[N + 1] = {"1AAA_A", "1AAB_A", "1AAC_A", "1AAD_A", "1AAE_A", "1AAF_A", "1AAG_A"};
    static const char *const PART[N] = {"train", "train", "train", "train", "validation", "test"};
    *w = (world){.n = N};
    strcpy(w->families, "target\tfamily\tcomponent\tsource\tevalue\tdomains\tnearest\tidentity\n");
    strcpy(w->split, "target\tsplit\n");
    for (int i = 0; i < N; i++) {
        test_sequence(w->sequence[i], LENGTH + i, (uint64_t)i + 1);
        w->target[i] = (test_target){.id = ID[i], .sequence = w->sequence[i], .cutoff = "2020-01-01",
                                     .fold = (uint64_t)i + 1};
        sprintf(w->families + strlen(w->families), "%s\tRF%05d\tcomponent_%d\ttable\t-\tRF%05d:1-60\t-\t-\n", ID[i], i,
                i, i);
        sprintf(w->split + strlen(w->split), "%s\t%s\n", ID[i], PART[i]);
    }
    w->target[N].id = ID[N];
    strcpy(w->held, "target_id,sequence\nR1,");
    test_sequence(w->held + strlen(w->held), 80, 99);
    strcat(w->held, "\n");
    strcpy(w->augmented, "source\ttier\tpositions\tsequence\tchange\n1AAB_A\t2\t1-3\t");
    test_sequence(w->augmented + strlen(w->augmented), 70, 77);
    strcat(w->augmented, "\tinvention seed=1\n");
    strcpy(w->sources, "target\ttemplate\tsource\tdate\n1AAA_A\t1\t9zzz_A\t2015-05-05\n");
    w->templates = true;
    w->template_fold = 50;
}

static const char *write_templates(const world *w)
{
    static char text[20000];
    float xyz[3 * (LENGTH + 20)];
    test_target t = {.id = "template", .fold = w->template_fold, .noise = w->template_noise};
    char *at = text + sprintf(text, "ID,resname,resid,x_1,y_1,z_1\n");
    test_walk(xyz, &t, LENGTH);
    for (int i = 0; i < LENGTH; i++)
        at += sprintf(at, "1AAA_A_%d,%c,%d,%.3f,%.3f,%.3f\n", i + 1, w->sequence[0][i], i + 1, (double)xyz[3 * i],
                      (double)xyz[3 * i + 1], (double)xyz[3 * i + 2]);
    return test_file("templates.csv", text);
}

/* Audits the world and writes the record beside its split. */
static rt_dataset *run(rt_audit *out, const world *w)
{
    rt_dataset *set = test_set("set", w->target, w->n);
    rt_split split;
    rt_family_table families;
    rt_held_out held = {0};
    rt_augmented augmented;
    rt_template_list sources;
    rt_template_file *templates;
    rt_pool *pool;
    expect_ok(rt_split_read(&split, test_file("split.tsv", w->split), &err), &err);
    expect_ok(rt_family_table_read(&families, test_file("families.tsv", w->families), &err), &err);
    expect_ok(rt_held_out_read(&held, test_file("held.csv", w->held), &err), &err);
    expect_ok(rt_augmented_read(&augmented, test_file("augmented.tsv", w->augmented), &err), &err);
    expect_ok(rt_template_list_read(&sources, test_file("sources.tsv", w->sources), &err), &err);
    expect_ok(rt_template_file_open(&templates, write_templates(w), &err), &err);
    expect_ok(rt_pool_create(&pool, 2, &err), &err);
    rt_audit_input in = {.set = set, .split = &split, .families = &families, .opt_held = &held,
                         .opt_augmented = &augmented,
                         .opt_templates = w->templates ? templates : NULL, .opt_sources = &sources, .identity = 0.8,
                         .chance = 1e-5, .tm = 0.45, .tm_residues = 30, .template_tm = 0.95, .opt_cutoff = w->cutoff};
    expect_ok(rt_audit_run(out, &in, pool, &err), &err);
    rt_audit_file files[] = {{"templates", test_path("templates.csv")}};
    expect_ok(rt_audit_write(out, &in, test_path("split.tsv"), files, 1, "test", &err), &err);
    rt_pool_free(pool);
    rt_template_file_close(templates);
    rt_template_list_free_members(&sources);
    rt_augmented_free_members(&augmented);
    rt_held_out_free_members(&held);
    rt_family_table_free_members(&families);
    rt_split_free_members(&split);
    return set;
}

/* The world has leaks of this kind alone; the first one's detail has `word` in it. */
static void expect_leak(const world *w, rt_leak_kind kind, const char *word)
{
    rt_audit audit;
    rt_dataset *set = run(&audit, w);
    for (int64_t i = 0; i < audit.n_leak; i++) {
        const rt_leak *l = &audit.leak[i];
        if (l->kind != kind)
            fail_msg("wanted %s, found %s: %s %s %s", rt_leak_name(kind), rt_leak_name(l->kind), l->a, l->b, l->detail);
    }
    if (!audit.n_leak) fail_msg("a planted leak (%s) was not found", rt_leak_name(kind));
    assert_int_equal(audit.check[kind].n_leak, audit.n_leak);
    assert_true(audit.check[kind].n_checked > 0);
    expect_word(audit.leak[0].detail, word);
    assert_int_equal(rt_audit_check(test_path("split.tsv"), set, NULL, NULL, &err), RT_ERR_MISMATCH);
    expect_word(err.what, "found leaks");
    rt_audit_free_members(&audit);
    rt_dataset_close(set);
}

static void replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from), rest[2000];
    if (!at) fail_msg("'%s' lacks '%s'", text, from);
    strcpy(rest, at + strlen(from));
    sprintf(at, "%s%s", to, rest);
}

static void clean(void **state)
{
    (void)state;
    static world w;
    rt_audit audit;
    make_clean(&w);
    rt_dataset *set = run(&audit, &w);
    for (int64_t i = 0; i < audit.n_leak; i++)
        print_message("%s %s %s %s\n", rt_leak_name(audit.leak[i].kind), audit.leak[i].a, audit.leak[i].b,
                      audit.leak[i].detail);
    assert_int_equal(audit.n_leak, 0);
    for (int k = 0; k < RT_LEAK_KINDS; k++) {     /* and not because nothing was looked at */
        assert_null(audit.check[k].not_checked);
        assert_true(audit.check[k].n_checked > 0);
    }
    expect_ok(rt_audit_check(test_path("split.tsv"), set, test_path("templates.csv"), NULL, &err), &err);
    static const char *const LOOSER[] = {"s/\"identity\": 0[.]8[0-9]*/\"identity\": 0.95/",
                                         "s/\"tm\": 0[.]45[0-9]*/\"tm\": 0.6/", "s/\"chance\": [^,]*/\"chance\": 1e-9/"};
    for (int i = 0; i < 3; i++) {   /* limits that look away are refused */
        char command[1200];
        snprintf(command, sizeof command, "cp %s.audit.json %s.kept && sed -i -E '%s' %s.audit.json",
                 test_path("split.tsv"), test_path("split.tsv"), LOOSER[i], test_path("split.tsv"));
        assert_int_equal(system(command), 0);
        assert_int_equal(rt_audit_check(test_path("split.tsv"), set, NULL, NULL, &err), RT_ERR_MISMATCH);
        assert_non_null(strstr(err.what, "limits are too loose"));
        snprintf(command, sizeof command, "mv %s.kept %s.audit.json", test_path("split.tsv"), test_path("split.tsv"));
        assert_int_equal(system(command), 0);
    }
    expect_ok(rt_audit_check(test_path("split.tsv"), set, NULL, NULL, &err), &err);
    rt_audit_free_members(&audit);
    rt_dataset_close(set);
}

static void a_family_across(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    replace(w.families, "RF00004:1-60", "RF00004:1-30;RF00002:31-60");      /* T4's second domain is T2's family */
    expect_leak(&w, RT_LEAK_FAMILY, "family RF00002: 1 and 1 targets");
    make_clean(&w);
    replace(w.families, "component_5", "component_1");
    expect_leak(&w, RT_LEAK_FAMILY, "component component_1");
}

static void a_sequence_across(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    strcpy(w.sequence[4] + 7, w.sequence[1]);        /* T4 is T1, seven residues later and with nine changes */
    for (int i = 0; i < 9; i++) w.sequence[4][10 + 7 * i] = w.sequence[4][10 + 7 * i] == 'A' ? 'C' : 'A';
    expect_leak(&w, RT_LEAK_SEQUENCE, "1 and 1 targets");
    make_clean(&w);
    w.target[4].sequence = w.sequence[3];            /* equal */
    expect_leak(&w, RT_LEAK_SEQUENCE, "1 and 1 targets");
}

static void a_structure_across(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    w.target[5].fold = w.target[2].fold;
    w.target[5].noise = 0.8;
    expect_leak(&w, RT_LEAK_STRUCTURE, "residues within");
}

static void a_template_that_is_the_answer(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    w.template_fold = w.target[0].fold;
    w.template_noise = 0.1;
    expect_leak(&w, RT_LEAK_ANSWER, "RMSD 0.1");
    make_clean(&w);                                  /* other coordinates, but of the target's own entry */
    replace(w.sources, "9zzz_A", "1aaa_B");
    expect_leak(&w, RT_LEAK_ANSWER, "own entry");
    make_clean(&w);
    w.target[0].all_sequences = ">9ZZZ_1|Chain A|something";
    expect_leak(&w, RT_LEAK_ANSWER, "own entry");
}

static void a_template_from_the_future(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    replace(w.sources, "2015-05-05", "2020-01-01");  /* the target's own day */
    expect_leak(&w, RT_LEAK_DATE, "9zzz_A of 2020-01-01");
    make_clean(&w);
    replace(w.sources, "2015-05-05", "-");
    expect_leak(&w, RT_LEAK_DATE, "9zzz_A of -");
    make_clean(&w);
    replace(w.sources, "1AAA_A\t1\t", "1AAA_A\t2\t");
    expect_leak(&w, RT_LEAK_DATE, "does not say where");
}

/* A target without a date says nothing about its templates; a cut-off for the whole set does. */
static void a_template_of_an_undated_target(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    w.target[0].cutoff = NULL;
    expect_leak(&w, RT_LEAK_DATE, "the target has no date that could prove it harmless (--cutoff)");
    w.cutoff = "2020-01-01";
    rt_audit audit;
    rt_dataset *set = run(&audit, &w);
    assert_int_equal(audit.n_leak, 0);
    rt_audit_free_members(&audit);
    rt_dataset_close(set);
}

static void a_held_out_target_in_training(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);                                  /* by name */
    replace(w.held, "R1,", "1AAB_A,");
    expect_leak(&w, RT_LEAK_HELD_OUT, "the held-out target's name");
    make_clean(&w);                                  /* by sequence, from a submission table, DNA letters */
    strcpy(w.held, "ID,resname,resid\n");
    for (int i = 0; w.sequence[2][i]; i++)
        sprintf(w.held + strlen(w.held), "R1_%d,%c,%d\n", i + 1, w.sequence[2][i] == 'U' ? 'T' : w.sequence[2][i],
                i + 1);
    expect_leak(&w, RT_LEAK_HELD_OUT, "the held-out target itself");
    make_clean(&w);                                  /* by name alone, the entry in lower case */
    replace(w.held, "R1,", "1aac_A,");
    expect_leak(&w, RT_LEAK_HELD_OUT, "the held-out target's name");
    make_clean(&w);                                  /* by sequence, with masked coordinates */
    sprintf(w.held, "target_id,sequence\nR1,%s\n", w.sequence[2]);
    w.target[2].masked = 30;
    expect_leak(&w, RT_LEAK_HELD_OUT, "with 30 masked coordinates");
    make_clean(&w);                                  /* augmented from a held-out target */
    replace(w.augmented, "1AAB_A", "1AAE_A");
    expect_leak(&w, RT_LEAK_HELD_OUT, "augmented from a held-out target");
    make_clean(&w);                                  /* ... from one that the split left out, as newer than the cut-off */
    replace(w.augmented, "1AAB_A", "1AAD_A");
    replace(w.split, "1AAD_A\ttrain", "1AAD_A\tnone");
    expect_leak(&w, RT_LEAK_HELD_OUT, "augmented from a target that does not train");
    make_clean(&w);                                  /* an augmented sequence that is a held-out one */
    strcpy(strstr(w.augmented, "\t1-3\t") + 5, strstr(w.held, "R1,") + 3);
    replace(w.augmented, "\n", "!");
    replace(w.augmented, "\n", "\tcopy\n");
    replace(w.augmented, "!", "\n");
    expect_leak(&w, RT_LEAK_HELD_OUT, "augmented sequence of line 2");
    make_clean(&w);                                  /* a target of the competition's validation table */
    w.target[0].origin = RT_ORIGIN_VALIDATION;
    expect_leak(&w, RT_LEAK_HELD_OUT, "the competition's validation table");
}

/* Renamed, its sequence masked, too short for the 3D search: the coordinates still tell. */
static void copied_coordinates(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    test_sequence(w.sequence[1], 25, 501);
    test_sequence(w.sequence[4], 25, 502);
    w.target[1].fold = w.target[4].fold = 60;
    w.target[1].masked = 5;
    expect_leak(&w, RT_LEAK_HELD_OUT, "the same coordinates: 20 of 25 residues, another sequence");
    strcpy(w.held, "target_id,sequence\n");   /* found without a table, too, and what was compared is counted */
    strcpy(strchr(w.augmented, '\n') + 1, "");
    expect_leak(&w, RT_LEAK_HELD_OUT, "the same coordinates: 20 of 25 residues, another sequence");
}

static void an_augmented_sequence_too_near(void **state)
{
    (void)state;
    static world w;
    make_clean(&w);
    sprintf(w.augmented, "source\ttier\tpositions\tsequence\tchange\n1AAB_A\t3\t-\t%s\tmutation seed=4\n",
            w.sequence[5]);
    strstr(w.augmented, w.sequence[5])[20] = w.sequence[5][20] == 'A' ? 'G' : 'A';
    expect_leak(&w, RT_LEAK_AUGMENTED, "line 2, tier 3 (mutation seed=4)");
}

static void what_training_asks(void **state)
{
    (void)state;
    static world w;
    rt_audit audit;
    make_clean(&w);
    rt_dataset *set = run(&audit, &w);
    rt_audit_free_members(&audit);
    const char *split = test_path("split.tsv");
    expect_ok(rt_audit_check(split, set, NULL, NULL, &err), &err);
    assert_int_equal(rt_audit_check(split, set, NULL, test_path("augmented.tsv"), &err), RT_ERR_MISMATCH);
    expect_word(err.what, "did not look at the augmented");
    replace(w.split, "1AAC_A\ttrain", "1AAC_A\tnone");
    test_file("split.tsv", w.split);
    assert_int_equal(rt_audit_check(split, set, NULL, NULL, &err), RT_ERR_MISMATCH);
    expect_word(err.what, "the split has changed");
    expect_word(err.hint, "rnatune audit");
    assert_int_equal(rt_audit_check(test_file("new.tsv", w.split), set, NULL, NULL, &err), RT_ERR_MISMATCH);
    expect_word(err.what, "has not been audited");
    rt_dataset_close(set);

    set = run(&audit, &w);
    rt_audit_free_members(&audit);
    rt_dataset_close(set);
    w.target[3].noise = 0.5;                         /* the set is another now */
    set = test_set("set", w.target, w.n);
    assert_int_equal(rt_audit_check(split, set, NULL, NULL, &err), RT_ERR_MISMATCH);
    expect_word(err.what, "the set has changed");
    char record[320];
    snprintf(record, sizeof record, "%s.audit.json", split);
    rt_write_text(record, "{}", 2, &err);
    assert_int_equal(rt_audit_check(split, set, NULL, NULL, &err), RT_ERR_FORMAT);
    rt_dataset_close(set);
}

/* A byte of the set that was edited by hand, which leaves the hash in its index as it was. */
static void an_edited_set(void **state)
{
    (void)state;
    static world w;
    rt_audit audit;
    rt_pool *pool;
    rt_split none = {0};
    rt_family_table no_families = {0};
    make_clean(&w);
    rt_dataset *set = run(&audit, &w);
    rt_audit_free_members(&audit);
    rt_dataset_close(set);
    FILE *file = fopen(test_path("set/coordinates.bin"), "r+b");
    assert_non_null(file);
    fseek(file, 300, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 300, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    expect_ok(rt_dataset_open(&set, test_path("set"), &err), &err);
    assert_int_equal(rt_audit_check(test_path("split.tsv"), set, NULL, NULL, &err), RT_ERR_FORMAT);
    expect_word(err.what, "are damaged");
    expect_word(err.hint, "rnatune import --force");
    expect_ok(rt_pool_create(&pool, 1, &err), &err);
    rt_audit_input in = {.set = set, .split = &none, .families = &no_families};
    assert_int_equal(rt_audit_run(&audit, &in, pool, &err), RT_ERR_FORMAT);
    rt_pool_free(pool);
    rt_dataset_close(set);
}

/* Inputs that do not belong together are an error, not a verdict. */
static void strangers(void **state)
{
    (void)state;
    static const struct { const char *families, *split, *word; } CASE[] = {
        {"target\tfamily\tcomponent\nX\tf\tc\n", "target\tsplit\nX\ttrain\nY\ttrain\n", "split names 'Y'"},
        {"target\tfamily\tcomponent\nX\tf\tc\n", "target\tsplit\nY\ttrain\n", "'X' of the set is not in the split"},
        {"target\tfamily\tcomponent\nY\tf\tc\n", "target\tsplit\nX\ttrain\n", "'X' of the set is not in the families"},
    };
    test_target one = {.id = "X", .sequence = "GGGAAACCC"};
    rt_dataset *set = test_set("one", &one, 1);
    rt_pool *pool;
    expect_ok(rt_pool_create(&pool, 1, &err), &err);
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        rt_split split;
        rt_family_table families;
        rt_audit audit;
        expect_ok(rt_split_read(&split, test_file("s.tsv", CASE[i].split), &err), &err);
        expect_ok(rt_family_table_read(&families, test_file("f.tsv", CASE[i].families), &err), &err);
        rt_audit_input in = {.set = set, .split = &split, .families = &families, .identity = 0.8, .chance = 1e-5,
                             .tm = 0.45,
                             .tm_residues = 30, .template_tm = 0.95};
        assert_int_equal(rt_audit_run(&audit, &in, pool, &err), RT_ERR_MISMATCH);
        expect_word(err.what, CASE[i].word);
        rt_split_free_members(&split);
        rt_family_table_free_members(&families);
    }
    rt_pool_free(pool);
    rt_dataset_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean),
        cmocka_unit_test(a_family_across),
        cmocka_unit_test(a_sequence_across),
        cmocka_unit_test(a_structure_across),
        cmocka_unit_test(a_template_that_is_the_answer),
        cmocka_unit_test(a_template_from_the_future),
        cmocka_unit_test(a_template_of_an_undated_target),
        cmocka_unit_test(a_held_out_target_in_training),
        cmocka_unit_test(copied_coordinates),
        cmocka_unit_test(an_augmented_sequence_too_near),
        cmocka_unit_test(what_training_asks),
        cmocka_unit_test(an_edited_set),
        cmocka_unit_test(strangers),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
