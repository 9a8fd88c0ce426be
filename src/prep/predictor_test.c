/* predictor_test.c - one call for every method, what the cache keeps and when it does not believe it, speed; agreement
 * with known pairs by hand */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>

#include "base/pool.h"
#include "io/test_files.h"
#include "prep/fasta.h"
#include "prep/known.h"
#include "prep/pairs_cache.h"
#include "prep/pairs_vienna.h"
#include "prep/partition.h"

static const char HAIRPIN[] = "GGGGGAAAACCCCC";

static rt_predictor *open_predictor(rt_predict_method method, const char *opt_cache, double min_prob)
{
    rt_predictor *p;
    rt_err err;
    rt_predictor_options options = {.method = method, .opt_cache = opt_cache, .min_prob = min_prob};
    if (rt_predictor_open(&p, &options, &err) != RT_OK) fail_msg("%s", err.what);
    return p;
}

static rt_pairs fold(rt_predictor *p, const char *sequence, bool expected_cached)
{
    rt_pairs pairs;
    rt_err err;
    bool cached;
    if (rt_predictor_fold(&pairs, &cached, p, sequence, (int64_t)strlen(sequence), &err) != RT_OK)
        fail_msg("%s", err.what);
    assert_int_equal(cached, expected_cached);
    return pairs;
}

static void assert_equal_pairs(const rt_pairs *a, const rt_pairs *b)
{
    assert_true(a->length == b->length && a->n == b->n && a->best_score == b->best_score && a->ensemble == b->ensemble);
    assert_memory_equal(a->pair, b->pair, (size_t)a->n * sizeof *a->pair);
    assert_memory_equal(a->best, b->best, (size_t)a->length * sizeof *a->best);
}

/* The one file below the cache's folder. */
static const char *only_file(const char *cache)
{
    static char path[600];
    char folder[320] = "";
    int files = 0;
    DIR *outer = opendir(cache);
    struct dirent *entry;
    assert_non_null(outer);
    while ((entry = readdir(outer)))
        if (entry->d_name[0] != '.') snprintf(folder, sizeof folder, "%s/%.200s", cache, entry->d_name);
    closedir(outer);
    DIR *inner = opendir(folder);
    assert_non_null(inner);
    while ((entry = readdir(inner)))
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%.200s", folder, entry->d_name);
            files++;
        }
    closedir(inner);
    assert_int_equal(files, 1);
    return path;
}

static void a_prediction_is_made_once(void **state)
{
    (void)state;
    char cache[320];
    snprintf(cache, sizeof cache, "%s", test_path("cache"));
    rt_predictor *p = open_predictor(RT_PREDICT_ETERNAFOLD, cache, 0.01);
    rt_pairs first = fold(p, HAIRPIN, false), second = fold(p, HAIRPIN, true);
    assert_true(first.n >= 5);
    assert_equal_pairs(&first, &second);
    rt_pairs_free_members(&second);
    rt_predictor_close(p);
    p = open_predictor(RT_PREDICT_ETERNAFOLD, cache, 0.01);   /* in another run */
    second = fold(p, HAIRPIN, true);
    assert_equal_pairs(&first, &second);
    rt_pairs_free_members(&second);
    only_file(cache);
    second = fold(p, "GGGGGAAAACCCCA", false);                /* another sequence */
    rt_pairs_free_members(&second);
    rt_predictor_close(p);
    p = open_predictor(RT_PREDICT_ETERNAFOLD, cache, 0.02);   /* another least probability */
    second = fold(p, HAIRPIN, false);
    rt_pairs_free_members(&second);
    rt_predictor_close(p);
    rt_pairs_free_members(&first);
}

static void a_damaged_file_is_predicted_again(void **state)
{
    (void)state;
    char cache[320];
    snprintf(cache, sizeof cache, "%s", test_path("damaged"));
    rt_predictor *p = open_predictor(RT_PREDICT_ETERNAFOLD, cache, 0.01);
    rt_pairs first = fold(p, HAIRPIN, false), again;
    const char *path = only_file(cache);
    struct stat before;
    assert_int_equal(stat(path, &before), 0);
    for (int k = 0; k < 3; k++) {   /* a byte changed, cut short, empty */
        FILE *file = fopen(path, "r+");
        if (k == 0) {
            fseek(file, 60, SEEK_SET);
            fputc('x', file);
        }
        fclose(file);
        if (k) assert_int_equal(truncate(path, k == 1 ? before.st_size - 1 : 0), 0);
        test_stderr_begin();
        again = fold(p, HAIRPIN, false);
        assert_non_null(strstr(test_stderr_end(), "no whole file of base pairs of 14 residues; predicted again"));
        assert_equal_pairs(&first, &again);
        rt_pairs_free_members(&again);
        again = fold(p, HAIRPIN, true);
        rt_pairs_free_members(&again);
    }
    rt_pairs_free_members(&first);
    rt_predictor_close(p);
}

