/* modified.h - the one-letter parent of a nucleotide component
 * Room: io.  Uses: nothing.
 */
#ifndef RT_IO_MODIFIED_H
#define RT_IO_MODIFIED_H

/* 'A', 'C', 'G', 'U' for a nucleotide of RNA and for what is derived from it (PSU, H2U, GTP, and ribothymidine's
 * parent is U); 'N' for an unknown nucleotide ("N", "NT"); 0 for everything else: amino acids, water, ligands, and
 * deoxynucleotides (DA, DC, DG, DT, DU), which are DNA.  component: the PDB's name without blanks; older names that
 * programs write (ADE, RA, A3, RA5 ...) are known. */
char rt_modified_parent(const char *component);

#endif
