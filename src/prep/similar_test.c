/* similar_test.c - near-duplicates: planted ones, cd-hit-est's on real sequences, chance, parts, threads */
#include "io/io_test.h"

#include "base/rng.h"
#include "io/csv.h"
#include "prep/similar.h"

static rt_err err;
static const rt_similar_options PLAIN = {.identity = 0.8, .max_chance = 1e-5, .min_length = 11};

static void find(rt_similar *out, rt_unique *u, const char *const *text, int64_t n, const rt_similar_options *o,
                 int threads)
{
    rt_pool *pool;
    expect_ok(rt_pool_create(&pool, threads, &err), &err);
    expect_ok(rt_unique_build(u, text, n, &err), &err);
    expect_ok(rt_similar_find(out, u, o, pool, &err), &err);
    rt_pool_free(pool);
}

static const rt_similar_pair *pair_of(const rt_similar *s, const rt_unique *u, int64_t x, int64_t y)
{
    int32_t a = u->of[x] < u->of[y] ? u->of[x] : u->of[y], b = u->of[x] < u->of[y] ? u->of[y] : u->of[x];
    for (int64_t i = 0; i < s->n_pair; i++)
        if (s->pair[i].a == a && s->pair[i].b == b) return &s->pair[i];
    return NULL;
}

static void distinct_sequences(void **state)
{
    (void)state;
    static const char *const TEXT[] = {"GGGAUC", "acgu", "GGGATC", "ACGU", ""};
    rt_unique u;
    expect_ok(rt_unique_build(&u, TEXT, 5, &err), &err);
    assert_int_equal(u.n, 3);
    assert_int_equal(u.of[0], u.of[2]);
    assert_int_equal(u.of[1], u.of[3]);
    assert_int_equal(u.of[4], 0);
    assert_string_equal(u.text[u.of[0]], "GGGAUC");
    assert_int_equal(u.first[u.of[3]], 1);
    rt_unique_free_members(&u);
}

static void identity_by_hand(void **state)
{
    (void)state;
    assert_float_equal(rt_similar_identity("ACGUACGUAC", "ACGUACGUAC"), 1, 1e-9);
    assert_float_equal(rt_similar_identity("ACGUACGUAC", "GGGGGGACGUACGUACGGGGG"), 1, 1e-9);      /* anywhere */
    assert_float_equal(rt_similar_identity("GGGGACGUACGUACGGGG", "ACGUACGUAC"), 1, 1e-9);         /* either order */
    assert_float_equal(rt_similar_identity("AAAAAAAAAA", "AAAAACAAAA"), 0.9, 1e-9);
    assert_float_equal(rt_similar_identity("GGACUCAGUU", "ACUCAGUUCACCC"), 0.8, 1e-9);             /* hangs over */
    /* N is identical to nothing */
    assert_float_equal(rt_similar_identity("NNNNNNNNNN", "NNNNNNNNNN"), 0, 1e-9);
    /* insertion */
    assert_float_equal(rt_similar_identity("GGCACGUUAGCACUGUAAGCCGUA", "GGCACGUUAGCAGGGGCUGUAAGCCGUA"), 1, 1e-9);
    assert_float_equal(rt_similar_identity("", "ACGU"), 0, 1e-9);
}

static void random_sequence(char *out, int64_t n, uint64_t stream)
{
    rt_rng rng = rt_rng_make(7, stream, 0, RT_DRAW_BOOTSTRAP);
    for (int64_t i = 0; i < n; i++) out[i] = "ACGU"[rt_rng_below(&rng, (uint64_t)i, 4)];
    out[n] = 0;
}

/* A copy with `changes` substitutions, inside `before` and `after` letters of its own. */
static void planted_copy(char *out, const char *from, int64_t changes, int64_t before, int64_t after, uint64_t stream)
{
    rt_rng rng = rt_rng_make(8, stream, 0, RT_DRAW_BOOTSTRAP);
    int64_t n = (int64_t)strlen(from), order[2000];
    random_sequence(out, before + n + after, stream + 1000);
    memcpy(out + before, from, (size_t)n);
    rt_rng_permutation(&rng, n, order);
    for (int64_t c = 0; c < changes; c++) {
        char *at = out + before + order[c];
        *at = *at == 'A' ? 'C' : *at == 'C' ? 'G' : *at == 'G' ? 'U' : 'A';
    }
}

/* Of copies with exactly 80% identity at any offset none is missed, and nothing else is found. */
static void planted_pairs(void **state)
{
    (void)state;
    enum { N = 60 };
    static char text[2 * N][2000];
    const char *all[2 * N];
    rt_unique u;
    rt_similar s;
    for (int i = 0; i < N; i++) {
        int64_t n = 40 + 5 * i;
        random_sequence(text[i], n, (uint64_t)i);
        planted_copy(text[N + i], text[i], n / 5, 13 * i % 300, 7 * i % 200, (uint64_t)i);
    }
    for (int i = 0; i < 2 * N; i++) all[i] = text[i];
    find(&s, &u, all, 2 * N, &PLAIN, 2);
    for (int i = 0; i < N; i++) {
        const rt_similar_pair *p = pair_of(&s, &u, i, N + i);
        if (!p) fail_msg("the copy of sequence %d (%zu nt) was missed", i, strlen(text[i]));
        assert_true(p->identity >= 0.8f - 1e-6f && p->identity < 0.9f);
    }
    assert_int_equal(s.n_pair, N);
    assert_int_equal(s.n_compared, 2 * N * (2 * N - 1) / 2);
    rt_similar_free_members(&s);
    rt_unique_free_members(&u);
}

