/* augment_claims_test.c - what tiers 2 to 4 say of their chemistry, measured over every structure that is here: those of
 * the shared folder, or else the demo's */
#include "io/io_test.h"
#include "io/test_files.h"

#include "prep/augment_test.h"

#include "base/clock.h"
#include "io/csv.h"
#include "prep/annotation.h"
#include "score/clash.h"

enum { VARIANTS = 4 };

/* shared/data/rnaset and shared/data/structures, or the demo's */
enum { FOLDERS = 2 };
static corpus all[FOLDERS];
static int64_t n_all, n_targets;

/* ---- measures ------------------------------------------------------------------------------------------------------ */

typedef struct {
    double most, sum;
    int64_t n;
} spread;

static void add(spread *s, double value)
{
    if (!isfinite(value)) return;
    s->most = fmax(s->most, fabs(value));
    s->sum += fabs(value);
    s->n++;
}

static double mean(const spread *s) { return s->n ? s->sum / (double)s->n : 0; }

static double length_of(const float *r, int a, int b)
{
    double sum = 0;
    for (int d = 0; d < 3; d++) sum += pow((double)r[3 * a + d] - (double)r[3 * b + d], 2);
    return sqrt(sum);
}

/* The angle a-b-c in degrees. */
static double angle_of(const float *r, int a, int b, int c)
{
    double x = length_of(r, a, b), y = length_of(r, b, c), z = length_of(r, a, c);
    return acos((x * x + y * y - z * z) / (2 * x * y)) * 180 / M_PI;
}

/* Means of bond lengths and of angles at the glycosidic bond in high-resolution structures: L. Clowney et al., J. Am.
 * Chem. Soc. 118:509 (1996), A. Gelbin et al., ibid. 118:519 (1996).  Written down apart from the code's own table. */
