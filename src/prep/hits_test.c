/* hits_test.c - tables of cmscan and cmsearch, models and clans, which hits count, and cmscan itself where it is
 * installed */
#include "io/io_test.h"

#include <math.h>

#include "base/process.h"
#include "base/progress.h"
#include "base/text.h"
#include "io/msa.h"
#include "io/test_files.h"
#include "prep/infernal.h"

static rt_err err;

static rt_status parse(rt_hits *out, const char *text, bool whole)
{
    memset(&err, 0, sizeof err);
    return rt_hits_parse(out, "table", text, (int64_t)strlen(text), whole, &err);
}

#define ROW2 "1 tRNA RF00005 T1 - CL00001 cm 1 71 5 76 + no 1 0.5 0.0 60.1 1e-12 ! * - - - - - - tRNA\n"
#define ROW1 "T1 - tRNA RF00005 cm 1 71 5 76 + no 1 0.5 0.0 60.1 1e-12 ! some text\n"
#define OK_LINE "# [ok]\n"

static void formats(void **state)
{
    (void)state;
    static const struct { const char *text; bool scan; } CASE[] = {
        {ROW2 OK_LINE, true},
        {ROW1 OK_LINE, false},                                       /* the accession says which is the model */
        {"tRNA RF00005 T1 - cm 1 71 5 76 + no 1 0.5 0.0 60.1 1e-12 ! -\n" OK_LINE, true},
        {"tRNA - T1 - cm 1 71 5 76 + no 1 0.5 0.0 60.1 1e-12 ! -\n# Program:  cmscan\n" OK_LINE, true},
        {"T1 - tRNA - cm 1 71 5 76 + no 1 0.5 0.0 60.1 1e-12 ! -\n# Program:  cmsearch\n" OK_LINE, false},
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        rt_hits hits;
        expect_ok(parse(&hits, CASE[i].text, true), &err);
        assert_int_equal(hits.n, 1);
        const rt_hit *h = hits.hit;
        assert_string_equal(h->sequence, "T1");
        assert_string_equal(h->model, "tRNA");
        assert_string_equal(h->accession, i < 3 ? "RF00005" : "tRNA");
        assert_string_equal(h->clan, i == 0 ? "CL00001" : "");
        assert_int_equal(h->from, 5);
        assert_int_equal(h->to, 76);
        assert_true(h->score == 60.1 && h->evalue == 1e-12 && h->included && !h->minus);
        rt_hits_free_members(&hits);
    }
}

static void bad_tables(void **state)
{
    (void)state;
    static const struct { const char *text, *word; bool whole; } CASE[] = {
        {ROW1, "cut short", true},
        {"T1 - tRNA RF00005 cm 1 71 5 76 + no 1\n", "is not a row", false},
        {"hello world\n", "is not a row", false},
        {"#\nT1 - tRNA RF00005 cm 1 71 x 76 + no 1 0.5 0.0 60.1 1e-12 ! -\n", "no places", false},
        {"T1 - tRNA RF00005 cm 1 71 5 76 ? no 1 0.5 0.0 60.1 1e-12 ! -\n", "strand", false},
        {"T1 - tRNA RF00005 cm 1 71 5 76 + no 1 0.5 0.0 high 1e-12 ! -\n", "no score", false},
        {"T1 - tRNA RF00005 cm 1 71 0 76 + no 1 0.5 0.0 60.1 1e-12 ! -\n", "no places", false},
    };
    rt_hits hits;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        assert_int_equal(parse(&hits, CASE[i].text, CASE[i].whole), RT_ERR_FORMAT);
        expect_word(err.what, CASE[i].word);
        assert_int_equal(hits.n, 0);
    }
    assert_int_equal(err.line, 1);
    expect_ok(parse(&hits, "", false), &err);
    assert_int_equal(hits.n, 0);
    assert_int_equal(rt_hits_read(&hits, "no/such/table", true, &err), RT_ERR_IO);
}