static void a_cache_that_cannot_be_written_is_a_warning(void **state)
{
    (void)state;
    char cache[320];
    snprintf(cache, sizeof cache, "%s", test_path("blocked"));
    rt_predictor *p = open_predictor(RT_PREDICT_ETERNAFOLD, cache, 0.01);
    rmdir(cache);
    test_file("blocked", "a file is in the way\n");
    test_stderr_begin();
    rt_pairs first = fold(p, HAIRPIN, false), second = fold(p, HAIRPIN, false);
    const char *said = test_stderr_end(), *warning = strstr(said, "predictions are not kept: ");
    assert_non_null(warning);
    assert_null(strstr(warning + 1, "predictions are not kept"));   /* said once */
    assert_equal_pairs(&first, &second);
    rt_pairs_free_members(&first);
    rt_pairs_free_members(&second);
    rt_predictor_close(p);
}

static void many_at_once_are_as_one_by_one(void **state)
{
    (void)state;
    static const char *const SEQUENCES[] = {HAIRPIN, "ACGU", "GGGAAAUCCGGGAAAUCC", HAIRPIN};
    rt_pairs all[4];
    rt_pool *pool;
    rt_err err;
    int64_t cached;
    assert_int_equal(rt_pool_create(&pool, 3, &err), RT_OK);
    for (int pass = 0; pass < 2; pass++) {
        rt_predictor *p = open_predictor(RT_PREDICT_ETERNAFOLD, test_path("many"), 0.001);
        rt_predictor *alone = open_predictor(RT_PREDICT_ETERNAFOLD, NULL, 0.001);
        assert_int_equal(rt_predictor_fold_all(all, &cached, p, SEQUENCES, 4, pool, &err), RT_OK);
        assert_int_equal(cached, pass ? 4 : 0);
        for (int k = 0; k < 4; k++) {
            rt_pairs one = fold(alone, SEQUENCES[k], false);
            assert_equal_pairs(&one, &all[k]);
            rt_pairs_free_members(&one);
            rt_pairs_free_members(&all[k]);
        }
        rt_predictor_close(p);
        rt_predictor_close(alone);
    }
    rt_pool_free(pool);
}

static void a_method_that_is_not_there_says_so(void **state)
{
    (void)state;
    rt_predictor *p;
    rt_err err;
    rt_predict_method method;
    rt_predictor_options options = {.method = RT_PREDICT_CM};
    assert_int_equal(rt_predictor_open(&p, &options, &err), RT_ERR_USAGE);
    assert_null(p);
    assert_string_equal(err.what, "pairs of a family's consensus need its covariance model");
    options.method = RT_PREDICT_VIENNA;
    if (!rt_pairs_vienna_here()) {
        assert_int_equal(rt_predictor_open(&p, &options, &err), RT_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.hint, "make VIENNA=1"));
    }
    assert_true(rt_predict_method_find(&method, "cm") && method == RT_PREDICT_CM);
    assert_false(rt_predict_method_find(&method, "3d"));
}

