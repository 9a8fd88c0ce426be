/* annotation_test.c - pairs, hydrogen bonds and tertiary contacts that are described in the structures' papers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "base/clock.h"
#include "base/vector.h"
#include "io/plain.h"
#include "io/test_files.h"
#include "prep/bpseq.h"
#include "prep/pairs_3d.h"

static rt_pairs_3d open_entry(const char *shared, const char *file)
{
    char path[512];
    rt_pairs_3d found;
    rt_err err;
    snprintf(path, sizeof path, "%s/data/%s", shared, file);
    if (rt_pairs_3d_read(&found, path, &err) != RT_OK) fail_msg("%s: %s", path, err.what);
    return found;
}

/* A residue by the authors' number. */
static int32_t at(const rt_pairs_3d *found, int32_t number)
{
    for (int64_t r = 0; r < found->molecule.n_residue; r++)
        if (found->molecule.residue[r].number == number) return (int32_t)r;
    fail_msg("no residue %d", number);
    return -1;
}

static bool has(const rt_pairs_3d *found, int32_t number, uint32_t kinds)
{
    return (found->annotation.tertiary[at(found, number)] & kinds) == kinds;
}

static bool has_reason(const rt_pairs_3d *found, int32_t number, int32_t other, uint32_t kind)
{
    for (int64_t k = 0; k < found->annotation.n_why; k++) {
        const rt_tertiary *why = &found->annotation.why[k];
        if (why->residue == at(found, number) && why->other == at(found, other) && why->kind == kind) return true;
    }
    return false;
}

static void assert_class(const rt_pairs_3d *found, int32_t number, int32_t other, const char *class)
{
    const rt_contact *c = rt_contacts_at(&found->annotation.contacts, at(found, number), at(found, other));
    if (!c || c->kind == RT_CONTACT_STACK) fail_msg("%d and %d do not pair", number, other);
    char shown[] = {c->cis ? 'c' : 't', c->edge_i, c->edge_j, 0};
    assert_string_equal(shown, class);
}

/* tRNA-Phe (1EHZ; H. Shi, P. B. Moore, RNA 6:1091, 2000; the contacts since Quigley, Rich, Science 194:796, 1976). */
static void contacts_of_a_trna(void **state)
{
    (void)state;
    const char *shared = test_shared("1ehz");
    if (!shared) skip();
    rt_pairs_3d f = open_entry(shared, "structures/1ehz.cif.gz");
    static const int32_t TRIPLE[][3] = {{9, 12, 23}, {13, 22, 46}, {8, 14, 21}};
    for (int k = 0; k < 3; k++)
        for (int m = 0; m < 3; m++) assert_true(has(&f, TRIPLE[k][m], RT_TERTIARY_TRIPLE));
    assert_true(has(&f, 19, RT_TERTIARY_PSEUDOKNOT) && has(&f, 56, RT_TERTIARY_PSEUDOKNOT));
    assert_class(&f, 19, 56, "cWW");
    assert_class(&f, 8, 14, "tWH");     /* reverse Hoogsteen */
    assert_class(&f, 54, 58, "tWH");
    assert_class(&f, 15, 48, "tWW");    /* Levitt's pair */
    assert_class(&f, 26, 44, "cWW");    /* two purines: not canonical */
    assert_true(has_reason(&f, 26, 44, RT_TERTIARY_NONCANONICAL) && has_reason(&f, 15, 48, RT_TERTIARY_LONG_RANGE));
    assert_true(has_reason(&f, 18, 55, RT_TERTIARY_BASE) && has_reason(&f, 18, 57, RT_TERTIARY_LONG_RANGE));
    assert_true(has_reason(&f, 33, 36, RT_TERTIARY_PHOSPHATE) &&
                has_reason(&f, 55, 58, RT_TERTIARY_PHOSPHATE)); /* U-turns */
    static const int32_t FREE[][2] = {{2, 71},  {4, 69},  {5, 68},  {6, 67},  {27, 43},
                                      {28, 42}, {29, 41}, {30, 40}, {50, 64}, {51, 63}};
    for (size_t k = 0; k < sizeof FREE / sizeof *FREE; k++)
        if (!rt_annotation_is_free_pair(&f.annotation, at(&f, FREE[k][0]), at(&f, FREE[k][1]), RT_TERTIARY_ANY))
            fail_msg("%d-%d has a tertiary contact: %x %x", FREE[k][0], FREE[k][1],
                     f.annotation.tertiary[at(&f, FREE[k][0])], f.annotation.tertiary[at(&f, FREE[k][1])]);
    assert_false(rt_annotation_is_free_pair(&f.annotation, at(&f, 13), at(&f, 22), RT_TERTIARY_ANY));
    assert_true(rt_annotation_is_free_pair(&f.annotation, at(&f, 13), at(&f, 22),
                                           RT_TERTIARY_PSEUDOKNOT | RT_TERTIARY_A_MINOR));   /* only a triple */
    assert_false(rt_annotation_is_free_pair(&f.annotation, at(&f, 19), at(&f, 56), 0));   /* not nested */
    assert_false(rt_annotation_is_free_pair(&f.annotation, at(&f, 2), at(&f, 70), 0));    /* no pair */
    rt_pairs_3d_free_members(&f);
}

