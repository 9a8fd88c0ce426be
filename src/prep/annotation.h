/* annotation.h - what holds an RNA's 3D structure together: base pairs, hydrogen bonds, stacks, tertiary contacts
 * Room: prep.  Uses: base/memory, base/vector, score/contacts, score/molecule, score/sweep, prep/foreign, prep/helices.
 * Reference: N. B. Leontis, E. Westhof, RNA 7:499 (2001), classes of base pairs; P. Nissen et al., PNAS 98:4899 (2001),
 * A-minor motifs; C. L. Zirbel et al., NAR 37:4898 (2009), base-phosphate bonds; A. Cate et al., Science 273:1678
 * (1996), tetraloop and receptor.
 *
 * Base pairs and stacks are those of score/contacts.h.  Hydrogen bonds are between N and O atoms of two residues that
 * are no neighbours in the chain, at least one of the atoms a base's, at most 3.4 Angstrom apart, one able to give and
 * the other to take; those of a pair reach as far as the pair's own rules let them.
 *
 * A tertiary contact is one that depends on which base stands at a place, and that the nested secondary structure does
 * not account for: what keeps a fold and is lost by a mutation.  A residue's flags say why:
 *   A_MINOR       an adenine in the minor groove of a canonical pair; both residues of that pair, too
 *   TRIPLE        one of three bases that are joined by two pairs
 *   RIBOSE        its base is bonded to a sugar's oxygen,  PHOSPHATE  ... to a phosphate's
 *   NONCANONICAL  it is in a base pair that is no cis Watson-Crick AU, GC or GU
 *   BASE          a single bond between two bases that no pair and no neighbouring pair of a helix accounts for
 *   PSEUDOKNOT    its canonical pair crosses a helix whose stem has at least as many pairs (prep/helices.h)
 *   LONG_RANGE    its base is bonded to or stacked on a residue that is RT_ANNOTATION_FAR or more steps away along
 *                 the chain and the nested canonical pairs: tetraloop and receptor, kissing loops, intercalated bases
 *   CHAIN         its base touches (4.0 Angstrom) or pairs with another chain: RNA, DNA or protein
 *   LIGAND        its base touches a ligand or an ion; waters do not count
 */
#ifndef RT_PREP_ANNOTATION_H
#define RT_PREP_ANNOTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "prep/foreign.h"
#include "score/contacts.h"
#include "score/molecule.h"

enum {
    RT_TERTIARY_A_MINOR = 1 << 0,
    RT_TERTIARY_TRIPLE = 1 << 1,
    RT_TERTIARY_RIBOSE = 1 << 2,
    RT_TERTIARY_PHOSPHATE = 1 << 3,
    RT_TERTIARY_NONCANONICAL = 1 << 4,
    RT_TERTIARY_BASE = 1 << 5,
    RT_TERTIARY_PSEUDOKNOT = 1 << 6,
    RT_TERTIARY_LONG_RANGE = 1 << 7,
    RT_TERTIARY_CHAIN = 1 << 8,
    RT_TERTIARY_LIGAND = 1 << 9,
    RT_TERTIARY_KINDS = 10
};
#define RT_TERTIARY_ANY ((uint32_t)(1 << RT_TERTIARY_KINDS) - 1)
#define RT_ANNOTATION_FAR 6

/* Why a residue has a flag. */
typedef struct {
    int32_t residue, other;   /* other: the residue at the other end, -1 when it is no residue of the molecule */
    uint32_t kind;            /* one RT_TERTIARY_ bit */
} rt_tertiary;

typedef struct {
    int64_t n_residue;
    rt_contacts contacts;     /* every pair, with its class and its bonds, and every stack: i, j count from 0 */
    rt_hydrogen_bond *bond;   /* every hydrogen bond of a base, by donor, then acceptor */
    int64_t n_bond, bonds;
    int32_t *partner;         /* (n_residue) the residue of its canonical pair, -1: none; of two the better bonded */
    bool *nested;             /* (n_residue) that pair is within one chain and part of the nested structure */
    uint32_t *tertiary;       /* (n_residue) RT_TERTIARY_ bits, 0: none */
    rt_tertiary *why;         /* by residue, then kind, then other */
    int64_t n_why, whys;
} rt_annotation;

/* opt_foreign NULL: only contacts within the molecule are known.  A molecule without bases has no contacts.
 * Cost: milliseconds for 400 residues.  Errors: RT_ERR_MEMORY. */
rt_status rt_annotation_build(rt_annotation *out_annotation, const rt_molecule *molecule, const rt_foreign *opt_foreign,
                              rt_err *err);
void rt_annotation_free_members(rt_annotation *annotation);

/* "a-minor", "triple", ...; kind: one bit. */
const char *rt_tertiary_name(uint32_t kind);
/* The kind of that name, 0 when there is none. */
uint32_t rt_tertiary_find(const char *name);

/* Is it a pair that base pairing alone explains: canonical, nested, of one chain, and neither base has a tertiary
 * contact of the kinds in `minded` (RT_TERTIARY_ANY: of any kind)? */
bool rt_annotation_is_free_pair(const rt_annotation *annotation, int64_t i, int64_t j, uint32_t minded);

#endif
