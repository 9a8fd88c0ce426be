/* loss_confidence.h - what the confidence head is to say about a predicted structure, and how far it is from that
 * Room: train.  Uses: train/cross_entropy, confidence/confidence, feat/label.
 * Reference: rnapro/model/loss.py PLDDTLoss, PAELoss, PDELoss, ExperimentallyResolvedLoss, RNAProLoss (AF3 SI 4.3)
 */
#ifndef RT_TRAIN_LOSS_CONFIDENCE_H
#define RT_TRAIN_LOSS_CONFIDENCE_H

#include "confidence/confidence.h"
#include "feat/label.h"

/* Classes; RT_CROSS_ENTROPY_SKIP where a position does not count.  Lives on the arena it was built in. */
typedef struct {
    rt_tensor plddt;       /* U8 (A) 0..49: lDDT of the atom against C1' within 30 A, in steps of 0.02 */
    rt_tensor resolved;    /* U8 (A) 0 or 1 */
    rt_tensor pae, pde;    /* U8 (N,N) 0..63: frame i against centre j, and pairs of C4/C2, in steps of 0.5 A */
    rt_tensor lddt;        /* F32 (A) 0..1; 0 for an atom that is not resolved */
    int64_t n_plddt, n_pae, n_pde;   /* positions that count */
} rt_confidence_label;

typedef struct {
    double plddt, pae, pde, resolved;
} rt_confidence_terms;

/* The classes for prediction x, F32 or F64 (A,3), any place and orientation.
 * lDDT: over the resolved C1' within 30 A of the resolved atom in the label (itself left out), the mean of four
 * thresholds 0.5, 1, 2, 4 A on the difference of distances.  A PAE pair counts when the frame's three atoms (C1', C3',
 * C4') and the centre (C1') are resolved, a PDE pair when both atoms are.
 * Errors: RT_ERR_MEMORY.  Cost: O(A N + N^2). */
rt_status rt_loss_confidence_label(rt_confidence_label *out, rt_arena *arena, rt_pool *pool,
                                   const rt_features *features, const rt_label *label, rt_tensor x, rt_err *err);

/* The squared error of centre n in frame i, in square Angstrom, whether or not the pair counts; for checks.
 * out: F64 (N,N); 0 in the row of a token without a frame. */
void rt_loss_confidence_frame_errors(rt_tensor out, const rt_features *features, const rt_label *label, rt_tensor x);

/* The four losses, each as the mean over what counts: pLDDT over resolved atoms, resolved over all atoms, PAE and
 * PDE over counted pairs (+1e-6, as the reference).  A term that nothing counts for is 0.
 * opt_d_logits (NULL: not wanted) += weight_term * d loss_term / d logits; a tensor in it with data NULL is not wanted.
 * Shapes: as rt_confidence_logits, F32 or F64.  Errors: the context's. */
void rt_loss_confidence(rt_ctx *ctx, rt_confidence_terms *out_loss, const rt_confidence_logits *opt_d_logits,
                        const rt_confidence_logits *logits, const rt_confidence_label *label,
                        const rt_confidence_terms *weight);

/* sum of weight x loss */
double rt_loss_confidence_total(const rt_confidence_terms *loss, const rt_confidence_terms *weight);

/* Which experiments teach confidence. */
typedef struct {
    double least, most;    /* Angstrom; the reference: 0.1 and 4.0 */
    double unknown; /* weight of a target without a resolution: 1 here, 0 in the reference (its targets have none,
                            * so that its confidence training trains nothing) */
} rt_resolution_rule;

extern const rt_resolution_rule rt_resolution_default;

/* 1 within the limits, 0 outside, rule->unknown when the resolution is not known (below 0 or NaN). */
double rt_loss_confidence_weight(const rt_resolution_rule *rule, double resolution);

#endif