/* P4-P6 (1GID; J. H. Cate et al., Science 273:1678, 1996): the GAAA tetraloop 150-153 in its receptor, and the A-rich
 * bulge 183-187 in the minor groove of P4. */
static void tetraloop_and_receptor(void **state)
{
    (void)state;
    const char *shared = test_shared("1gid");
    if (!shared) skip();
    rt_pairs_3d f = open_entry(shared, "structures/1gid.cif.gz");
    assert_true(has_reason(&f, 153, 250, RT_TERTIARY_A_MINOR) && has_reason(&f, 250, 153, RT_TERTIARY_A_MINOR));
    assert_true(has(&f, 223, RT_TERTIARY_A_MINOR));                               /* the receptor's C-G pair */
    for (int32_t k = 151; k <= 153; k++) assert_true(has(&f, k, RT_TERTIARY_LONG_RANGE));
    assert_true(has_reason(&f, 151, 226, RT_TERTIARY_LONG_RANGE));                /* stacked on the platform */
    assert_class(&f, 224, 248, "tWH"); /* the receptor's reverse Hoogsteen pair */
    assert_true(has(&f, 224, RT_TERTIARY_NONCANONICAL) && has(&f, 248, RT_TERTIARY_NONCANONICAL));
    assert_true(has(&f, 183, RT_TERTIARY_A_MINOR) && has(&f, 184, RT_TERTIARY_A_MINOR) &&
                has(&f, 110, RT_TERTIARY_A_MINOR));
    assert_false(rt_annotation_is_free_pair(&f.annotation, at(&f, 223), at(&f, 250), RT_TERTIARY_ANY));
    rt_pairs_3d_free_members(&f);
}

/* The adenine riboswitch (1Y26; A. Serganov et al., Chem. Biol. 11:1729, 2004): loops that kiss, a bound adenine. */
static void kissing_loops_and_a_ligand(void **state)
{
    (void)state;
    const char *shared = test_shared("1y26");
    if (!shared) skip();
    rt_pairs_3d f = open_entry(shared, "structures/1y26.cif.gz");
    assert_true(has(&f, 37, RT_TERTIARY_PSEUDOKNOT) && has(&f, 61, RT_TERTIARY_PSEUDOKNOT));
    assert_true(has(&f, 38, RT_TERTIARY_PSEUDOKNOT) && has(&f, 60, RT_TERTIARY_PSEUDOKNOT));
    assert_true(has_reason(&f, 37, 61, RT_TERTIARY_PSEUDOKNOT));
    assert_true(has(&f, 74, RT_TERTIARY_LIGAND) && has(&f, 51, RT_TERTIARY_LIGAND));   /* U74 pairs with the adenine */
    rt_pairs_3d_free_members(&f);
}

/* Nova's KH domain on its RNA (2ANN; M. Teplova et al., Structure 19:930, 2011) reads UCAC, 13 to 16 of the hairpin's
 * loop; 1R9F is a duplex of two strands. */
static void another_chain(void **state)
{
    (void)state;
    const char *shared = test_shared("2ann");
    if (!shared) skip();
    rt_pairs_3d f = open_entry(shared, "rnaset/2ann.cif.gz");
    for (int64_t r = 0; r < f.molecule.n_residue; r++) {
        int64_t number = f.place[r] + 1;
        bool touches = f.annotation.tertiary[r] & RT_TERTIARY_CHAIN;
        if (touches != (number >= 13 && number <= 17)) fail_msg("residue %lld", (long long)number);
    }
    rt_pairs_3d_free_members(&f);
    f = open_entry(shared, "rnaset/1r9f.cif.gz");
    assert_true(f.n_chain == 2 && f.chain[0].pairs.n == 0);
    for (int64_t r = 0; r < f.molecule.n_residue; r++) {
        if (f.annotation.partner[r] < 0) continue;
        assert_true(f.annotation.tertiary[r] & RT_TERTIARY_CHAIN);
        assert_false(f.annotation.nested[r]);
    }
    rt_pairs_3d_free_members(&f);
}