static int by_evalue(const void *a, const void *b)
{
    const rt_hit *x = a, *y = b;
    if (x->evalue != y->evalue) return x->evalue < y->evalue ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

/* The same hits, whichever program found them and in whatever format. */
static void expect_same_hits(rt_hits *a, rt_hits *b)
{
    assert_int_equal(a->n, b->n);
    qsort(a->hit, (size_t)a->n, sizeof *a->hit, by_evalue);
    qsort(b->hit, (size_t)b->n, sizeof *b->hit, by_evalue);
    for (int64_t i = 0; i < a->n; i++) {
        const rt_hit *x = &a->hit[i], *y = &b->hit[i];
        assert_string_equal(x->accession, y->accession);
        assert_int_equal(x->from, y->from);
        assert_int_equal(x->to, y->to);
        assert_int_equal(x->minus, y->minus);
        assert_true(x->score == y->score && x->evalue == y->evalue && x->included == y->included);
    }
}

static void recorded_tables(void **state)
{
    (void)state;
    rt_hits scan, search;
    expect_ok(rt_hits_read(&scan, "tests/data/prep/pANT.cmscan.tbl", true, &err), &err);
    expect_ok(rt_hits_read(&search, "tests/data/prep/pANT.cmsearch.tbl", true, &err), &err);
    assert_int_equal(scan.n, 19);
    expect_same_hits(&scan, &search);
    rt_hits_free_members(&search);

    /* what cmscan marked as overlapped (=) is what is dropped, and nothing else */
    rt_hits_rules rules = {.evalue = 1e6, .both_strands = true};
    rt_hits_dropped dropped;
    int64_t marked = 0;
    for (int64_t i = 0; i < scan.n; i++) marked += scan.hit[i].overlapped;
    expect_ok(rt_hits_resolve(&scan, &dropped, NULL, &rules, &err), &err);
    assert_int_equal(dropped.overlapped, marked);
    for (int64_t i = 0; i < scan.n; i++) assert_false(scan.hit[i].overlapped);
    rules.both_strands = false;
    expect_ok(rt_hits_resolve(&scan, &dropped, NULL, &rules, &err), &err);
    for (int64_t i = 0; i < scan.n; i++) assert_false(scan.hit[i].minus);
    assert_true(dropped.minus > 0);
    rt_hits_free_members(&scan);
}

#define HIT(model, from, to, score, evalue, clan) \
    "1 " model " RF0" model " T1 - " clan " cm 1 71 " from " " to " + no 1 0.5 0.0 " score " " evalue \
    " ! * - - - - - - -\n"

static void thresholds_and_clans(void **state)
{
    (void)state;
    static const char TABLE[] = HIT("a", "1", "70", "50", "1e-9", "-") HIT("b", "30", "90", "45", "1e-8", "-")
                                HIT("c", "91", "150", "30", "0.5", "-") HIT("d", "160", "200", "19", "1e-6", "-");
    static const char MODELS[] =
        "INFERNAL1/a [1.1.4]\nNAME     a\nACC      RF0a\nCM\n//\nHMMER3/f\nNAME  other\nGA 99\n//\n"
        "INFERNAL1/a\nNAME b\nACC RF0b\nCM\nINFERNAL1/a\nNAME c\nACC RF0c\nGA       29.00\nCM\n"
        "INFERNAL1/a\nNAME d\nACC RF0d\nGA 20\nCM\n//\n\n";
    rt_models models;
    rt_hits hits;
    rt_hits_dropped dropped;
    rt_hits_rules rules = {.evalue = 1e-3};
    expect_ok(rt_models_parse(&models, "cm", MODELS, sizeof MODELS - 1, &err), &err);
    assert_int_equal(models.n, 4);
    assert_true(isnan(rt_models_find(&models, "RF0a")->ga) && rt_models_find(&models, "c")->ga == 29);
    expect_ok(parse(&hits, TABLE, false), &err);
    expect_ok(rt_hits_resolve(&hits, &dropped, &models, &rules, &err), &err);
    assert_int_equal(hits.n, 2);              /* a beats b; c is over its GA though its E-value is 0.5; d is under it */
    assert_string_equal(hits.hit[0].model, "a");
    assert_string_equal(hits.hit[1].model, "c");
    assert_int_equal(dropped.overlapped, 1);
    assert_int_equal(dropped.weak, 1);
    rt_hits_free_members(&hits);

    /* with clans only relatives compete */
    expect_ok(rt_models_read_clans(&models, test_file("other.clanin", "# clans\nCL00001 a c\n\n"), &err), &err);
    rules.clans = true;
    expect_ok(parse(&hits, TABLE, false), &err);
    expect_ok(rt_hits_resolve(&hits, &dropped, &models, &rules, &err), &err);
    assert_int_equal(hits.n, 3);
    rt_hits_free_members(&hits);
    expect_ok(rt_models_read_clans(&models, test_file("same.clanin", "CL00002\tb d RF0e\n"), &err), &err);
    assert_string_equal(rt_models_find(&models, "RF0e")->clan, "CL00002");
    assert_int_equal(rt_models_read_clans(&models, test_file("two.clanin", "\nCL00003 a\n"), &err), RT_ERR_FORMAT);
    expect_word(err.what, "is in the clans 'CL00001' and 'CL00003'");
    assert_int_equal(err.line, 2);
    assert_int_equal(rt_models_read_clans(&models, test_file("none.clanin", "CL00003\n"), &err), RT_ERR_FORMAT);
    rt_models_free_members(&models);
}

static void bad_models(void **state)
{
    (void)state;
    static const struct { const char *text, *word; rt_status status; } CASE[] = {
        {"", "holds no covariance model", RT_ERR_FORMAT},
        {"HMMER3/f\nNAME x\n", "holds no covariance model", RT_ERR_FORMAT},
        {"INFERNAL1/a\nNAME x\n", "cut short", RT_ERR_FORMAT},
        {"INFERNAL1/a\nNAME x\nCM\n//\nHMMER3/f\nNAME x\nHMM", "cut short", RT_ERR_FORMAT},
        {"INFERNAL1/a\nACC RF1\nCM\n", "without a NAME", RT_ERR_FORMAT},
        {"INFERNAL1/a\nNAME \nCM\n", "without a name", RT_ERR_FORMAT},
        {"INFERNAL1/a\nNAME x\nGA high\nCM\n", "no gathering threshold", RT_ERR_FORMAT},
        {"INFERNAL-1 [1.0]\nNAME x\n", "Infernal 1.0", RT_ERR_UNSUPPORTED},
    };
    rt_models models;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        assert_int_equal(rt_models_parse(&models, "cm", CASE[i].text, (int64_t)strlen(CASE[i].text), &err),
                         CASE[i].status);
        expect_word(err.what, CASE[i].word);
    }
}

