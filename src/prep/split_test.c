/* split_test.c - families.tsv from every source, components, the split's promises, held-out tables */
#include "io/io_test.h"

#include <math.h>

#include "io/test_files.h"
#include "prep/held_out.h"
#include "prep/set_test.h"
#include "prep/split.h"
#include "score/families.h"

static rt_err err;

/* ---- families ---------------------------------------------------------------------------------------------------- */

static void build(rt_family_table *out, const char *const *id, const char *const *sequence, int64_t n,
                  const rt_family_sources *sources)
{
    rt_unique unique;
    rt_similar similar;
    rt_pool *pool;
    rt_similar_options options = {.identity = 0.8, .max_chance = 1e-5, .min_length = 11};
    expect_ok(rt_pool_create(&pool, 1, &err), &err);
    expect_ok(rt_unique_build(&unique, sequence, n, &err), &err);
    expect_ok(rt_similar_find(&similar, &unique, &options, pool, &err), &err);
    expect_ok(rt_family_table_build(out, id, n, &unique, &similar, sources, &err), &err);
    rt_similar_free_members(&similar);
    rt_unique_free_members(&unique);
    rt_pool_free(pool);
}

static void families_of_every_source(void **state)
{
    (void)state;
    enum { M = 8 };
    static const char *const ID[M] = {"1AAA_A", "1AAB_A", "1AAC_A", "1AAD_A", "1AAE_A", "1AAF_A", "1AAG_A", "short"};
    static char text[M][100];
    const char *sequence[M];
    rt_hits hits;
    rt_chain_table rfam;
    rt_family_table t;
    for (int i = 0; i < M; i++) test_sequence(text[i], 60, (uint64_t)i + 1), sequence[i] = text[i];
    text[7][8] = 0;
    strcpy(text[4], text[3]);                         /* 4 is 3; 5 is 4 with four changes, 6 alone, 7 too short */
    strcpy(text[5], text[3]);
    for (int i = 0; i < 4; i++) text[5][9 * i + 5] = text[5][9 * i + 5] == 'A' ? 'G' : 'A';
    static const char TBL[] =
        "1 x RF00001 1AAA_A - - cm 1 70 1 30 + no 1 0.5 0.0 60 1e-12 ! * - - - - - - -\n"
        "2 y RF00002 1AAA_A - - cm 1 70 31 60 + no 1 0.5 0.0 70 1e-15 ! * - - - - - - -\n"
        "3 x RF00001 elsewhere - - cm 1 70 31 60 + no 1 0.5 0.0 70 1e-15 ! * - - - - - - -\n";
    expect_ok(rt_hits_parse(&hits, "tbl", TBL, sizeof TBL - 1, false, &err), &err);
    expect_ok(rt_chain_table_read_rfam(&rfam, test_file("r.csv", "rfam_acc,pdb_id,chain,pdb_start,pdb_end\n"
                                       "RF00001,1aab,A,1,60\nRF00009,1aaa,A,1,60\nRF00003,1aad,A,2,50\n"), &err), &err);
    rt_family_sources sources = {.opt_hits = &hits, .opt_rfam = &rfam};
    build(&t, ID, sequence, M, &sources);
    assert_string_equal(t.row[0].family, "RF00002");                  /* the surest hit; the table comes after cmscan */
    assert_string_equal(t.row[0].source, "cmscan");
    assert_string_equal(t.row[0].domains, "RF00001:1-30;RF00002:31-60;RF00009:1-60");
    assert_string_equal(t.row[1].family, "RF00001");
    assert_string_equal(t.row[1].component, t.row[0].component);      /* by a domain that is not its first */
    assert_string_equal(t.row[2].source, "alone");
    assert_string_equal(t.row[2].family, "cluster_1AAC_A");
    assert_string_equal(t.row[3].source, "table");
    assert_string_equal(t.row[4].family, "RF00003");                  /* an equal sequence has the same families */
    assert_string_equal(t.row[4].source, "table");
    assert_string_equal(t.row[5].family, "RF00003");
    assert_string_equal(t.row[5].source, "similar");
    assert_string_equal(t.row[5].nearest, "1AAD_A");
    assert_true(t.row[5].identity > 0.93 && t.row[5].identity < 0.96);
    assert_string_equal(t.row[5].component, "component_1");           /* three targets: the largest */
    assert_string_equal(t.row[3].component, "component_1");
    assert_string_equal(t.row[0].component, "component_2");
    assert_string_equal(t.row[7].source, "alone");
    assert_int_equal(t.n_component, 5);
    assert_int_equal(t.n_cmscan, 1);
    assert_int_equal(t.n_similar, 1);

    /* the file, as this room and as the statistics read it */
    rt_family_table read;
    rt_families statistics;
    const char *path = test_path("families.tsv");
    expect_ok(rt_family_table_write(&t, path, &err), &err);
    expect_ok(rt_family_table_read(&read, path, &err), &err);
    expect_ok(rt_families_load(&statistics, path, &err), &err);
    for (int i = 0; i < M; i++) {
        assert_string_equal(rt_family_table_find(&read, ID[i])->component, t.row[i].component);
        assert_string_equal(rt_family_table_find(&read, ID[i])->domains, t.row[i].domains);
        assert_string_equal(rt_families_find(&statistics, ID[i]), t.row[i].family);
    }
    assert_null(rt_family_table_find(&read, "other"));

    /* components that an audit wants together */
    int64_t joined;
    static const char LEAKS[] = "kind\ta\tb\nstructure\t1AAA_A\t1AAG_A\nstructure\t1AAB_A\t1AAG_A\nx\tother\t1AAA_A\n";
    expect_ok(rt_family_table_join(&read, &joined, test_file("leaks.tsv", LEAKS), &err), &err);
    assert_int_equal(joined, 1);
    assert_string_equal(rt_family_table_find(&read, "1AAG_A")->component,
                        rt_family_table_find(&read, "1AAB_A")->component);
    rt_families_free_members(&statistics);
    rt_family_table_free_members(&read);
    rt_family_table_free_members(&t);
    rt_chain_table_free_members(&rfam);
    rt_hits_free_members(&hits);
}