typedef struct { char letter; int a, b; double length; } known_bond;
static const known_bond BOND[] = {
    {'A', RT_SLOT_N1, RT_SLOT_C2, 1.339}, {'A', RT_SLOT_C2, RT_SLOT_N3, 1.331}, {'A', RT_SLOT_N3, RT_SLOT_C4, 1.344},
    {'A', RT_SLOT_C4, RT_SLOT_C5, 1.383}, {'A', RT_SLOT_C5, RT_SLOT_C6, 1.406}, {'A', RT_SLOT_C6, RT_SLOT_N1, 1.351},
    {'A', RT_SLOT_C5, RT_SLOT_N7, 1.388}, {'A', RT_SLOT_N7, RT_SLOT_C8, 1.311}, {'A', RT_SLOT_C8, RT_SLOT_N9, 1.373},
    {'A', RT_SLOT_N9, RT_SLOT_C4, 1.374}, {'A', RT_SLOT_C6, RT_SLOT_N6, 1.335}, {'A', RT_SLOT_N9, RT_SLOT_C1P, 1.462},
    {'G', RT_SLOT_N1, RT_SLOT_C2, 1.373}, {'G', RT_SLOT_C2, RT_SLOT_N3, 1.323}, {'G', RT_SLOT_N3, RT_SLOT_C4, 1.350},
    {'G', RT_SLOT_C4, RT_SLOT_C5, 1.379}, {'G', RT_SLOT_C5, RT_SLOT_C6, 1.419}, {'G', RT_SLOT_C6, RT_SLOT_N1, 1.391},
    {'G', RT_SLOT_C5, RT_SLOT_N7, 1.388}, {'G', RT_SLOT_N7, RT_SLOT_C8, 1.305}, {'G', RT_SLOT_C8, RT_SLOT_N9, 1.374},
    {'G', RT_SLOT_N9, RT_SLOT_C4, 1.375}, {'G', RT_SLOT_C2, RT_SLOT_N2, 1.341}, {'G', RT_SLOT_C6, RT_SLOT_O6, 1.237},
    {'G', RT_SLOT_N9, RT_SLOT_C1P, 1.459},
    {'C', RT_SLOT_N1, RT_SLOT_C2, 1.397}, {'C', RT_SLOT_C2, RT_SLOT_N3, 1.353}, {'C', RT_SLOT_N3, RT_SLOT_C4, 1.335},
    {'C', RT_SLOT_C4, RT_SLOT_C5, 1.425}, {'C', RT_SLOT_C5, RT_SLOT_C6, 1.339}, {'C', RT_SLOT_C6, RT_SLOT_N1, 1.367},
    {'C', RT_SLOT_C2, RT_SLOT_O2, 1.240}, {'C', RT_SLOT_C4, RT_SLOT_N4, 1.335}, {'C', RT_SLOT_N1, RT_SLOT_C1P, 1.470},
    {'U', RT_SLOT_N1, RT_SLOT_C2, 1.381}, {'U', RT_SLOT_C2, RT_SLOT_N3, 1.373}, {'U', RT_SLOT_N3, RT_SLOT_C4, 1.380},
    {'U', RT_SLOT_C4, RT_SLOT_C5, 1.431}, {'U', RT_SLOT_C5, RT_SLOT_C6, 1.337}, {'U', RT_SLOT_C6, RT_SLOT_N1, 1.375},
    {'U', RT_SLOT_C2, RT_SLOT_O2, 1.219}, {'U', RT_SLOT_C4, RT_SLOT_O4, 1.232}, {'U', RT_SLOT_N1, RT_SLOT_C1P, 1.469},
};
typedef struct { char letter; int a, b, c; double degrees; } known_angle;
static const known_angle ANGLE[] = {
    {'A', RT_SLOT_C1P, RT_SLOT_N9, RT_SLOT_C4, 126.3}, {'A', RT_SLOT_C1P, RT_SLOT_N9, RT_SLOT_C8, 127.7},
    {'G', RT_SLOT_C1P, RT_SLOT_N9, RT_SLOT_C4, 126.5}, {'G', RT_SLOT_C1P, RT_SLOT_N9, RT_SLOT_C8, 127.0},
    {'C', RT_SLOT_C1P, RT_SLOT_N1, RT_SLOT_C2, 118.8}, {'C', RT_SLOT_C1P, RT_SLOT_N1, RT_SLOT_C6, 120.8},
    {'U', RT_SLOT_C1P, RT_SLOT_N1, RT_SLOT_C2, 117.7}, {'U', RT_SLOT_C1P, RT_SLOT_N1, RT_SLOT_C6, 121.2},
};

/* Angles within the bases: every two bonds that share an atom; the reference is the mean over all native bases here. */
enum { MOST_ANGLES = 200 };
static struct { char letter; int a, b, c; double sum; int64_t n; } ring[MOST_ANGLES];
static int n_ring;

static void list_ring_angles(void)
{
    for (size_t p = 0; p < sizeof BOND / sizeof *BOND; p++)
        for (size_t q = 0; q < p; q++) {
            const known_bond *x = &BOND[p], *y = &BOND[q];
            if (x->letter != y->letter || x->b == RT_SLOT_C1P || y->b == RT_SLOT_C1P) continue;
            int shared_atom = x->a == y->a || x->a == y->b ? x->a : x->b == y->a || x->b == y->b ? x->b : -1;
            if (shared_atom < 0) continue;
            ring[n_ring].letter = x->letter, ring[n_ring].b = shared_atom;
            ring[n_ring].a = x->a == shared_atom ? x->b : x->a;
            ring[n_ring++].c = y->a == shared_atom ? y->b : y->a;
        }
    for (int64_t k = 0; k < n_all; k++)
        for (int64_t i = 0; i < all[k].n; i++) {
            const rt_target *t = rt_dataset_at(all[k].set, i);
            for (int64_t r = 0; r < t->length; r++)
                for (int g = 0; g < n_ring; g++) {
                    double angle = angle_of(rt_target_xyz(t, 0) + r * STRIDE, ring[g].a, ring[g].b, ring[g].c);
                    if (ring[g].letter == t->sequence[r] && isfinite(angle)) ring[g].sum += angle, ring[g].n++;
                }
        }
}

