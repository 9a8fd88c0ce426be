/* stockholm_test.c - alignments with names and structure, bpseq files, a family's consensus as base pairs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "base/pool.h"
#include "io/test_files.h"
#include "prep/bpseq.h"
#include "prep/fasta.h"
#include "prep/pairs_cm.h"
#include "prep/stockholm.h"

static const char TWO_BLOCKS[] =
    "# STOCKHOLM 1.0\n#=GF ID  tiny\n#=GF AC  RF99999;\n#=GF AU  no matter\n\n"
    "one/1-8   GC-A\n#=GR one/1-8 PP 9*.8\ntwo       GCAA\n#=GC SS_cons <<..\n\n"
    "one/1-8   AAGC\n#=GR one/1-8 PP 0***\ntwo       aa-C\n#=GC SS_cons ..>>\n#=GC RF  gcaaaagc\n//\n";

static rt_status parse(rt_stockholm *out, int64_t *at, const char *text, rt_err *err)
{
    int64_t line = 0;
    return rt_stockholm_next(out, at, &line, text, (int64_t)strlen(text), "a.sto", err);
}

static void blocks_are_joined(void **state)
{
    (void)state;
    rt_stockholm a;
    rt_err err;
    int64_t at = 0;
    int32_t partner[8];
    if (parse(&a, &at, TWO_BLOCKS, &err) != RT_OK) fail_msg("%lld: %s", (long long)err.line, err.what);
    assert_int_equal(at, strlen(TWO_BLOCKS));
    assert_true(a.n == 2 && a.columns == 8);
    assert_string_equal(a.id, "tiny");
    assert_string_equal(a.accession, "RF99999");
    assert_string_equal(a.row[0].name, "one/1-8");
    assert_string_equal(a.row[0].text, "GC-AAAGC");
    assert_string_equal(a.row[0].posterior, "9*.80***");
    assert_string_equal(a.row[1].text, "GCAAaa-C");
    assert_null(a.row[1].posterior);
    assert_string_equal(a.reference, "gcaaaagc");
    assert_int_equal(rt_stockholm_pairs(partner, a.structure, 8, "a.sto", &err), RT_OK);
    assert_true(partner[0] == 7 && partner[1] == 6 && partner[7] == 0 && partner[2] == -1);
    rt_stockholm_free_members(&a);
    assert_int_equal(parse(&a, &at, TWO_BLOCKS, &err), RT_OK);   /* and nothing behind it */
    assert_int_equal(a.n, 0);
    rt_stockholm_free_members(&a);
}

static void assert_bad(const char *text, int64_t line, const char *what)
{
    rt_stockholm a;
    rt_err err;
    int64_t at = 0;
    assert_int_equal(parse(&a, &at, text, &err), RT_ERR_FORMAT);
    if (!strstr(err.what, what)) fail_msg("'%s' lacks '%s'", err.what, what);
    assert_int_equal(err.line, line);
    rt_stockholm_free_members(&a);
}

static void what_is_no_alignment_is_refused(void **state)
{
    (void)state;
    assert_bad(">a\nACGU\n", 1, "expected '# STOCKHOLM 1.0'");
    assert_bad("# STOCKHOLM 1.0\na ACGU\n", 2, "cut short");
    assert_bad("# STOCKHOLM 1.0\na ACGU\nb ACG\n//\n", 4, "row 2 ends here with 3 columns, the first with 4");
    assert_bad("# STOCKHOLM 1.0\na ACGU\n#=GR b PP ****\n//\n", 3, "annotates a row that is not there");
    assert_bad("# STOCKHOLM 1.0\na ACGU\n#=GC SS_cons <..\n//\n", 4, "SS_cons or RF is not as long");
    assert_bad("# STOCKHOLM 1.0\na\n//\n", 2, "a name and nothing behind it");
    assert_bad("# STOCKHOLM 1.0\n//\n", 2, "without rows");
}