/* What the annotation says follows from the coordinates: moving a molecule changes nothing, taking a base away does. */
static void a_contact_goes_with_its_atoms(void **state)
{
    (void)state;
    const char *shared = test_shared("1gid");
    rt_annotation moved;
    rt_err err;
    if (!shared) skip();
    rt_pairs_3d f = open_entry(shared, "structures/1gid.cif.gz");
    for (int64_t a = 0; a < f.molecule.n_atom; a++) {   /* a rotation about (1,1,1) by 120 degrees, then a shift */
        double *x = f.molecule.atom[a].xyz, y[3] = {x[2] - 40, x[0] + 7, x[1]};
        memcpy(x, y, sizeof y);
    }
    assert_int_equal(rt_annotation_build(&moved, &f.molecule, NULL, &err), RT_OK);
    assert_int_equal(moved.n_bond, f.annotation.n_bond);
    assert_int_equal(moved.n_why, f.annotation.n_why);
    assert_memory_equal(moved.tertiary, f.annotation.tertiary, (size_t)moved.n_residue * sizeof *moved.tertiary);
    assert_memory_equal(moved.partner, f.annotation.partner, (size_t)moved.n_residue * sizeof *moved.partner);
    rt_annotation_free_members(&moved);
    rt_molecule_residue *a153 = &f.molecule.residue[at(&f, 153)];
    for (int64_t a = a153->first_atom; a < a153->first_atom + a153->n_atom; a++) f.molecule.atom[a].xyz[0] += 500;
    assert_int_equal(rt_annotation_build(&moved, &f.molecule, NULL, &err), RT_OK);
    assert_int_equal(moved.tertiary[at(&f, 153)], 0);
    assert_false(moved.tertiary[at(&f, 223)] & RT_TERTIARY_A_MINOR);
    rt_annotation_free_members(&moved);
    rt_pairs_3d_free_members(&f);
}

static void every_bond_is_one(void **state)
{
    (void)state;
    const char *shared = test_shared("1ehz");
    if (!shared) skip();
    rt_pairs_3d f = open_entry(shared, "structures/1ehz.cif.gz");
    const rt_molecule *m = &f.molecule;
    for (int64_t k = 0; k < f.annotation.n_bond; k++) {
        const rt_hydrogen_bond *b = &f.annotation.bond[k];
        const rt_molecule_atom *d = rt_molecule_find(m, b->donor, b->donor_atom);
        const rt_molecule_atom *a = rt_molecule_find(m, b->acceptor, b->acceptor_atom);
        assert_true(d && a && fabs(rt_distance(d->xyz, a->xyz) - b->distance) < 1e-9 && b->distance <= 4.0);
        assert_true(rt_polar_role(m->residue[b->donor].letter, b->donor_atom) & (RT_POLAR_DONOR | RT_POLAR_WEAK));
        assert_true(rt_polar_role(m->residue[b->acceptor].letter, b->acceptor_atom) & RT_POLAR_ACCEPTOR);
        if (k) assert_true(b[-1].donor <= b->donor);
    }
    const rt_contact *c = rt_contacts_at(&f.annotation.contacts, at(&f, 71), at(&f, 2));   /* C2-G71 */
    assert_non_null(c);
    assert_int_equal(c->bonds, 3);
    rt_pairs_3d_free_members(&f);
}

/* ---- canonical pairs of the bpseq set, which has no pseudoknots ---- */

typedef struct { int64_t recorded, found, extra, chains; double seconds, longest; } tally;

static bool crosses_recorded(const rt_bpseq *recorded, int32_t i, int32_t j)
{
    for (int32_t a = 0; a < recorded->length; a++) {
        int32_t b = recorded->partner[a];
        if (b > a && ((a < i && i < b && b < j) || (i < a && a < j && j < b))) return true;
    }
    return false;
}

static void compare_chain(tally *t, const rt_pairs_3d_chain *chain, const rt_bpseq *recorded)
{
    int32_t *mine = calloc((size_t)recorded->length, sizeof *mine);
    rt_pairs_threshold(mine, &chain->pairs, 0.5);
    for (int32_t i = 0; i < recorded->length; i++) {
        int32_t j = recorded->partner[i];
        if (j > i && rt_is_canonical(recorded->sequence[i], recorded->sequence[j])) {
            t->recorded++;
            t->found += mine[i] == j;
        }
        if (mine[i] > i && mine[i] != j) t->extra += !crosses_recorded(recorded, i, mine[i]);
    }
    t->chains++;
    free(mine);
}

