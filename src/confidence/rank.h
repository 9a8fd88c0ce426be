/* rank.h - how good a predicted structure is: pLDDT, PAE, PDE, pTM, ipTM, clashes, and the order of samples
 * Room: confidence.  Uses: io/config, base/arena, base/pool, base/tensor, base/text.
 * Reads: the confidence head's logits, the distogram's contact probabilities, coordinates.
 * Reference: rnapro/model/sample_confidence.py, rnapro/metrics/clash.py Clash (af3), runner/dumper.py
 *
 * N tokens, A atoms, C chains.  All chains are RNA (polymers).  Probabilities of bins are never stored: one pass over
 * the PAE logits keeps the expected error and, per row, the sums that pTM and ipTM of all chains and pairs need.
 */
#ifndef RT_CONFIDENCE_RANK_H
#define RT_CONFIDENCE_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/status.h"
#include "base/tensor.h"
#include "io/config.h"

/* One sample. */
typedef struct {
    rt_tensor pae_logits;          /* F32 (N,N,config->pae_bins) */
    rt_tensor pde_logits;          /* F32 (N,N,config->pde_bins) */
    rt_tensor plddt_logits;        /* F32 (A,config->plddt_bins) */
    rt_tensor contact_probs;       /* F32 (N,N), of rt_contact_probs */
    rt_tensor coordinate;          /* F32 (A,3) Angstrom */
    rt_tensor asym_id;             /* I64 (N): 0 .. C-1, every chain has a token and an atom */
    rt_tensor has_frame;           /* I64 (N): 0 or 1 */
    rt_tensor atom_to_token_idx;   /* I64 (A) */
    int64_t n_cycle;               /* recycles that the trunk ran */
} rt_rank_input;

/* The reference's summary_confidence.  Per-chain numbers are (C), pairs (C,C) with a zero diagonal. */
typedef struct {
    int64_t n_chain;
    double plddt;                  /* mean over atoms, 0 .. 100; chain_plddt and atom_plddt are 0 .. 1 */
    double gpde;                   /* Angstrom: PDE weighted by contact probability */
    double ptm, iptm;              /* 0 .. 1; iptm 0 for a single chain */
    double disorder;               /* 0: the reference has no value for it yet */
    double ranking_score;          /* 0.8 iptm + 0.2 ptm + 0.5 disorder - 100 has_clash */
    bool has_clash;                /* two chains: > 100 atom pairs, or > half the smaller chain, within the threshold */
    int64_t num_recycles;
    double *chain_gpde, *chain_ptm, *chain_iptm, *chain_plddt;
    double *chain_pair_gpde, *chain_pair_iptm, *chain_pair_iptm_global, *chain_pair_plddt;

    rt_tensor atom_plddt;          /* F32 (A), 0 .. 1 */
    rt_tensor token_pair_pae;      /* F32 (N,N) Angstrom */
    rt_tensor token_pair_pde;      /* F32 (N,N) Angstrom */
} rt_summary;

/* Shapes: logits (N,N,config->distogram_bins) -> out (N,N), F32.
 * Math: sum of softmax over the bins whose centre, min + (i + 1/2) width as in the reference, is below 8 A.  The label
 *   edges of the distogram loss are others.
 * Cost: N^2 bins exponentials. */
void rt_contact_probs(rt_tensor out_probs, rt_pool *opt_pool, const rt_config *config, rt_tensor logits);

/* Writes *out_summary, whose arrays and tensors live in `arena`; scratch is pushed above them and released.
 * Units: Angstrom, or 0 .. 1 and 0 .. 100 as said above.  gpde is NaN when no contact has a probability, and a score is
 * NaN when its logits are.  Tiles of rows are fixed, so the bytes do not depend on the number of threads.
 * Cost: N^2 (pae_bins + pde_bins) exponentials; N^2 floats twice, and N (C + 4) doubles of scratch.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_rank_summary(rt_summary *out_summary, rt_arena *arena, rt_pool *opt_pool, const rt_config *config,
                          const rt_rank_input *input, rt_err *err);

/* The reference's JSON: its keys, nesting and order, single precision as there; NaN is null.  free() it; NULL and
 * RT_ERR_MEMORY in *err. */
char *rt_summary_json(const rt_summary *summary, rt_err *err);

/* out_order (n): the samples' indices by ranking_score, best first; equal scores by index, NaN last. */
void rt_rank_order(int64_t *out_order, const rt_summary *summaries, int64_t n);

#endif
