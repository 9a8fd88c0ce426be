/* augment_set_test.c - the closed list of variants: what is too near a held-out sequence, or beyond a family's limit, is
 * never drawn */
#include "io/io_test.h"
#include "io/test_files.h"

#include "prep/augment_test.h"

#include "prep/augment_set.h"
#include "prep/dataset_write.h"
#include "prep/similar.h"

static const char PLAN[] = "compensatory:p=1,helix=1,pair=0.5,relax=probability";
enum { VARIANTS = 6 };

static rt_pool *pool;

static rt_augment_set *open_set(const rt_dataset *set, const rt_augment_set_options *rest, const char *plan)
{
    rt_augment_set *made;
    rt_err err;
    int64_t all[64], n = rt_dataset_count(set);
    rt_augment_set_options o = *rest;
    for (int64_t i = 0; i < n; i++) all[i] = i;
    o.set = set, o.variants = VARIANTS, o.plan = plan_of(plan);
    if (!o.target) o.target = all, o.n_target = n;
    expect_ok(rt_augment_set_open(&made, &o, pool, &err), &err);
    return made;
}

/* The demo's chains, and one more target of these letters, without a structure. */
static rt_dataset *with_held_out(const rt_dataset *from, const char *sequence)
{
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_err err;
    char folder[400];
    int64_t n = rt_dataset_count(from);
    snprintf(folder, sizeof folder, "%s", test_path("held"));
    expect_ok(rt_dataset_writer_open(&writer, folder, "plan", &err), &err);
    for (int64_t i = 0; i <= n; i++) {
        rt_target t = i < n ? *rt_dataset_at(from, i) : rt_target_empty();
        if (i == n) t.id = "HELD", t.sequence = sequence, t.origin = RT_ORIGIN_TRAIN;
        t.number = i;
        expect_ok(rt_dataset_writer_add(writer, &t, t.xyz, &err), &err);
    }
    expect_ok(rt_dataset_writer_commit(writer, &err), &err);
    expect_ok(rt_dataset_open(&set, folder, &err), &err);
    return set;
}

static int64_t count_sequence(const rt_augment_set *set, const char *sequence)
{
    int64_t n = 0;
    for (int64_t i = 0; i < rt_augment_set_record(set)->n; i++)
        n += strcmp(rt_augment_set_record(set)->row[i].sequence, sequence) == 0;
    return n;
}

/* What a sample draws, over many: how many were refused, and none of `sequence` was made. */
static int64_t draw_many(const rt_augment_set *set, const rt_target *t, const char *sequence)
{
    int64_t refused = 0;
    rt_err err;
    for (uint64_t number = 0; number < 60; number++) {
        rt_augment_reason reason;
        rt_augment_example e;
        rt_augment_draw draw = rt_augment_set_pick(set, &reason, t, rt_hash_text(t->id), number);
        refused += reason == RT_REASON_HELD_OUT;
        assert_int_equal(rt_augment_set_refusal(set, t, &draw), reason);
        if (reason != RT_REASON_NONE) continue;
        expect_ok(rt_augment_set_make(set, &e, NULL, NULL, t, &draw, &err), &err);
        assert_string_not_equal(e.sequence, sequence);
        rt_augment_example_free_members(&e);
    }
    return refused;
}

static void what_is_held_out_is_never_drawn(void **state)
{
    (void)state;
    corpus shipped;
    open_folder(&shipped, "examples/demo/structures", "demo", NULL);
    rt_augment_set_options none = {0};
    rt_augment_set *free_set = open_set(shipped.set, &none, PLAN);
    const rt_augmented *list = rt_augment_set_record(free_set);
    int64_t longest = 0;
    for (int64_t i = 0; i < list->n; i++)
        if (strlen(list->row[i].sequence) > strlen(list->row[longest].sequence)) longest = i;
    char leak[512], source[64], id[64];
    snprintf(leak, sizeof leak, "%s", list->row[longest].sequence);
    snprintf(source, sizeof source, "%s", list->row[longest].source);
    rt_dataset *set = with_held_out(shipped.set, leak);
    rt_split_row row = {.target = strcpy(id, "HELD"), .part = RT_PART_TEST};
    rt_split split = {.row = &row, .n = 1};
    rt_held_out held = {0};
    held.id = (char *[]){id}, held.sequence = (char *[]){leak}, held.n = 1;
    rt_augment_set_options equal = {.opt_split = &split, .identity = 1, .chance = 1e-5}, table = equal, near = equal;
    table.opt_split = NULL, table.opt_held = &held;
    near.identity = 0.8;
    rt_augment_set *by_split = open_set(set, &equal, PLAN), *by_table = open_set(set, &table, PLAN);
    rt_augment_set *by_identity = open_set(set, &near, PLAN);
    const rt_target *t = rt_dataset_find(set, source);
    assert_true(count_sequence(free_set, leak) > 0);
    assert_int_equal(count_sequence(by_split, leak), 0);
    assert_int_equal(count_sequence(by_table, leak), 0);
    assert_int_equal(rt_augment_set_summary(by_split)->refused, count_sequence(free_set, leak));
    assert_int_equal(rt_augment_set_record(by_split)->n + rt_augment_set_summary(by_split)->refused, list->n);
    assert_true(draw_many(by_split, t, leak) > 0);
    assert_true(strcmp(rt_augment_set_hash(by_split), rt_augment_set_hash(free_set)) != 0);
    assert_string_equal(rt_augment_set_hash(by_split), rt_augment_set_hash(by_table));
    for (int64_t i = 0; i < list->n; i++) {   /* by the audit's own limit: all that are near, and no others of that chain */
        bool same = strcmp(list->row[i].source, source) == 0, is_near = rt_similar_identity(list->row[i].sequence, leak) >= 0.8;
        if (same) assert_int_equal(count_sequence(by_identity, list->row[i].sequence) == 0, is_near);
    }
    print_message("note: %lld variants; %lld refused as equal to a held-out sequence, %lld as 80 %% identical\n",
                  (long long)list->n, (long long)rt_augment_set_summary(by_split)->refused,
                  (long long)rt_augment_set_summary(by_identity)->refused);
    assert_true(rt_augment_set_summary(by_identity)->refused > rt_augment_set_summary(by_split)->refused);
    rt_augment_set_close(free_set);
    rt_augment_set_close(by_split);
    rt_augment_set_close(by_table);
    rt_augment_set_close(by_identity);
    rt_dataset_close(set);
    close_corpus(&shipped);
}