static void clans_and_rna3db(void **state)
{
    (void)state;
    static const char *const ID[3] = {"1AAA_A", "1AAB_A", "1AAC_A"};
    static char text[3][100];
    const char *sequence[3];
    rt_hits hits;
    rt_chain_table rna3db;
    rt_family_table t;
    for (int i = 0; i < 3; i++) test_sequence(text[i], 60, (uint64_t)i + 1), sequence[i] = text[i];
    static const char TBL[] = "1 x RF00001 1AAA_A - CL00001 cm 1 70 1 30 + no 1 0.5 0.0 60 1e-12 ! * - - - - - - -\n"
                              "2 y RF00002 1AAB_A - CL00001 cm 1 70 31 60 + no 1 0.5 0.0 70 1e-15 ! * - - - - - - -\n";
    expect_ok(rt_hits_parse(&hits, "tbl", TBL, sizeof TBL - 1, false, &err), &err);
    rt_family_sources sources = {.opt_hits = &hits};
    build(&t, ID, sequence, 3, &sources);
    assert_int_equal(t.n_component, 3);
    rt_family_table_free_members(&t);
    sources.join_clans = true;
    build(&t, ID, sequence, 3, &sources);
    assert_int_equal(t.n_component, 2);
    rt_family_table_free_members(&t);
    expect_ok(rt_chain_table_read_rna3db(&rna3db, test_file("r.csv", "full_id,component\n1aaa_A,c7\n1aac_A,c7\n"),
                                         &err), &err);
    sources = (rt_family_sources){.opt_rna3db = &rna3db};
    build(&t, ID, sequence, 3, &sources);
    assert_string_equal(t.row[0].component, t.row[2].component);
    assert_string_equal(t.row[2].source, "rna3db");
    rt_family_table_free_members(&t);
    rt_chain_table_free_members(&rna3db);
    rt_hits_free_members(&hits);
}

/* ---- the split --------------------------------------------------------------------------------------------------- */

enum { N = 400 };
static char ids[N][16], letters[N][200];
static test_target targets[N];

/* 400 targets in components of 1 to 60; families.tsv as text. */
static rt_dataset *make_many(rt_family_table *out_families)
{
    static char text[N * 60];
    char *at = text + sprintf(text, "target\tfamily\tcomponent\n");
    int component = 0, left = 60;
    for (int i = 0; i < N; i++) {
        sprintf(ids[i], "T%03d", i);
        test_sequence(letters[i], 15 + (i * 37) % 150, (uint64_t)i + 1);
        targets[i] = (test_target){.id = ids[i], .sequence = letters[i],
                                   .cutoff = i % 10 == 9 ? "2023-01-01" : i % 50 == 3 ? "" : "2015-01-01"};
        at += sprintf(at, "%s\tF%d\tcomponent_%d\n", ids[i], component, component);
        if (--left == 0) {
            component++;
            left = component < 8 ? 12 : component < 40 ? 3 : 1;
        }
    }
    expect_ok(rt_family_table_read(out_families, test_file("many.tsv", text), &err), &err);
    return test_set("many", targets, N);
}

static void expect_whole_components(const rt_split *s)
{
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t k = 0; k < i; k++)
            if (strcmp(s->row[i].component, s->row[k].component) == 0 && s->row[i].part != RT_PART_NONE &&
                s->row[k].part != RT_PART_NONE)
                assert_int_equal(s->row[i].part, s->row[k].part);
}