typedef struct {
    spread ring, bonds, joint, angles, sugar, c1_shift, worse, native_bonds, native_angles, pair_bonds, native_pair_bonds;
    int64_t rebuilt, examples, changed_examples, clashes_before, clashes_after, more_clashes;
    int64_t pairs_changed, pairs_kept, sequences, changed_targets;
    rt_augment_tally tally;
    double seconds;
} measure;

static void measure_base(spread *bonds, spread *joint, spread *angles, const float *r, char letter)
{
    for (size_t k = 0; k < sizeof BOND / sizeof *BOND; k++) {
        if (BOND[k].letter != letter) continue;
        double off = length_of(r, BOND[k].a, BOND[k].b) - BOND[k].length;
        if (BOND[k].b == RT_SLOT_C1P && joint) add(joint, off);
        else add(bonds, off);
    }
    for (size_t k = 0; k < sizeof ANGLE / sizeof *ANGLE; k++)
        if (ANGLE[k].letter == letter) add(angles, angle_of(r, ANGLE[k].a, ANGLE[k].b, ANGLE[k].c) - ANGLE[k].degrees);
}

static int nitrogen(char letter) { return letter == 'A' || letter == 'G' ? RT_SLOT_N9 : RT_SLOT_N1; }

static void measure_residue(measure *m, const float *before, const float *after, char from, char to)
{
    int was = nitrogen(from), is = nitrogen(to);
    measure_base(&m->bonds, &m->joint, &m->angles, after, to);
    measure_base(&m->native_bonds, NULL, &m->native_angles, before, from);
    for (int g = 0; g < n_ring; g++)
        if (ring[g].letter == to)
            add(&m->ring, angle_of(after, ring[g].a, ring[g].b, ring[g].c) - ring[g].sum / (double)ring[g].n);
    add(&m->sugar, angle_of(after, RT_SLOT_O4P, RT_SLOT_C1P, is) - angle_of(before, RT_SLOT_O4P, RT_SLOT_C1P, was));
    add(&m->sugar, angle_of(after, RT_SLOT_C2P, RT_SLOT_C1P, is) - angle_of(before, RT_SLOT_C2P, RT_SLOT_C1P, was));
    for (int s = 0; s < RT_SLOT_COUNT; s++) {
        bool base = s >= RT_SLOT_N1 && s <= RT_SLOT_O6;
        if (!base) assert_memory_equal(before + 3 * s, after + 3 * s, 3 * sizeof *before);
    }
    double shift = 0;
    for (int d = 0; d < 3; d++) shift += pow((double)before[3 * RT_SLOT_C1P + d] - (double)after[3 * RT_SLOT_C1P + d], 2);
    add(&m->c1_shift, sqrt(shift));
    m->rebuilt++;
}