static void families_have_their_limit(void **state)
{
    (void)state;
    corpus c;
    char folder[4096];
    rt_seeds seeds = {0};
    rt_err err;
    expect_ok(rt_seeds_read(&seeds, shared("data/rfam/tRNA.sto"), &err), &err);
    snprintf(folder, sizeof folder, "%s", shared("data/structures/1ehz.cif.gz"));
    *strrchr(folder, '/') = 0;
    open_folder(&c, folder, "trna", test_file("list", "1ehz.cif.gz\n1fir.cif.gz\n"));
    rt_family_table families;
    expect_ok(rt_family_table_read(&families, test_file("families.tsv", "target\tfamily\tcomponent\n1EHZ_A\tRF00005\t1\n"
                                                                        "1FIR_A\tRF00005\t1\n"), &err), &err);
    rt_augment_set_options o = {.opt_seeds = &seeds, .opt_families = &families};
    rt_augment_set *all = open_set(c.set, &o, "homolog:p=1"), *some = open_set(c.set, &o, "homolog:p=1,limit=7");
    assert_int_equal(rt_augment_set_record(all)->n, 2 * VARIANTS);
    assert_int_equal(rt_augment_set_record(some)->n, 7);
    assert_int_equal(rt_augment_set_record(some)->row[6].tier, 4);
    rt_augment_reason reason;
    int64_t limited = 0;
    const rt_target *last = rt_dataset_at(c.set, 1);
    for (uint64_t number = 0; number < 40; number++) {
        rt_augment_draw draw = rt_augment_set_pick(some, &reason, last, 1, number);
        assert_int_equal(draw.kinds, RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG));
        limited += reason == RT_REASON_FAMILY_LIMIT;
    }
    assert_true(limited > 0 && limited < 40);
    assert_int_equal(rt_augment_set_summary(all)->limited, 0);
    assert_int_equal(rt_augment_set_summary(some)->limited, 5);
    for (int64_t v = 0; v < VARIANTS; v++) {
        rt_augment_draw draw = {.kinds = RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG), .variant = v};
        assert_int_equal(rt_augment_set_refusal(some, rt_dataset_at(c.set, 0), &draw), RT_REASON_NONE);
        assert_int_equal(rt_augment_set_refusal(some, last, &draw), v ? RT_REASON_FAMILY_LIMIT : RT_REASON_NONE);
    }
    rt_augment_set_close(all);
    rt_augment_set_close(some);
    rt_family_table_free_members(&families);
    rt_seeds_free_members(&seeds);
    close_corpus(&c);
}

/* p is the share of samples, each augmentation by itself. */
static void samples_get_their_share(void **state)
{
    (void)state;
    corpus shipped;
    open_folder(&shipped, "examples/demo/structures", "share", NULL);
    rt_augment_set_options none = {0};
    rt_augment_set *set = open_set(shipped.set, &none, "compensatory:p=0.3,relax=probability");
    int64_t n = 0;
    for (uint64_t number = 0; number < 4000; number++) {
        rt_augment_reason reason;
        n += rt_augment_set_pick(set, &reason, rt_dataset_at(shipped.set, 0), 9, number).kinds != 0;
        assert_false(rt_augment_set_has_noise(set, 9, number));
    }
    assert_true(n > 1100 && n < 1300);
    rt_augment_set_close(set);
    close_corpus(&shipped);
}

static int make_pool(void **state)
{
    return test_folder_make(state) != 0 || rt_pool_create(&pool, 2, NULL) != RT_OK;
}

static int free_pool(void **state)
{
    rt_pool_free(pool);
    return test_folder_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_out_is_never_drawn),
        cmocka_unit_test(families_have_their_limit),
        cmocka_unit_test(samples_get_their_share),
    };
    return cmocka_run_group_tests(tests, make_pool, free_pool);
}
