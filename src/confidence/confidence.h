/* confidence.h - confidence head (AF3 SI Algorithm 31) and distogram head
 * Room: confidence.  Uses: trunk/pairformer, feat/features.
 * Reads: s_inputs, s, z of the trunk and predicted coordinates.  Writes: logits.
 * Reference: rnapro/model/modules/confidence.py ConfidenceHead, head.py DistogramHead
 * Weights: confidence_head.*, distogram_head.*
 */
#ifndef RT_CONFIDENCE_CONFIDENCE_H
#define RT_CONFIDENCE_CONFIDENCE_H

#include "feat/features.h"
#include "trunk/pairformer.h"

typedef struct {
    rt_linear s1, s2, distance_bin, distance_raw, pae, pde;
    rt_tensor lower_bins, upper_bins;             /* stored in the checkpoint */
    rt_tensor plddt_weight, resolved_weight;      /* (max_atoms_per_token, c_s, bins) */
    rt_tensor dplddt_weight, dresolved_weight;    /* gradients, data NULL: frozen */
    rt_norm norm_s, norm_pae, norm_pde, norm_plddt, norm_resolved;
    rt_pairformer stack;
} rt_confidence_head;

typedef struct {
    rt_tensor pae, pde;                           /* (N,N,bins) */
    rt_tensor plddt, resolved;                    /* (A,bins) */
} rt_confidence_logits;

/* What the backward reads; s_inputs and s_trunk stay the caller's and must live until then. */
typedef struct {
    rt_tensor s_inputs, s_trunk, d;               /* d (N,N): pair distances */
    rt_tensor s, z;                               /* after the stack */
    rt_stack_saved stack;
} rt_confidence_saved;

typedef struct {
    rt_linear linear;
} rt_distogram_head;

void rt_confidence_head_bind(rt_binder *binder, rt_confidence_head *head);
void rt_distogram_head_bind(rt_binder *binder, rt_distogram_head *head);

/* Logits of one sample into the caller's tensors.  x (A,3) in Angstrom; `sample` numbers the probes.  The pair distances
 * use C4 of purines and C2 of pyrimidines. */
void rt_confidence_head_forward(rt_ctx *ctx, const rt_confidence_head *head, const rt_confidence_logits *logits,
                                rt_tensor s_inputs, rt_tensor s_trunk, rt_tensor z_trunk, rt_tensor x,
                                const rt_features *features, int64_t sample, rt_confidence_saved *opt_saved);
/* Adds to the gradients of the head's weights.  dlogits: a term that nobody counts has data NULL.  The head's inputs are
 * detached, as in the reference: nothing flows into the trunk or the coordinates. */
void rt_confidence_head_backward(rt_ctx *ctx, const rt_confidence_head *head, const rt_confidence_logits *dlogits,
                                 const rt_features *features, const rt_confidence_saved *saved);

/* logits (N,N,bins) = linear(z) + its transpose */
void rt_distogram_head_forward(rt_ctx *ctx, const rt_distogram_head *head, rt_tensor logits, rt_tensor z);
/* opt_dz (N,N,c_z) += */
void rt_distogram_head_backward(rt_ctx *ctx, const rt_distogram_head *head, rt_tensor opt_dz, rt_tensor dlogits, rt_tensor z);

#endif