/* By score/clash and prep/annotation, which the augmentations do not use. */
static void measure_whole(measure *m, const rt_target *t, const rt_augment_example *e, const rt_augment_log *log)
{
    rt_molecule before, after;
    rt_annotation annotation;
    rt_err err;
    double score;
    int64_t n_before, n_after;
    expect_ok(rt_fold_map_molecule(&before, t->sequence, rt_target_xyz(t, 0), t->n_slot, "", &err), &err);
    expect_ok(rt_fold_map_molecule(&after, e->sequence, e->xyz, e->n_slot, "", &err), &err);
    expect_ok(rt_clash(&score, &n_before, &before, &err), &err);
    expect_ok(rt_clash(&score, &n_after, &after, &err), &err);
    m->clashes_before += n_before, m->clashes_after += n_after;
    m->more_clashes += n_after > n_before;
    expect_ok(rt_annotation_build(&annotation, &after, NULL, &err), &err);
    for (int64_t k = 0; k < log->n; k++) {
        const rt_augment_change *c = &log->change[k];
        if (c->reason != RT_REASON_NONE || c->j < 0) continue;
        m->pairs_changed++;
        bool kept = annotation.partner[c->i] == c->j;
        if (!kept)
            print_message("note: %s: pair %lld-%lld %s to %s is lost, bonds off by %.3f A, before %.3f\n", t->id,
                          (long long)c->i + 1, (long long)c->j + 1, c->from, c->to, c->bonds_after, c->bonds_before);
        m->pairs_kept += kept;
        m->worse.most = fmax(m->worse.most, c->bonds_after - c->bonds_before);
        add(&m->pair_bonds, c->bonds_after);
        add(&m->native_pair_bonds, c->bonds_before);
    }
    rt_annotation_free_members(&annotation);
    rt_molecule_free_members(&before);
    rt_molecule_free_members(&after);
}

static void run_target(measure *m, const rt_augment_plan *plan, const rt_target *t, const rt_fold_map *map,
                       const rt_homologs *opt_homologs)
{
    char *seen[VARIANTS + 1];
    int64_t n_seen = 0;
    rt_err err;
    seen[n_seen++] = rt_copy_text(t->sequence, -1, &err);
    for (int64_t v = 0; v < VARIANTS; v++) {
        rt_augment_example e;
        rt_augment_log log = {0};
        rt_augment_draw draw = {.kinds = rt_augment_sequence_bits(plan), .variant = v};
        double begin = rt_clock();
        expect_ok(rt_augment_make(&e, &m->tally, &log, plan, t, map, opt_homologs, &draw, &err), &err);
        m->seconds += rt_clock() - begin;
        m->examples++;
        bool changed = strcmp(e.sequence, t->sequence) != 0, is_new = true;
        m->changed_examples += changed;
        for (int64_t k = 0; k < n_seen; k++) is_new = is_new && strcmp(seen[k], e.sequence) != 0;
        if (is_new) seen[n_seen++] = rt_copy_text(e.sequence, -1, &err);
        const float *native = rt_target_xyz(t, 0);
        for (int64_t i = 0; i < t->length; i++) {
            const float *r = e.xyz + i * STRIDE;
            if (e.sequence[i] != t->sequence[i] && isfinite(r[3 * RT_SLOT_N1]))
                measure_residue(m, native + i * STRIDE, r, t->sequence[i], e.sequence[i]);
        }
        if (changed) measure_whole(m, t, &e, &log);
        rt_augment_log_free_members(&log);
        rt_augment_example_free_members(&e);
    }
    m->sequences += n_seen;
    m->changed_targets += n_seen > 1;
    for (int64_t k = 0; k < n_seen; k++) free(seen[k]);
}