/* name: "06_bpseq/train_set/1ehz_A.bpseq". */
static void compare_entry(tally *t, const char *shared, const char *name, const char *text, int64_t size)
{
    static const char *const PLACES[][2] = {{"rnaset", "cif"}, {"rnaset", "pdb"}, {"structures", "cif"}};
    char id[64], path[512];
    rt_bpseq recorded;
    rt_err err;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(rt_path_name(name), "."), rt_path_name(name));
    char *chain_name = strchr(id, '_');
    if (!chain_name) return;
    *chain_name++ = 0;
    for (int k = 0; k < 3; k++) {
        snprintf(path, sizeof path, "%s/data/%s/%s.%s.gz", shared, PLACES[k][0], id, PLACES[k][1]);
        if (rt_file_exists(path)) break;
        path[0] = 0;
    }
    if (!path[0]) return;
    assert_int_equal(rt_bpseq_parse(&recorded, text, size, name, &err), RT_OK);
    double before = rt_clock();
    rt_pairs_3d f = open_entry(shared, path + strlen(shared) + 6);
    t->seconds += rt_clock() - before;
    for (int64_t c = 0; c < f.n_chain; c++) {
        const rt_pairs_3d_chain *chain = &f.chain[c];
        if (strcmp(strrchr(chain->name, '_') + 1, chain_name) != 0 || chain->pairs.length != recorded.length) continue;
        compare_chain(t, chain, &recorded);
    }
    rt_pairs_3d_free_members(&f);
    rt_bpseq_free_members(&recorded);
}

static void canonical_pairs_of_the_bpseq_set(void **state)
{
    (void)state;
    const char *shared = test_shared("rna3db2d_bpseq.tar.gz");
    char path[512];
    rt_plain tar;
    rt_err err;
    tally t = {0};
    if (!shared) skip();
    snprintf(path, sizeof path, "%s/data/secstruct/rna3db2d_bpseq.tar.gz", shared);
    assert_int_equal(rt_plain_open(&tar, path, &err), RT_OK);
    for (int64_t place = 0; place + 512 <= tar.size && tar.data[place];) {   /* blocks of 512: name, size in octal */
        char octal[13] = {0}, name[101] = {0};
        memcpy(octal, tar.data + place + 124, 12);
        memcpy(name, tar.data + place, 100);
        int64_t size = strtoll(octal, NULL, 8);
        if (rt_bpseq_is_name(name) && !strstr(name, "less600nt"))
            compare_entry(&t, shared, name, tar.data + place + 512, size);
        place += 512 + (size + 511) / 512 * 512;
    }
    rt_plain_close(&tar);
    print_message(
        "%lld chains: %lld of %lld recorded canonical pairs found (%.1f%%), %lld others that are no pseudoknots; "
        "%.1f ms a structure\n",
        (long long)t.chains, (long long)t.found, (long long)t.recorded, 100.0 * (double)t.found / (double)t.recorded,
        (long long)t.extra, 1e3 * t.seconds / (double)t.chains);
    assert_true(t.chains >= 50 && (double)t.found >= 0.95 * (double)t.recorded &&
                (double)t.extra <= 0.05 * (double)t.recorded);
}

static void names_of_kinds(void **state)
{
    (void)state;
    for (int k = 0; k < RT_TERTIARY_KINDS; k++)
        assert_int_equal(rt_tertiary_find(rt_tertiary_name((uint32_t)1 << k)), 1 << k);
    assert_int_equal(rt_tertiary_find("minor"), 0);
}

/* A molecule without bases has no contacts; one without residues neither. */
static void nothing_to_annotate(void **state)
{
    (void)state;
    rt_molecule m;
    rt_annotation a;
    rt_err err;
    for (int64_t n = 0; n < 3; n++) {
        assert_int_equal(rt_molecule_create(&m, n, n > 0, 0, &err), RT_OK);
        assert_int_equal(rt_annotation_build(&a, &m, NULL, &err), RT_OK);
        assert_true(a.n_residue == n && a.n_why == 0 && a.n_bond == 0 && (n == 0 || a.partner[0] == -1));
        rt_annotation_free_members(&a);
        rt_molecule_free_members(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contacts_of_a_trna),
        cmocka_unit_test(tetraloop_and_receptor),
        cmocka_unit_test(kissing_loops_and_a_ligand),
        cmocka_unit_test(another_chain),
        cmocka_unit_test(a_contact_goes_with_its_atoms),
        cmocka_unit_test(every_bond_is_one),
        cmocka_unit_test(canonical_pairs_of_the_bpseq_set),
        cmocka_unit_test(names_of_kinds),
        cmocka_unit_test(nothing_to_annotate),
    };
    (void)test_file;
    (void)test_folder_make;
    (void)test_folder_remove;
    (void)test_stderr_begin;
    (void)test_stderr_end;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
