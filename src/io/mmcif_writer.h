/* mmcif_writer.h - a predicted RNA structure as mmCIF, with pLDDT as B factor and as ModelCIF quality metric
 * Room: io.  Uses: base/file, base/text.
 * Reference: rnapro/data/utils.py CIFWriter, runner/dumper.py (same atoms in the same order, B factor = 100 pLDDT)
 *
 * Beyond the reference's file: sequence and strands per entity, _struct_asym, _chem_comp, _atom_type and
 * _ma_qa_metric*, which viewers and validators look for.  Its intra-residue bonds are left out: they follow from the
 * components.  Chains with the same sequence are copies of one entity.
 */
#ifndef RT_IO_MMCIF_WRITER_H
#define RT_IO_MMCIF_WRITER_H

#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

/* One atom's place in the molecule; the same for all samples of a target. */
typedef struct {
    int64_t residue;      /* 0-based over all chains in order; atoms are sorted by it */
    char name[8];         /* "C1'" */
    char element[4];      /* "C" */
} rt_mmcif_atom;

typedef struct {
    const char *asym_id;  /* "A": letters and digits, unique */
    const char *sequence; /* A C G U, N for any nucleotide */
} rt_mmcif_chain;

typedef struct rt_mmcif_model {
    const char *target;   /* block and entry name; characters other than printable ASCII become '_' */
    const rt_mmcif_chain *chain;
    int64_t n_chain;
    const rt_mmcif_atom *atom;
    int64_t n_atom;       /* A */
    const float *xyz;     /* (A,3) Angstrom */
    const float *plddt;   /* (A) 0..1 */
    const struct rt_mmcif_model *opt_next;   /* another conformation of the same chains, as model 2, with atoms of its own;
                                              * NULL: none.  The quality is the first one's */
} rt_mmcif_model;

/* rt_mmcif_asym_id(0..) = A .. Z, AA, AB ..: the usual names of chains.  out holds at least 8 bytes. */
void rt_mmcif_asym_id(char out[8], int64_t chain);

/* Appends the file's text.  Coordinates have 3 decimals, B factors (pLDDT * 100) and the metrics 2.
 * Errors: RT_ERR_FORMAT for a coordinate or pLDDT that is not finite (names the atom) and for a residue letter that is
 * no nucleotide; RT_ERR_MEMORY. */
rt_status rt_mmcif_print(rt_text *out_text, const rt_mmcif_model *model, rt_err *err);

/* The same into a file, whole or not at all.  Errors: RT_ERR_IO too. */
rt_status rt_mmcif_write(const char *path, const rt_mmcif_model *model, rt_err *err);

#endif
