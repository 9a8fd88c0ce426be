/* structure_header.h - resolution, date of release and title of a structure (inside io/)
 * Room: io.  Uses: io/structure, io/cif.
 */
#ifndef RT_IO_STRUCTURE_HEADER_H
#define RT_IO_STRUCTURE_HEADER_H

#include "io/cif.h"
#include "io/structure.h"

/* From _refine, _em_3d_reconstruction, _reflns, _pdbx_audit_revision_history, _database_PDB_rev and _struct; what is
 * absent or no number stays unknown. */
void rt_structure_header_cif(rt_structure *structure, const rt_cif *cif, int64_t block);

/* A line of a PDB file: REMARK 2, REVDAT 1 and TITLE say something, every other line nothing. */
void rt_structure_header_pdb(rt_structure *structure, const char *line, int64_t length);

#endif