static void need_cmscan(void)
{
    char path[4096];
    if (rt_process_find(path, sizeof path, "cmscan")) return;
    print_message("skip: cmscan (infernal) is not installed\n");
    skip();
}

/* One model file of several, written into the test's folder. */
static const char *join_models(const char *const *name, int n)
{
    rt_text all = {0};
    for (int i = 0; i < n; i++) {
        char file[64];
        rt_map map;
        snprintf(file, sizeof file, "data/rfam/%s.cm", name[i]);
        expect_ok(rt_map_open(&map, shared(file), &err), &err);
        rt_text_add_bytes(&all, map.data, map.size);
        rt_map_close(&map);
    }
    const char *path = test_path("all.cm");
    expect_ok(rt_write_text(path, all.data, all.length, &err), &err);
    rt_text_free(&all);
    return path;
}

/* What our run of cmscan finds in the plasmid is the table that cmsearch 1.1.5 left; a second run searches nothing
 * anew. */
static void cmscan_equals_the_recorded_table(void **state)
{
    (void)state;
    static const char *const NAME[] = {"RF00029", "RF00042", "RF00107", "RF00243", "RF03523"};
    const char *fasta = shared("data/rfam/pANT_R100.fa");
    need_cmscan();
    rt_hits found = {0}, again = {0}, recorded;
    rt_msa sequences;
    rt_pool *pool;
    expect_ok(rt_msa_read(&sequences, fasta, &err), &err);
    expect_ok(rt_pool_create(&pool, 2, &err), &err);
    char work[300], cm[300];
    snprintf(cm, sizeof cm, "%s", join_models(NAME, 5));
    snprintf(work, sizeof work, "%s", test_path("work"));
    rt_infernal_options options = {.cm = cm, .work = work, .search_space = 0.1, .both_strands = true};
    const char *name = "NZ_JBNWEP010000004.1";
    expect_ok(rt_infernal_scan(&found, &name, (const char *const *)sequences.row, 1, &options, pool, &err), &err);
    expect_ok(rt_hits_read(&recorded, shared("data/rfam/pANT.RFall.tbl"), true, &err), &err);
    assert_string_equal(found.hit[0].sequence, name);
    expect_same_hits(&found, &recorded);
    setenv("PATH", "/usr/bin:/bin", 1);
    expect_ok(rt_infernal_scan(&again, &name, (const char *const *)sequences.row, 1, &options, pool, &err), &err);
    expect_same_hits(&again, &recorded);
    assert_false(rt_file_exists(test_path("all.cm.i1m")));         /* nothing beside the user's file */
    rt_infernal_clean(work);
    assert_false(rt_folder_exists(work));
    rt_hits_free_members(&found);
    rt_hits_free_members(&again);
    rt_hits_free_members(&recorded);
    free(sequences.row);
    rt_pool_free(pool);
}

