/* chains.h - which chains a target's sequence consists of, and what of its complex is not modelled
 * Room: feat.  Uses: base/memory, base/text, feat/input.
 * Reference: Protenix's chain numbers (asym, entity and copy count from 0, residues from 1 in every chain); the columns
 * all_sequences, stoichiometry and ligand_ids of the competitions' sequences.csv
 *
 * all_sequences is FASTA text of everything in the experiment, ">7QR3_2|Chains C, D|chimpanzee ribozyme|...", proteins and
 * DNA among it; stoichiometry says how many copies of which chain the target has, "A:2;B:1".  A target's `sequence` is one
 * RNA of these or several joined without a break.  The network must know where a chain ends: residues count anew there,
 * the first one has OP3, and no relative position reaches across.
 */
#ifndef RT_FEAT_CHAINS_H
#define RT_FEAT_CHAINS_H

#include "feat/input.h"

/* Replaces input->chain and input->partner by what all_sequences and stoichiometry (both of `input`, both may be NULL) say.
 * With a stoichiometry the chains that it lists are joined; without one the sequence is laid out with the RNAs of
 * all_sequences, each at most as often as its header names chains.  When neither gives the sequence it stays one chain:
 * input->partner.unexplained is then true if there was something to go by (also a stoichiometry that is none).
 * Errors: RT_ERR_MEMORY. */
rt_status rt_chains_find(rt_input *input, rt_err *err);

/* "2 protein chains, 1 DNA chain; ligands GTP" into out, or "" when all of the complex is modelled. */
void rt_chains_print_partners(char *out, int64_t size, const rt_partners *partner);

#endif