static void whole_components(void **state)
{
    (void)state;
    rt_family_table families;
    rt_dataset *set = make_many(&families);
    rt_split s, again;
    rt_split_options o = {.share = {0.8, 0.1, 0.1}, .seed = 1, .families_hash = "x"};
    char first[17];
    int64_t count[4] = {0}, lengths[4] = {0};
    expect_ok(rt_split_plan(&s, set, &families, &o, &err), &err);
    expect_whole_components(&s);
    for (int64_t i = 0; i < s.n; i++) {
        count[s.row[i].part]++;
        lengths[s.row[i].part] += rt_dataset_at(set, i)->length;
    }
    assert_int_equal(count[RT_PART_NONE], 0);
    for (int p = 1; p < RT_PARTS; p++) {
        assert_in_range(count[p], 36, 44);            /* a tenth of 400, within a tenth */
        assert_in_range(lengths[p] / count[p], 75, 105);   /* 89 on average */
    }
    strcpy(first, s.made_from);
    rt_text text = {0};
    rt_split_print(&text, &s, set, o.share);
    expect_word(text.data, "train\t60\t0.1500\t-\tcomponent_0\t");       /* the giant one is named */
    rt_text_free(&text);

    /* the same seed, the same split; another seed, another one; the file reads back */
    expect_ok(rt_split_plan(&again, set, &families, &o, &err), &err);
    assert_string_equal(again.made_from, first);
    rt_split_free_members(&again);
    o.seed = 2;
    expect_ok(rt_split_plan(&again, set, &families, &o, &err), &err);
    assert_string_not_equal(again.made_from, first);
    rt_split_free_members(&again);
    expect_ok(rt_split_write(&s, test_path("split.tsv"), &err), &err);
    expect_ok(rt_split_read(&again, test_path("split.tsv"), &err), &err);
    assert_int_equal(again.n, N);
    assert_string_equal(again.made_from, first);
    for (int64_t i = 0; i < N; i++) assert_int_equal(rt_split_find(&again, s.row[i].target)->part, s.row[i].part);
    rt_split_free_members(&again);
    rt_split_free_members(&s);
    rt_family_table_free_members(&families);
    rt_dataset_close(set);
}

static void cutoff_and_held_out(void **state)
{
    (void)state;
    rt_family_table families;
    rt_dataset *set = make_many(&families);
    rt_split s;
    uint8_t held[N] = {0};
    int64_t late = 0, undated = 0, trains = 0;
    held[0] = 1;                                      /* of the giant component */
    rt_split_options o = {.share = {0.8, 0.1, 0.1}, .seed = 1, .families_hash = "x", .opt_cutoff = "2020-12-31"};
    expect_ok(rt_split_plan(&s, set, &families, &o, &err), &err);
    expect_whole_components(&s);
    for (int64_t i = 0; i < s.n; i++) {
        late += strcmp(s.row[i].note, "after_cutoff") == 0;
        undated += strcmp(s.row[i].note, "no_date") == 0;
        trains += s.row[i].part == RT_PART_TRAIN;
        if (s.row[i].part == RT_PART_TRAIN) assert_string_equal(rt_dataset_at(set, i)->cutoff, "2015-01-01");
    }
    print_message("%lld train, %lld are too new, %lld without a date\n", (long long)trains, (long long)late,
                  (long long)undated);
    assert_true(late >= 10 && undated >= 2 && trains >= 240);
    rt_split_free_members(&s);
    o.opt_held = held;
    expect_ok(rt_split_plan(&s, set, &families, &o, &err), &err);
    for (int64_t i = 0; i < 60; i++) assert_int_not_equal(s.row[i].part, RT_PART_TRAIN);
    rt_split_free_members(&s);
    rt_family_table_free_members(&families);
    rt_dataset_close(set);

    /* the competition's own tables decide for their components */
    rt_dataset_close(make_many(&families));
    targets[70].origin = RT_ORIGIN_VALIDATION;
    targets[399].origin = RT_ORIGIN_TEST;
    set = test_set("many", targets, N);
    o = (rt_split_options){.share = {1, 0, 0}, .families_hash = "x"};
    expect_ok(rt_split_plan(&s, set, &families, &o, &err), &err);
    assert_int_equal(s.row[70].part, RT_PART_VALIDATION);
    assert_int_equal(s.row[65].part, RT_PART_VALIDATION);     /* of its component */
    assert_int_equal(s.row[399].part, RT_PART_TEST);
    assert_int_equal(s.row[0].part, RT_PART_TRAIN);
    rt_split_free_members(&s);
    rt_family_table_free_members(&families);
    rt_dataset_close(set);
}

