/* contacts.h - base pairs and stacked bases found in coordinates
 * Room: score.  Uses: base/memory, base/vector, score/molecule, score/sweep.
 * Reference: N. B. Leontis, E. Westhof, RNA 7:499 (2001), edges and orientation of base pairs; H. A. Gabb et al., J.
 * Mol. Graph. 14:6 (1996), stacking.
 *
 * Two bases pair when two hydrogen bonds join them, one of them at least between N and O atoms (heavy atoms only:
 * donor and acceptor within 3.6 Angstrom, C and acceptor within 3.9), and they lie in one plane: each six-ring's
 * centre within 2.2 Angstrom of the other's plane, normals within 45 degrees.  A base's edge is the one with most of
 * its bonded atoms (Watson-Crick before Hoogsteen before sugar); the pair is cis when both glycosidic bonds are on one
 * side of the line between the rings.  A canonical pair is cis Watson-Crick AU, GC or the GU wobble with two bonds
 * between N and O; these may stretch to 4.0 Angstrom and 50 degrees, as poor models and natives of low resolution do.
 *
 * Two bases stack when two of their rings' centres are within 4.8 Angstrom, the normals within 30 degrees of parallel,
 * and the line between the centres within 40 degrees of a normal.
 */
#ifndef RT_SCORE_CONTACTS_H
#define RT_SCORE_CONTACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "score/molecule.h"

typedef enum { RT_CONTACT_CANONICAL, RT_CONTACT_OTHER_PAIR, RT_CONTACT_STACK, RT_CONTACT_KINDS } rt_contact_kind;

typedef struct {
    int32_t donor, acceptor;                  /* residues */
    char donor_atom[8], acceptor_atom[8];     /* "N6", "O4" */
    double distance;                          /* Angstrom between these two atoms */
    bool weak;                                /* C-H gives */
} rt_hydrogen_bond;

typedef struct {
    int32_t i, j;          /* residues, i < j */
    rt_contact_kind kind;
    char edge_i, edge_j;   /* 'W', 'H', 'S'; 0 for stacks */
    bool cis;
    int32_t bonds;         /* hydrogen bonds */
    int64_t first_bond;    /* in rt_contacts.bond, the shortest first */
} rt_contact;

typedef struct {
    rt_contact *contact;   /* by i, then j; a pair of bases is paired or stacked, never both */
    int64_t n, capacity;
    rt_hydrogen_bond *bond;
    int64_t n_bond, bonds;
} rt_contacts;

/* Errors: RT_ERR_MEMORY. */
rt_status rt_contacts_find(rt_contacts *out_contacts, const rt_molecule *molecule, rt_err *err);
void rt_contacts_free_members(rt_contacts *contacts);

/* AU, GC or GU, in either order. */
bool rt_is_canonical(char a, char b);

enum { RT_POLAR_DONOR = 1, RT_POLAR_ACCEPTOR = 2, RT_POLAR_WEAK = 4 };   /* WEAK: a carbon whose hydrogen may bond */
/* What an atom of a residue of that letter can do in a hydrogen bond; 0: nothing.  Sugar and phosphate included. */
int rt_polar_role(char letter, const char *atom);
/* The centre of a base's six-ring and the unit normal of its mean plane, by the order N1 C2 N3 C4 C5 C6.  False when
 * atoms of the ring are missing or lie on a line. */
bool rt_base_plane(double out_centre[3], double out_normal[3], const rt_molecule *molecule, int64_t residue);
/* The pair or stack of two residues, in either order; NULL when they have none. */
const rt_contact *rt_contacts_at(const rt_contacts *contacts, int64_t a, int64_t b);

#endif