static void print_measure(const char *name, const measure *m, rt_augment_kind kind, int64_t targets)
{
    const rt_augment_count *c = &m->tally.of[kind];
    int64_t rejected = 0;
    print_message("note: %s: %lld bases rebuilt in %lld of %lld examples; %.2f distinct sequences per target, of %lld targets "
                  "%lld with changed ones %.2f\n", name, (long long)m->rebuilt, (long long)m->changed_examples,
                  (long long)m->examples, (double)m->sequences / (double)targets, (long long)targets,
                  (long long)m->changed_targets,
                  (double)(m->sequences - targets) / (double)m->changed_targets + 1);
    print_message("note:   bond lengths in the base: off by %.4f A in the mean, %.4f at most (the old bases: %.4f, %.4f)\n",
                  mean(&m->bonds), m->bonds.most, mean(&m->native_bonds), m->native_bonds.most);
    print_message("note:   C1'-N bond: %.4f A, %.4f at most; angles there: %.2f degrees, %.2f (the old: %.2f, %.2f)\n",
                  mean(&m->joint), m->joint.most, mean(&m->angles), m->angles.most, mean(&m->native_angles),
                  m->native_angles.most);
    print_message("note:   angles in the base: off the mean of %d kinds in native bases by %.2f degrees in the mean, %.2f at "
                  "most\n", n_ring, mean(&m->ring), m->ring.most);
    print_message("note:   angles at the sugar changed by %.5f degrees at most; C1' moved by %.5f A at most\n", m->sugar.most,
                  m->c1_shift.most);
    if (m->pairs_changed)
        print_message("note:   %lld pairs, %lld still canonical in 3D; hydrogen bonds off by %.3f A (before %.3f), worse by "
                      "%.3f at most\n", (long long)m->pairs_changed, (long long)m->pairs_kept, mean(&m->pair_bonds),
                      mean(&m->native_pair_bonds), m->worse.most);
    print_message("note:   clashes in the whole structures: %lld before, %lld after; more than before in %lld examples\n",
                  (long long)m->clashes_before, (long long)m->clashes_after, (long long)m->more_clashes);
    print_message("note:   made %lld, masked %lld;", (long long)c->changes, (long long)c->masked);
    for (int r = 1; r < RT_REASONS; r++) {
        if (c->rejected[r])
            print_message(" %s %lld", rt_augment_reason_name((rt_augment_reason)r), (long long)c->rejected[r]);
        rejected += c->rejected[r];
    }
    print_message("; accepted %.1f %% of what was drawn\n",
                  100.0 * (double)c->changes / (double)(c->changes + rejected > 0 ? c->changes + rejected : 1));
    print_message("note:   %.3f ms an example\n", 1e3 * m->seconds / (double)m->examples);
}

/* sequences: distinct ones over all targets, the native ones counted, that each of them has at least in the mean. */
static void expect_claims(const measure *m, int64_t targets, double sequences)
{
    if (n_all == FOLDERS) assert_true((double)m->sequences >= sequences * (double)targets);   /* not of the demo's few */
    assert_true(m->sequences - targets >= 2 * m->changed_targets);
    assert_true(m->rebuilt > 0);
    assert_true(m->bonds.most < 0.005);
    assert_true(m->joint.most < 0.015);
    assert_true(mean(&m->ring) < 0.6 && m->ring.most < 2);
    assert_true(mean(&m->angles) < 2.5 && m->angles.most < 12);
    assert_true(m->sugar.most < 0.05);
    assert_true(m->c1_shift.most == 0);
    assert_int_equal(m->more_clashes, 0);
    assert_int_equal(m->pairs_kept, m->pairs_changed);
    assert_true(m->worse.most <= 0.3);
}

static int open_all(void **state)
{
    const char *shared_folder = getenv("RT_SHARED") ? getenv("RT_SHARED") : "../shared";
    static const char *const NAME[FOLDERS] = {"rnaset", "structures"};
    char folder[4096];
    if (test_folder_make(state) != 0) return -1;
    for (int k = 0; k < FOLDERS; k++) {
        snprintf(folder, sizeof folder, "%s/data/%s", shared_folder, NAME[k]);
        if (rt_folder_exists(folder)) open_folder(&all[n_all++], folder, NAME[k], NULL);
    }
    if (n_all == 0) open_folder(&all[n_all++], "examples/demo/structures", "demo", NULL);
    for (int64_t k = 0; k < n_all; k++) n_targets += all[k].n;
    list_ring_angles();
    print_message("note: %lld chains of %s\n", (long long)n_targets, n_all == FOLDERS ? "the shared folder" : "the demo");
    return 0;
}

static int close_all(void **state)
{
    for (int64_t k = 0; k < n_all; k++) close_corpus(&all[k]);
    return test_folder_remove(state);
}

static void run_all(measure *m, const rt_augment_plan *plan)
{
    for (int64_t k = 0; k < n_all; k++)
        for (int64_t i = 0; i < all[k].n; i++) run_target(m, plan, rt_dataset_at(all[k].set, i), &all[k].map[i], NULL);
}