static void cmscan_says_what_is_wrong(void **state)
{
    (void)state;
    need_cmscan();
    rt_hits hits = {0};
    rt_pool *pool;
    const char *name = "T1", *sequence = "GGGAAACCC";
    char cm[300], work[300];
    snprintf(cm, sizeof cm, "%s", test_file("bad.cm", "INFERNAL1/a [1.1]\nNAME x\nCM\n"));
    snprintf(work, sizeof work, "%s", test_path("bad.work"));
    rt_infernal_options options = {.cm = cm, .work = work};
    expect_ok(rt_pool_create(&pool, 1, &err), &err);
    assert_int_equal(rt_infernal_scan(&hits, &name, &sequence, 1, &options, pool, &err), RT_ERR_IO);
    expect_word(err.file, "/cm");                                    /* cmpress or cmscan, with its own words */
    expect_word(err.what, "ended with status 1: ");
    rt_pool_free(pool);
}

static void programs(void **state)
{
    (void)state;
    char path[4096];
    int code;
    pid_t pid;
    assert_true(rt_process_find(path, sizeof path, "sh"));
    assert_false(rt_process_find(path, sizeof path, "no-such-program-anywhere"));
    assert_true(rt_process_find(path, sizeof path, "sh"));
    char said[320];
    snprintf(said, sizeof said, "%s", test_path("said.txt"));
    const char *fails[] = {path, "-c", "echo first >&2; echo \"it's $1\" >&2; exit 7", "x", "a b; c", NULL};
    assert_int_equal(rt_process_run(fails, NULL, said, &err), RT_ERR_IO);
    expect_word(err.what, "ended with status 7: it's a b; c");       /* arguments arrive as they are */
    const char *killed[] = {path, "-c", "kill -9 $$", NULL};
    expect_ok(rt_process_start(&pid, killed, NULL, NULL, &err), &err);
    expect_ok(rt_process_wait(pid, &code, &err), &err);
    assert_int_equal(code, 128 + 9);
    const char *absent[] = {"/no/such/program", NULL};
    assert_int_equal(rt_process_start(&pid, absent, NULL, NULL, &err), RT_ERR_IO);
    const char *sleeps[] = {path, "-c", "sleep 60", NULL};
    expect_ok(rt_process_start(&pid, sleeps, NULL, NULL, &err), &err);
    rt_stop_request();
    assert_int_equal(rt_process_wait(pid, &code, &err), RT_ERR_STOPPED);
    rt_stop_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),         cmocka_unit_test(bad_tables), cmocka_unit_test(recorded_tables),
        cmocka_unit_test(thresholds_and_clans), cmocka_unit_test(bad_models), cmocka_unit_test(programs),
        cmocka_unit_test(cmscan_equals_the_recorded_table), cmocka_unit_test(cmscan_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
