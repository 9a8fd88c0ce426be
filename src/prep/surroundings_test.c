/* surroundings_test.c - atoms that a set does not hold, planted where a rebuilt base comes to stand and the old one does not */
#include "io/io_test.h"
#include "io/test_files.h"

#include "prep/augment_test.h"

#include "prep/nucleobase.h"

/* Where to plant: nothing of the target is near, but for an atom of the base that a change puts at `residue`. */
typedef struct {
    const rt_target *target;
    int64_t number;              /* of the target in the demo */
    int64_t residue;
    double xyz[3];
    rt_augment_plan plan;
} spot;

static spot found;

enum { DIRECTIONS = 200 };
/* Angstrom: two carbon atoms clash below 3.0, atoms touch up to 4.0 */
static const double OFF = 2.5, FREE = 3.4, TOUCHING = 3.7;

static bool is_free(const rt_target *t, const double *at)
{
    const float *xyz = rt_target_xyz(t, 0);
    for (int64_t k = 0; k < t->length * RT_SLOT_COUNT; k++) {
        double sum = 0;
        for (int d = 0; d < 3; d++) sum += pow((double)xyz[3 * k + d] - at[d], 2);
        if (sum < FREE * FREE) return false;   /* NaN: not there */
    }
    return true;
}

/* So far from one atom. */
static bool find_around(double *out, const rt_target *t, const float *atom, double far)
{
    for (int k = 0; k < DIRECTIONS; k++) {
        double z = 1 - (2 * k + 1) / (double)DIRECTIONS, turn = 2.399963 * k, r = sqrt(1 - z * z);
        double step[3] = {r * cos(turn), r * sin(turn), z};
        for (int d = 0; d < 3; d++) out[d] = (double)atom[d] + far * step[d];
        if (is_free(t, out)) return true;
    }
    return false;
}

static void look_at(const rt_target *t, const rt_augment_example *e, const rt_augment_change *c)
{
    for (int end = 0; end < 2 && !found.target; end++) {
        const int64_t at = end ? c->j : c->i;
        const rt_nucleobase *base = rt_nucleobase_of(c->to[end]);
        for (int k = 1; k < base->n && !found.target; k++) {
            const float *atom = e->xyz + at * STRIDE + 3 * base->atom[k].slot;
            if (find_around(found.xyz, t, atom, OFF)) found.target = t, found.residue = at;
        }
    }
}

static rt_augment_example make(rt_augment_log *log, const rt_target *t, const rt_fold_map *map)
{
    rt_augment_example e;
    rt_err err;
    rt_augment_draw draw = {.kinds = RT_AUGMENT_BIT(RT_AUGMENT_COMPENSATORY)};
    expect_ok(rt_augment_make(&e, NULL, log, &found.plan, t, map, NULL, &draw, &err), &err);
    return e;
}

static int find_spot(void **state)
{
    if (open_demo(state) != 0) return -1;
    found.plan = plan_of("compensatory:helix=1,pair=1,relax=probability+tertiary");
    for (int64_t i = 0; i < demo.n && !found.target; i++) {
        rt_augment_log log = {0};
        const rt_target *t = rt_dataset_at(demo.set, i);
        rt_augment_example e = make(&log, t, &demo.map[i]);
        found.number = i;
        for (int64_t k = 0; k < log.n && !found.target; k++)
            if (log.change[k].reason == RT_REASON_NONE) look_at(t, &e, &log.change[k]);
        rt_augment_log_free_members(&log);
        rt_augment_example_free_members(&e);
    }
    return found.target ? 0 : -1;
}

static void put_atom(FILE *file, const char *record, const char *name, const char *component, char chain, int number,
                     const double *xyz, char element)
{
    static int serial;
    fprintf(file, "%-6s%5d  %-3s %3s %c%4d    %8.3f%8.3f%8.3f  1.00 10.00          %2c\n", record, ++serial % 99999, name,
            component, chain, number, xyz[0], xyz[1], xyz[2], element);
}

/* modified: this residue, from 0, has a methyl group at the spot; -1: none. */
static void put_target(FILE *file, const rt_target *t, int64_t modified)
{
    static const char LETTERS[] = "ACGU", *const MODIFIED[] = {"1MA", "5MC", "1MG", "5MU"};
    const float *xyz = rt_target_xyz(t, 0);
    for (int64_t i = 0; i < t->length; i++) {
        const char letter[] = {t->sequence[i], 0};
        const char *component = i != modified ? letter : MODIFIED[strchr(LETTERS, letter[0]) - LETTERS];
        for (int s = 0; s < RT_SLOT_COUNT; s++) {
            const float *at = xyz + i * STRIDE + 3 * s;
            const double place[3] = {(double)at[0], (double)at[1], (double)at[2]};
            if (isfinite(at[0]))
                put_atom(file, "ATOM", rt_atom_slot_name(s), component, 'A', (int)i + 1, place, rt_atom_slot_name(s)[0]);
        }
        if (i == modified) put_atom(file, "ATOM", "CM5", component, 'A', (int)i + 1, found.xyz, 'C');
    }
    fputs("TER\n", file);
}