/* A residue is carried as a whole: what is between its atoms does not change, what is between residues does. */
static void tier_1_carries_residues(void **state)
{
    (void)state;
    rt_augment_plan plan = plan_of("noise");
    spread inside = {0}, step = {0};
    int64_t bonds = 0, broken = 0;
    rt_err err;
    for (int64_t k = 0; k < n_all; k++)
        for (int64_t i = 0; i < all[k].n; i++) {
            const rt_target *t = rt_dataset_at(all[k].set, i);
            const float *native = rt_target_xyz(t, 0);
            rt_augment_noise_key key = {.seed = 1, .stream = rt_hash_text(t->id)};
            float *xyz = rt_alloc(t->length * STRIDE, sizeof *xyz, &err);
            memcpy(xyz, native, (size_t)(t->length * STRIDE) * sizeof *xyz);
            rt_augment_noise(xyz, t->length, RT_SLOT_COUNT, false, &plan, &key);
            broken += rt_augment_broken_bonds(native, xyz, t->length, t->n_slot);
            for (int64_t r = 0; r < t->length; r++) {
                const float *was = native + r * STRIDE, *is = xyz + r * STRIDE;
                for (int a = 0; a < RT_SLOT_COUNT; a++)
                    for (int b = 0; b < a; b++) add(&inside, length_of(is, a, b) - length_of(was, a, b));
                for (int d = 0; d < 3; d++) add(&step, (double)is[3 * RT_SLOT_C1P + d] - (double)was[3 * RT_SLOT_C1P + d]);
                if (r) bonds += isfinite(was[3 * RT_SLOT_P]);
            }
            free(xyz);
        }
    print_message("note: noise: distances within residues change by %.5f A at most; C1' moves by %.2f A in the mean per "
                  "coordinate; %lld of %lld bonds between residues break\n", inside.most, mean(&step), (long long)broken,
                  (long long)bonds);
    assert_true(inside.most < 2e-4 && mean(&step) > 0.6 && mean(&step) < 1.0 && broken > bonds / 4);
}

/* Which condition the targets without a changed sequence fail when every pair is drawn: the last that any pair comes to, in
 * the order in which they are asked. */
static void print_limits(void)
{
    static const rt_augment_reason ORDER[] = {RT_REASON_NONE, RT_REASON_CLASH, RT_REASON_HYDROGEN_BONDS, RT_REASON_UNRESOLVED,
                                              RT_REASON_TERTIARY, RT_REASON_IMPROBABLE, RT_REASON_WOBBLE, RT_REASON_NO_HELIX};
    rt_augment_plan plan = plan_of("compensatory:helix=1,pair=1");
    int64_t of[RT_REASONS] = {0};
    rt_err err;
    for (int64_t k = 0; k < n_all; k++)
        for (int64_t i = 0; i < all[k].n; i++) {
            rt_augment_example e;
            rt_augment_log log = {0};
            bool has[RT_REASONS] = {0};
            rt_augment_draw draw = {.kinds = rt_augment_sequence_bits(&plan)};
            expect_ok(rt_augment_make(&e, NULL, &log, &plan, rt_dataset_at(all[k].set, i), &all[k].map[i], NULL, &draw, &err),
                      &err);
            for (int64_t c = 0; c < log.n; c++) has[log.change[c].reason] = true;
            size_t o = 0;
            while (!has[ORDER[o]]) o++;
            of[ORDER[o]]++;
            rt_augment_log_free_members(&log);
            rt_augment_example_free_members(&e);
        }
    print_message("note:   every pair drawn, chains that change: %lld; that come no farther than:", (long long)of[0]);
    for (size_t o = 1; o < sizeof ORDER / sizeof *ORDER; o++)
        print_message(" %s %lld", rt_augment_reason_name(ORDER[o]), (long long)of[ORDER[o]]);
    print_message("\n");
}