static void chance(void **state)
{
    (void)state;
    static char text[2][2000];
    const char *all[2] = {text[0], text[1]};
    rt_unique u;
    rt_similar s;
    random_sequence(text[0], 1500, 3);
    memcpy(text[1], text[0] + 700, 12);      /* a 12-mer inside 1,500 letters: chance does that */
    find(&s, &u, all, 2, &PLAIN, 1);
    assert_int_equal(s.n_pair, 0);
    assert_int_equal(s.n_chance, 1);
    rt_similar_free_members(&s);
    rt_unique_free_members(&u);
    rt_similar_options any = PLAIN;
    any.max_chance = 0;
    find(&s, &u, all, 2, &any, 1);
    assert_int_equal(s.n_pair, 1);
    rt_similar_free_members(&s);
    rt_unique_free_members(&u);
    text[1][10] = 0;                          /* shorter than min_length */
    find(&s, &u, all, 2, &any, 1);
    assert_int_equal(s.n_compared, 0);
    rt_similar_free_members(&s);
    rt_unique_free_members(&u);
}

/* Every pair that cd-hit-est -c 0.8 -n 5 -r 0 puts into a cluster, recorded for 761 sequences of 40 residues and
 * more. */
static void what_cd_hit_finds(void **state)
{
    (void)state;
    enum { LIMIT = 2000 };
    static char *name[LIMIT], *rep[LIMIT], *text[LIMIT];
    static const char *const BY_GAPS[][2] = {   /* alignments of several gaps that random pairs have as well */
        {"rs_5btm_A", "db_1kxk_A"},
    };
    rt_csv *csv;
    int64_t n = 0, missed = 0, members = 0;
    bool more;
    expect_ok(rt_csv_open_tsv(&csv, "tests/data/prep/cd_hit_est.tsv", &err), &err);
    while (rt_csv_next(csv, &more, &err) == RT_OK && more && n < LIMIT) {
        name[n] = strdup(rt_csv_text(csv, 0));
        rep[n] = strdup(rt_csv_text(csv, 1));
        text[n++] = strdup(rt_csv_text(csv, 3));
    }
    rt_csv_close(csv);
    assert_true(n > 700);
    rt_unique u;
    rt_similar s;
    find(&s, &u, (const char *const *)text, n, &PLAIN, 2);
    for (int64_t i = 0; i < n; i++) {
        int64_t r = 0;
        while (strcmp(name[r], rep[i]) != 0) r++;
        bool known = strcmp(name[i], BY_GAPS[0][0]) == 0 && strcmp(rep[i], BY_GAPS[0][1]) == 0;
        members += r != i;
        if (u.of[r] != u.of[i] && !pair_of(&s, &u, i, r) && !known) {
            print_message("missed: %s with %s\n", name[i], rep[i]);
            missed++;
        }
    }
    print_message("%lld sequences, %lld cluster members, %lld pairs found\n", (long long)n, (long long)members,
                  (long long)s.n_pair);
    assert_int_equal(missed, 0);
    rt_similar_free_members(&s);
    rt_unique_free_members(&u);
    for (int64_t i = 0; i < n; i++) free(name[i]), free(rep[i]), free(text[i]);
}

static void parts_and_threads(void **state)
{
    (void)state;
    enum { N = 90 };
    static char text[N][400];
    const char *all[N];
    uint8_t parts[N];
    rt_similar_options o = PLAIN;
    rt_unique u;
    rt_similar one, three;
    for (int i = 0; i < N; i++) {
        if (i % 3 == 0) random_sequence(text[i], 60 + i, (uint64_t)i);
        else planted_copy(text[i], text[i - i % 3], 3, i % 5, i % 7, (uint64_t)i);
        all[i] = text[i];
    }
    find(&one, &u, all, N, &PLAIN, 1);
    rt_unique_free_members(&u);
    find(&three, &u, all, N, &PLAIN, 3);
    assert_int_equal(one.n_pair, N);             /* three in each family: three pairs */
    assert_int_equal(three.n_pair, one.n_pair);
    assert_memory_equal(one.pair, three.pair, (size_t)one.n_pair * sizeof *one.pair);
    rt_similar_free_members(&one);
    rt_similar_free_members(&three);
    for (int i = 0; i < N; i++) parts[u.of[i]] = (uint8_t)(i % 3 == 0 ? 1 : i % 3 == 1 ? 2 : 0);
    o.opt_parts = parts;
    rt_unique_free_members(&u);
    find(&one, &u, all, N, &o, 2);
    assert_int_equal(one.n_pair, N / 3);         /* only between part 1 and part 2 */
    rt_similar_free_members(&one);
    rt_unique_free_members(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_sequences), cmocka_unit_test(identity_by_hand), cmocka_unit_test(planted_pairs),
        cmocka_unit_test(chance),             cmocka_unit_test(what_cd_hit_finds), cmocka_unit_test(parts_and_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