static void unbalanced_structures_are_refused(void **state)
{
    (void)state;
    int32_t partner[6];
    rt_err err;
    assert_int_equal(rt_stockholm_pairs(partner, "<A>.a:", 6, "a.sto", &err), RT_OK);   /* a pseudoknot */
    assert_true(partner[0] == 2 && partner[1] == 4 && partner[4] == 1 && partner[5] == -1);
    assert_int_equal(rt_stockholm_pairs(partner, "<<..>.", 6, "a.sto", &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "column 1 of SS_cons opens what is never closed");
    assert_int_equal(rt_stockholm_pairs(partner, "<.)>..", 6, "a.sto", &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "column 3 of SS_cons closes what was not opened");
}

static void every_seed_of_rfam_is_read(void **state)
{
    (void)state;
    static const struct { const char *name; int64_t rows; } SEEDS[] = {
        {"tRNA5.sto", 5}, {"5S_rRNA.sto", 712}, {"Cobalamin.sto", 431}, {"RF00002.stk", 61}};
    const char *shared = test_shared("Rfam's seed alignments");
    if (!shared) skip();
    for (size_t k = 0; k < sizeof SEEDS / sizeof *SEEDS; k++) {
        char path[512];
        rt_stockholm a;
        rt_err err;
        snprintf(path, sizeof path, "%s/data/rfam/%s", shared, SEEDS[k].name);
        if (rt_stockholm_read(&a, path, &err) != RT_OK) fail_msg("%s:%lld: %s", path, (long long)err.line, err.what);
        print_message("%s: %lld rows of %lld columns\n", SEEDS[k].name, (long long)a.n, (long long)a.columns);
        assert_int_equal(a.n, SEEDS[k].rows);
        int32_t *partner = calloc((size_t)a.columns, sizeof *partner);
        assert_non_null(a.structure);
        assert_int_equal(rt_stockholm_pairs(partner, a.structure, a.columns, path, &err), RT_OK);
        free(partner);
        rt_stockholm_free_members(&a);
    }
}

/* Only letters that can pair do; a gap's partner stays alone; the less sure of two says how sure. */
static void a_row_gets_the_consensus(void **state)
{
    (void)state;
    static const char TEXT[] = "# STOCKHOLM 1.0\nr GCU-AAaAGC\n#=GR r PP **8.****9*\n#=GC SS_cons <<<<..>>>>\n//\n";
    rt_stockholm a;
    rt_pairs pairs = {.length = 11};
    rt_err err;
    int64_t at = 0;
    assert_int_equal(parse(&a, &at, TEXT, &err), RT_OK);
    assert_int_equal(rt_pairs_cm_read_row(&pairs, &a, 0, "AAGCUAAAAGC", 2, 0, "x", &err), RT_OK);
    assert_int_equal(pairs.n, 3);   /* G1-C10, C2-G9, U3-A8; of the fourth pair one column is a gap */
    assert_true(pairs.pair[0].i == 2 && pairs.pair[0].j == 10 && fabs(pairs.pair[0].p - 0.975) < 1e-12);
    assert_true(pairs.pair[1].i == 3 && pairs.pair[1].j == 9 && fabs(pairs.pair[1].p - 0.9) < 1e-12);
    assert_true(pairs.pair[2].i == 4 && pairs.pair[2].j == 8 && fabs(pairs.pair[2].p - 0.8) < 1e-12);
    pairs.n = 0;
    assert_int_equal(rt_pairs_cm_read_row(&pairs, &a, 0, "AAGCUAAAAGC", 2, 0.85, "x", &err), RT_OK);
    assert_int_equal(pairs.n, 2);
    pairs.n = 0;
    assert_int_equal(rt_pairs_cm_read_row(&pairs, &a, 0, "AAGCUAAAAGC", 3, 0, "x", &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "not the sequence that was aligned"));
    rt_pairs_free_members(&pairs);
    rt_stockholm_free_members(&a);
}

/* tRNA-Phe of yeast (1EHZ): the cloverleaf, whether the sequence is the tRNA alone or lies within a longer one. */
static void a_trna_has_the_cloverleaf(void **state)
{
    (void)state;
    static const char *const SEQUENCES[] = {
        "GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA",
        "ACGUACGUACGUAAAGCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCAUUUUUU",
        "ACACAACACAACACACACACCAACACAC"};
    const char *shared = test_shared("tRNA5.c.cm");
    char path[512];
    rt_pairs pairs[3];
    rt_pool *pool;
    rt_err err;
    int64_t found;
    if (!shared) skip();
    snprintf(path, sizeof path, "%s/data/rfam/tRNA5.c.cm", shared);
    assert_int_equal(rt_pool_create(&pool, 2, &err), RT_OK);
    if (rt_pairs_cm_find(pairs, &found, path, SEQUENCES, 3, 0, pool, &err) != RT_OK) fail_msg("%s", err.what);
    assert_true(found == 2 && pairs[0].n == 21 && pairs[1].n == 21 && pairs[2].n == 0);
    for (int64_t k = 0; k < 21; k++)
        assert_true(pairs[0].pair[k].i + 15 == pairs[1].pair[k].i && pairs[0].pair[k].j + 15 == pairs[1].pair[k].j);
    assert_true(pairs[0].pair[0].i == 0 && pairs[0].pair[0].j == 71 && pairs[0].pair[7].i == 9 &&
                pairs[0].pair[7].j == 24);
    for (int k = 0; k < 3; k++) rt_pairs_free_members(&pairs[k]);
    char *path_before = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);   /* Infernal is not there, unless in Debian's own folder */
    if (!rt_file_exists("/usr/lib/infernal/cmfetch")) {
        assert_int_equal(rt_pairs_cm_find(pairs, &found, path, SEQUENCES, 3, 0, pool, &err), RT_ERR_UNSUPPORTED);
        assert_string_equal(err.what, "cmfetch, a program of Infernal, is not installed");
        assert_non_null(strstr(err.hint, "apt-get install infernal"));
    }
    setenv("PATH", path_before, 1);
    free(path_before);
    rt_pool_free(pool);
}

static void bpseq_is_read(void **state)
{
    (void)state;
    rt_bpseq b;
    rt_err err;
    static const char TEXT[] = "Filename: x\n# y\n1 g 3\n2 A 0\r\n3 T 1\n4 P 0\n";
    assert_int_equal(rt_bpseq_parse(&b, TEXT, sizeof TEXT - 1, "x", &err), RT_OK);
    assert_string_equal(b.sequence, "GAUN");
    assert_true(b.length == 4 && b.partner[0] == 2 && b.partner[1] == -1 && b.partner[2] == 0);
    rt_bpseq_free_members(&b);
    assert_true(rt_bpseq_is_name("a.bpseq.gz") && !rt_bpseq_is_name("a.ct"));
}

static void assert_bad_bpseq(const char *text, int64_t line, const char *what)
{
    rt_bpseq b;
    rt_err err;
    assert_int_equal(rt_bpseq_parse(&b, text, (int64_t)strlen(text), "x", &err), RT_ERR_FORMAT);
    if (!strstr(err.what, what)) fail_msg("'%s' lacks '%s'", err.what, what);
    assert_int_equal(err.line, line);
}

static void what_is_no_bpseq_is_refused(void **state)
{
    (void)state;
    assert_bad_bpseq("1 G 3\n2 A\n", 2, "expected 'i letter j'");
    assert_bad_bpseq("1 G 0\n3 A 0\n", 2, "residue 3 follows 1");
    assert_bad_bpseq("1 G 1\n", 1, "1 cannot be the partner of residue 1");
    assert_bad_bpseq("1 G 2\n2 C 0\n", 0, "residue 1 pairs with 2, which does not pair with it");
    assert_bad_bpseq("1 G 7\n2 C 0\n", 0, "residue 1 pairs with 7");
    assert_bad_bpseq("# nothing\n", 0, "holds no residues");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_joined),
        cmocka_unit_test(what_is_no_alignment_is_refused),
        cmocka_unit_test(unbalanced_structures_are_refused),
        cmocka_unit_test(every_seed_of_rfam_is_read),
        cmocka_unit_test(a_row_gets_the_consensus),
        cmocka_unit_test(a_trna_has_the_cloverleaf),
        cmocka_unit_test(bpseq_is_read),
        cmocka_unit_test(what_is_no_bpseq_is_refused),
    };
    (void)test_file;
    (void)test_stderr_begin;
    (void)test_stderr_end;
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