static void rna3db_split(void **state)
{
    (void)state;
    const test_target all[3] = {{.id = "1EHZ_A", .sequence = "GGGAAACCC"}, {.id = "1Y26_X", .sequence = "GGGAAUCCC"},
                                {.id = "9XYZ_A", .sequence = "GGGAAGCCC"}};
    rt_dataset *set = test_set("three", all, 3);
    rt_family_table families;
    rt_chain_table rna3db;
    rt_split s;
    static const char FAMILIES[] = "target\tfamily\tcomponent\n1EHZ_A\ta\ta\n1Y26_X\tb\tb\n9XYZ_A\tc\tc\n";
    static const char RNA3DB[] = "full_id,component,dataset\n1ehz_A,c1,train_set\n1y26_X,c2,test_set\n";
    expect_ok(rt_family_table_read(&families, test_file("f.tsv", FAMILIES), &err), &err);
    expect_ok(rt_chain_table_read_rna3db(&rna3db, test_file("r.csv", RNA3DB), &err), &err);
    rt_split_options o = {.share = {0.8, 0.1, 0.1}, .families_hash = "x", .opt_rna3db = &rna3db};
    expect_ok(rt_split_plan(&s, set, &families, &o, &err), &err);
    assert_int_equal(s.row[0].part, RT_PART_TRAIN);
    assert_int_equal(s.row[1].part, RT_PART_TEST);
    assert_int_equal(s.row[2].part, RT_PART_NONE);
    assert_string_equal(s.row[2].note, "not_in_rna3db");
    rt_split_free_members(&s);
    rt_chain_table_free_members(&rna3db);
    rt_family_table_free_members(&families);
    rt_dataset_close(set);
}

static void bad_files(void **state)
{
    (void)state;
    static const struct { const char *text, *word; } SPLIT[] = {
        {"target\tpart\nA\ttrain\n", "no column 'split'"},
        {"target\tsplit\nA\tteach\n", "'teach' is none of"},
        {"target\tsplit\nA\ttrain\nA\ttest\n", "'A' twice"},
        {"target\tsplit\n\ttrain\n", "the target is empty"},
        {"target\tsplit\nA\n", "1 fields"},
        {"", "is empty"},
    }, FAMILIES[] = {
        {"target\tfamily\nA\tB\n", "no column 'component'"},
        {"target\tfamily\tcomponent\nA\t\tc\n", "'family' is empty"},
        {"target\tfamily\tcomponent\nA\tf\tc\nA\tf\tc\n", "'A' twice"},
    }, HELD[] = {
        {"id,sequence\nA,GGG\n", "no column 'target_id'"},
        {"target_id,sequence\n,GGG\n", "target_id is empty"},
        {"ID,resname\nR1107,G\n", "target_number"},
        {"ID,resname\nR1107_1,GG\n", "not one letter"},
    };
    rt_split s;
    rt_family_table f;
    rt_held_out h = {0};
    for (size_t i = 0; i < sizeof SPLIT / sizeof *SPLIT; i++) {
        assert_int_equal(rt_split_read(&s, test_file("bad.tsv", SPLIT[i].text), &err), RT_ERR_FORMAT);
        expect_word(err.what, SPLIT[i].word);
    }
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        assert_int_equal(rt_family_table_read(&f, test_file("bad.tsv", FAMILIES[i].text), &err), RT_ERR_FORMAT);
        expect_word(err.what, FAMILIES[i].word);
    }
    for (size_t i = 0; i < sizeof HELD / sizeof *HELD; i++) {
        assert_int_equal(rt_held_out_read(&h, test_file("bad.csv", HELD[i].text), &err), RT_ERR_FORMAT);
        expect_word(err.what, HELD[i].word);
        rt_held_out_free_members(&h);
    }
    expect_ok(rt_held_out_read(&h, test_file("held.csv", "ID,resname,x\nA_b_1,G,0\nA_b_2,C,0\nC_1,U,0\n"), &err), &err);
    expect_ok(rt_held_out_read(&h, test_file("held.csv", "target_id,sequence,description\nD,GGCC,\"two\nlines\"\n"),
                               &err), &err);
    assert_int_equal(h.n, 3);
    assert_string_equal(h.id[0], "A_b");
    assert_string_equal(h.sequence[0], "GC");
    assert_string_equal(h.sequence[2], "GGCC");
    rt_held_out_free_members(&h);
    assert_true(rt_split_is_date("2022-05-27"));
    assert_false(rt_split_is_date("2022-13-27"));
    assert_false(rt_split_is_date("27.05.2022"));
    assert_false(rt_split_is_date("2022-05-271"));
    assert_false(rt_split_is_date(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_of_every_source), cmocka_unit_test(clans_and_rna3db),
            cmocka_unit_test(whole_components),
        cmocka_unit_test(cutoff_and_held_out),      cmocka_unit_test(rna3db_split),     cmocka_unit_test(bad_files),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