/* What a file claims is held against its size before anything is believed. */
static void claims_of_a_file_are_checked(void **state)
{
    (void)state;
    rt_pair some[] = {{0, 9, 0.5}, {1, 8, 0.25}};
    int32_t best[10] = {9, -1, -1, -1, -1, -1, -1, -1, -1, 0};
    rt_pairs pairs = {.length = 10, .pair = some, .n = 2, .best = best}, read;
    rt_err err;
    char path[320];
    snprintf(path, sizeof path, "%s", test_path("one.pairs"));
    assert_int_equal(rt_pairs_cache_write(path, &pairs, &err), RT_OK);
    assert_int_equal(rt_pairs_cache_read(&read, path, 10, &err), RT_OK);
    assert_equal_pairs(&pairs, &read);
    rt_pairs_free_members(&read);
    assert_int_equal(rt_pairs_cache_read(&read, path, 11, &err), RT_ERR_FORMAT);
    some[1] = (rt_pair){8, 1, 0.25};   /* i > j, with a sum that holds */
    assert_int_equal(rt_pairs_cache_write(path, &pairs, &err), RT_OK);
    assert_int_equal(rt_pairs_cache_read(&read, path, 10, &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "has base pairs that cannot be");
    some[1] = (rt_pair){1, 8, 0.25};
    best[0] = 5;                       /* 5 does not point back */
    assert_int_equal(rt_pairs_cache_write(path, &pairs, &err), RT_OK);
    assert_int_equal(rt_pairs_cache_read(&read, path, 10, &err), RT_ERR_FORMAT);
}

/* ---- speed ------------------------------------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void make_sequence(char *out, int64_t n)
{
    uint32_t x = 12345;
    for (int64_t k = 0; k < n; k++) {
        x = x * 1664525 + 1013904223;
        out[k] = "ACGU"[x >> 30];
    }
    out[n] = 0;
}

/* One core: the processor's time, so that other work on the machine does not count. */
static void a_crop_of_384_is_fast(void **state)
{
    (void)state;
    char sequence[385];
    make_sequence(sequence, 384);
    for (int m = RT_PREDICT_ETERNAFOLD; m <= RT_PREDICT_VIENNA; m++) {
        if (m == RT_PREDICT_VIENNA && !rt_pairs_vienna_here()) {
            print_message("skipped: built without ViennaRNA\n");
            continue;
        }
        rt_predictor *p = open_predictor((rt_predict_method)m, test_path("speed"), 0.01);
        double start = cpu_seconds();
        rt_pairs pairs = fold(p, sequence, false);
        double predicted = cpu_seconds() - start;
        rt_pairs_free_members(&pairs);
        start = cpu_seconds();
        for (int k = 0; k < 20; k++) {
            pairs = fold(p, sequence, true);
            rt_pairs_free_members(&pairs);
        }
        double cached = (cpu_seconds() - start) / 20;
        print_message("384 residues, %s: predicted in %.0f ms, from the cache in %.2f ms\n",
                      rt_predict_method_name((rt_predict_method)m), 1e3 * predicted, 1e3 * cached);
        assert_true(predicted < 1 && cached < 0.005);
        rt_predictor_close(p);
    }
}

/* ---- known pairs ------------------------------------------------------------------------------------------------- */

static void agreement_by_hand(void **state)
{
    (void)state;
    rt_known_set set = {0};
    rt_agreement a[2];
    rt_pool *pool;
    rt_err err;
    const double thresholds[] = {0.5, 0.999999};
    assert_int_equal(rt_pool_create(&pool, 1, &err), RT_OK);
    /* the hairpin's five pairs, all found; the same again; another whose recorded pairs are elsewhere; one without */
    const char *same =
        test_file("a.bpseq", "1 G 14\n2 G 13\n3 G 12\n4 G 11\n5 G 10\n6 A 0\n7 A 0\n8 A 0\n9 A 0\n10 C 5\n"
                             "11 C 4\n12 C 3\n13 C 2\n14 C 1\n");
    assert_int_equal(rt_known_add_file(&set, same, 100, &err), RT_OK);
    assert_int_equal(rt_known_add_file(&set, same, 100, &err), RT_OK);
    assert_int_equal(rt_known_add_file(&set, test_file("b.bpseq", "1 A 4\n2 C 0\n3 A 0\n4 U 1\n"), 100, &err), RT_OK);
    assert_int_equal(rt_known_add_file(&set, test_file("c.bpseq", "1 A 0\n2 C 0\n"), 100, &err), RT_OK);
    assert_int_equal(rt_known_add_file(&set, test_file("d.bpseq", "1 A 2\n2 U 1\n"), 1, &err), RT_OK);
    assert_true(set.n == 2 && set.n_twice == 1 && set.n_bare == 1 && set.n_long == 1);
    rt_predictor *p = open_predictor(RT_PREDICT_ETERNAFOLD, NULL, 0.01);
    assert_int_equal(rt_known_compare(a, thresholds, 2, &set, p, pool, &err), RT_OK);
    assert_true(a[0].n == 2 && a[0].n_with == 1 && a[0].n_known == 6 && a[0].n_predicted == 5 && a[0].n_right == 5);
    assert_true(a[0].ppv == 1 && fabs(a[0].sensitivity - 5.0 / 6) < 1e-12);
    assert_true(a[1].n_predicted == 0 && isnan(a[1].ppv) && a[1].sensitivity == 0);
    set.item[0].resolved = calloc(14, 1);   /* nothing is resolved: what is predicted cannot be judged */
    assert_int_equal(rt_known_compare(a, thresholds, 1, &set, p, pool, &err), RT_OK);
    assert_true(a[0].n_predicted == 0 && a[0].n_right == 0);
    rt_predictor_close(p);
    rt_known_free_members(&set);
    rt_pool_free(pool);
    assert_int_equal(rt_known_add_folder(&set, test_folder, 100, &err), RT_OK);
    assert_int_equal(set.n + set.n_twice + set.n_bare + set.n_long, 4);
    rt_known_free_members(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prediction_is_made_once),
        cmocka_unit_test(a_damaged_file_is_predicted_again),
        cmocka_unit_test(a_cache_that_cannot_be_written_is_a_warning),
        cmocka_unit_test(many_at_once_are_as_one_by_one),
        cmocka_unit_test(a_method_that_is_not_there_says_so),
        cmocka_unit_test(claims_of_a_file_are_checked),
        cmocka_unit_test(a_crop_of_384_is_fast),
        cmocka_unit_test(agreement_by_hand),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