static void tier_2_keeps_pairs(void **state)
{
    (void)state;
    measure m = {0};
    rt_augment_plan plan = plan_of("compensatory");
    run_all(&m, &plan);
    print_measure("compensatory", &m, RT_AUGMENT_COMPENSATORY, n_targets);
    print_limits();
    expect_claims(&m, n_targets, 2);
}

static void tier_3_changes_free_loops(void **state)
{
    (void)state;
    measure m = {0};
    rt_augment_plan plan = plan_of("loop");
    run_all(&m, &plan);
    print_measure("loop", &m, RT_AUGMENT_LOOP, n_targets);
    expect_claims(&m, n_targets, 2);
}

/* The accession that the shared set's table gives for a file, "" for none. */
static void find_family(char out[32], const char *id)
{
    rt_csv *csv;
    rt_err err;
    int64_t entry, family;
    bool more;
    out[0] = 0;
    expect_ok(rt_csv_open_tsv(&csv, shared("data/rnaset/index.tsv"), &err), &err);
    expect_ok(rt_csv_require(csv, &entry, "pdb_id", &err), &err);
    expect_ok(rt_csv_require(csv, &family, "rfam_acc", &err), &err);
    while (rt_csv_next(csv, &more, &err) == RT_OK && more)
        if (strncasecmp(rt_csv_text(csv, entry), id, 4) == 0) snprintf(out, 32, "%s", rt_csv_text(csv, family));
    rt_csv_close(csv);
}

static void both_multiply_sequences(void **state)
{
    (void)state;
    measure m = {0};
    rt_augment_plan plan = plan_of("compensatory");
    rt_err err;
    expect_ok(rt_augment_plan_add(&plan, "loop", &err), &err);
    run_all(&m, &plan);
    print_message("note: tiers 2 and 3 together, four variants: %.2f distinct sequences per chain\n",
                  (double)m.sequences / (double)n_targets);
    expect_claims(&m, n_targets, 2.5);
}

static void tier_4_threads_homologs(void **state)
{
    (void)state;
    static const char *const SEEDS[] = {"data/rfam/tRNA.sto", "data/rfam/5S_rRNA.sto", "data/rfam/Cobalamin.sto",
                                        "data/rfam/RF00029_Intron_gpII.sto", "data/rfam/RF00026_U6.sto"};
    measure m = {0};
    rt_augment_plan plan = plan_of("homolog");
    rt_seeds seeds = {0};
    rt_homolog_rules rules = {.identity = 0.6, .gaps = 0.1, .keep = 32};
    int64_t with = 0;
    rt_err err;
    for (int k = 0; k < 5; k++) expect_ok(rt_seeds_read(&seeds, shared(SEEDS[k]), &err), &err);
    for (int64_t i = 0; i < all[0].n; i++) {
        const rt_target *t = rt_dataset_at(all[0].set, i);
        char family[32];
        rt_homologs homologs;
        find_family(family, t->id);
        rt_family_row row = {.target = (char *)(uintptr_t)t->id, .family = family};
        expect_ok(rt_homologs_find(&homologs, t->id, t->sequence, &row, &seeds, &rules, &err), &err);
        with += homologs.n > 0;
        if (homologs.n) run_target(&m, &plan, t, &all[0].map[i], &homologs);
        rt_homologs_free_members(&homologs);
    }
    print_message("note: homolog: %lld of %lld chains have some in %lld seed alignments\n", (long long)with,
                  (long long)all[0].n, (long long)seeds.n);
    print_measure("homolog", &m, RT_AUGMENT_HOMOLOG, with);
    expect_claims(&m, with, 2);
    rt_seeds_free_members(&seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tier_1_carries_residues),
        cmocka_unit_test(tier_2_keeps_pairs),
        cmocka_unit_test(tier_3_changes_free_loops),
        cmocka_unit_test(both_multiply_sequences),
        cmocka_unit_test(tier_4_threads_homologs),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