/* The target with three residues of one atom and C1' around it, the first one's atom at `xyz`, the others far away. */
static const char *write_file(const char *name, const char *record, const char *atom, const char *component, char element,
                              const double *xyz)
{
    const char *path = test_path(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    put_target(file, found.target, -1);
    for (int r = 0; record && r < 3; r++) {
        double at[3] = {xyz[0] + 500 * r, xyz[1], xyz[2]}, c1[3] = {at[0] + 300, at[1], at[2]};
        put_atom(file, record, atom, component, 'B', r + 1, at, element);
        put_atom(file, record, "C1'", component, 'B', r + 1, c1, 'C');
    }
    fputs("TER\nEND\n", file);
    fclose(file);
    return path;
}

/* What becomes of the pair at the spot when the target's file is that one. */
static rt_augment_reason reason_with(const char *path)
{
    rt_target t = *found.target;
    rt_fold_map map;
    rt_augment_log log = {0};
    rt_augment_reason reason = RT_REASONS;
    rt_err err;
    t.source = path;
    expect_ok(rt_fold_map_build(&map, &t, NULL, true, &err), &err);
    assert_true(map.around.known);
    rt_augment_example e = make(&log, &t, &map);
    for (int64_t k = 0; k < log.n; k++)
        if (log.change[k].i == found.residue || log.change[k].j == found.residue) reason = log.change[k].reason;
    rt_augment_log_free_members(&log);
    rt_augment_example_free_members(&e);
    rt_fold_map_free_members(&map);
    return reason;
}

static void planted_atoms_clash(void **state)
{
    (void)state;
    static const struct {
        const char *what, *record, *name, *component;
        char element;
        rt_augment_reason reason;
    } CASE[] = {
        {"nothing", NULL, NULL, NULL, 0, RT_REASON_NONE},
        {"protein", "ATOM", "CA", "GLY", 'C', RT_REASON_CLASH},
        {"ligand", "HETATM", "C1", "SAM", 'C', RT_REASON_CLASH},
        {"modified residue of another RNA chain", "ATOM", "C5", "PSU", 'C', RT_REASON_CLASH},
        {"plain residue of another RNA chain", "ATOM", "C5", "U", 'C', RT_REASON_CLASH},
        {"water", "HETATM", "O", "HOH", 'O', RT_REASON_NONE},
        {"hydrogen", "ATOM", "HA", "GLY", 'H', RT_REASON_NONE},
    };
    for (size_t k = 0; k < sizeof CASE / sizeof *CASE; k++) {
        rt_augment_reason reason = reason_with(write_file("planted.pdb", CASE[k].record, CASE[k].name, CASE[k].component,
                                                          CASE[k].element, found.xyz));
        print_message("note: %s at %.1f A from a new base of %s: %s\n", CASE[k].what, OFF, found.target->id,
                      rt_augment_reason_name(reason));
        assert_int_equal(reason, CASE[k].reason);
    }
}

/* What touches a base is a contact, whichever chain it is of. */
static void planted_atoms_touch(void **state)
{
    (void)state;
    static const struct { const char *record, *component; uint32_t kind; } CASE[] = {
        {NULL, NULL, 0}, {"ATOM", "GLY", RT_TERTIARY_CHAIN}, {"ATOM", "U", RT_TERTIARY_CHAIN}, {"ATOM", "PSU", RT_TERTIARY_CHAIN},
        {"HETATM", "SAM", RT_TERTIARY_LIGAND}, {"HETATM", "HOH", 0}};
    const rt_target *t = found.target;
    const rt_nucleobase *base;
    double at[3];
    int64_t i = -1;
    for (int64_t k = 0; k < t->length && i < 0; k++) {
        base = rt_nucleobase_of(t->sequence[k]);
        for (int a = 1; a < base->n && i < 0; a++)
            if (find_around(at, t, rt_target_xyz(t, 0) + k * STRIDE + 3 * base->atom[a].slot, TOUCHING)) i = k;
    }
    assert_true(i >= 0);
    for (size_t k = 0; k < sizeof CASE / sizeof *CASE; k++) {
        rt_target with = *t;
        rt_fold_map map;
        rt_err err;
        with.source = write_file("touching.pdb", CASE[k].record, "C5", CASE[k].component, 'C', at);
        expect_ok(rt_fold_map_build(&map, &with, NULL, true, &err), &err);
        assert_int_equal(map.tertiary[i] & (RT_TERTIARY_CHAIN | RT_TERTIARY_LIGAND), CASE[k].kind);
        rt_fold_map_free_members(&map);
    }
}

/* A methyl group of the target's own chain is no atom of the set: it counts for other residues' bases, and not for its
 * own, which takes it away. */
static void own_modified_residues_clash(void **state)
{
    (void)state;
    const int64_t n = found.target->length;
    for (int own = 0; own < 2; own++) {
        const int64_t at = own ? found.residue : (found.residue + n / 2) % n;
        const char *path = test_path("modified.pdb");
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        put_target(file, found.target, at);
        fputs("END\n", file);
        fclose(file);
        assert_int_equal(reason_with(path), own ? RT_REASON_NONE : RT_REASON_CLASH);
    }
}

/* A file that has gone, or is none, is no error. */
static void without_a_file_nothing_is_known(void **state)
{
    (void)state;
    const char *const PATHS[] = {"/nonexistent/file.cif", test_file("none.cif", "no structure\n")};
    for (int k = 0; k < 2; k++) {
        rt_target t = *found.target;
        rt_surroundings around;
        rt_foreign foreign;
        rt_err err;
        t.source = PATHS[k];
        expect_ok(rt_surroundings_find(&around, &foreign, &t, &err), &err);
        assert_false(around.known);
        assert_null(around.first);
        assert_int_equal(foreign.n, 0);
    }
}

/* Two chains as one target: their pairs with each other change when contacts between chains do not count, and else not. */
static void relaxed_chains_free_their_pairs(void **state)
{
    (void)state;
    static const struct { const char *plan; bool some; } CASE[] = {
        {"compensatory:helix=1,pair=1,relax=probability", false},
        {"compensatory:helix=1,pair=1,relax=probability+pseudoknot", false},
        {"compensatory:helix=1,pair=1,relax=probability+chain", true},
        {"compensatory:helix=1,pair=1,relax=probability+tertiary", true},
    };
    const rt_target *a = rt_dataset_find(demo.set, "1DQH_A"), *b = rt_dataset_find(demo.set, "1DQH_B");
    rt_err err;
    assert_true(a && b && a->n_conformation == 1 && b->n_conformation == 1);
    const int64_t n = a->length + b->length;
    char sequence[64], segments[64];
    float *xyz = rt_alloc(n * STRIDE, sizeof *xyz, &err);
    memcpy(xyz, rt_target_xyz(a, 0), (size_t)(a->length * STRIDE) * sizeof *xyz);
    memcpy(xyz + a->length * STRIDE, rt_target_xyz(b, 0), (size_t)(b->length * STRIDE) * sizeof *xyz);
    snprintf(sequence, sizeof sequence, "%s%s", a->sequence, b->sequence);
    snprintf(segments, sizeof segments, "A/1:1-%d;B/1:%d-%d", (int)a->length, (int)a->length + 1, (int)n);
    rt_target both = *a;
    both.id = "both", both.sequence = sequence, both.segments = segments, both.length = n, both.xyz = xyz;
    rt_fold_map map;
    expect_ok(rt_fold_map_build(&map, &both, NULL, false, &err), &err);
    for (size_t k = 0; k < sizeof CASE / sizeof *CASE; k++) {
        rt_augment_log log = {0};
        int64_t made = 0;
        found.plan = plan_of(CASE[k].plan);
        rt_augment_example e = make(&log, &both, &map);
        for (int64_t c = 0; c < log.n; c++)
            made += log.change[c].reason == RT_REASON_NONE && log.change[c].i < a->length && log.change[c].j >= a->length;
        print_message("note: %s: %lld pairs between the chains\n", CASE[k].plan, (long long)made);
        assert_int_equal(made > 0, CASE[k].some);
        rt_augment_log_free_members(&log);
        rt_augment_example_free_members(&e);
    }
    rt_fold_map_free_members(&map);
    free(xyz);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_atoms_clash),
        cmocka_unit_test(planted_atoms_touch),
        cmocka_unit_test(own_modified_residues_clash),
        cmocka_unit_test(without_a_file_nothing_is_known),
        cmocka_unit_test(relaxed_chains_free_their_pairs),
    };
    return cmocka_run_group_tests(tests, find_spot, close_demo);
}
