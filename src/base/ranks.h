/* ranks.h - the processes of one `mpirun -n K rnatune ...`: who this one is, and what they say to each other
 * Room: base.  Uses: base/status, base/log, base/ranks_mpi (through librnatune_mpi.so).
 *
 * Without mpirun there is one rank, and every call below is what it is for one: nothing.  Calls marked (all) are made by
 * every rank in the same order, by the main thread.  Nothing here depends on how many ranks there are or on which is
 * first ready: sums are in the order of the ranks.
 *
 * What every rank does in the same way, rank 0 alone reports; work of its own a rank puts between rt_ranks_apart(true) and
 * (false), and its warnings are then shown with its number.  A failure that only some ranks see becomes everybody's by
 * rt_ranks_agree.
 */
#ifndef RT_BASE_RANKS_H
#define RT_BASE_RANKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"

/* Joins the others, when mpirun started this process as one of several.  Errors: RT_ERR_UNSUPPORTED when this program has
 * no MPI: K processes that know nothing of each other must not begin. */
rt_status rt_ranks_begin(rt_err *err);
void rt_ranks_end(void);                              /* (all) waits for the others */
void rt_ranks_abort(int code);                        /* ends every rank, at once; one rank: returns */

/* How many processes mpirun started, by the environment alone; 1: without it. */
int rt_ranks_expected(void);

/* The library that rt_ranks_begin needs stands beside this program. */
bool rt_ranks_possible(void);

int rt_ranks_count(void);
int rt_ranks_self(void);
bool rt_ranks_lead(void);                             /* rank 0: the one that writes */
int rt_ranks_here(void);                              /* ranks on this machine */
int rt_ranks_self_here(void);                         /* which of them this one is, from 0 */
int rt_ranks_cpus(void);                              /* processors for each of them */

void rt_ranks_apart(bool apart);

/* (all) OK when all ranks are; else the failure of the first one that is not, which is then named, on every rank. */
rt_status rt_ranks_agree(rt_status status, rt_err *err);
/* The last failure was agreed: every rank knows it, rank 0 reports it. */
bool rt_ranks_agreed(void);

bool rt_ranks_any(bool mine);                                           /* (all) */
void rt_ranks_gather(void *out_all, const void *mine, int64_t bytes);   /* (all) out_all: (ranks, bytes) */
void rt_ranks_share(void *data, int64_t bytes, int from);               /* (all) */
/* (all) The first rank whose bytes are not rank 0's; 0: all have the same. */
int rt_ranks_differ(const void *mine, int64_t bytes);
/* From one rank to one other, which both call. */
void rt_ranks_send(const void *data, int64_t bytes, int to);
void rt_ranks_receive(void *out_data, int64_t bytes, int from);
/* (all) Adds up counts over the ranks; the largest. */
void rt_ranks_sum(int64_t *counts, int64_t n);
void rt_ranks_most(int64_t *value);

/* (all) On rank 0 `sum` grows by the `mine` of every rank that takes part, in the order of the ranks, each element in the
 * tensors' own type.  sum, mine: F32 or F64, of one shape; sum is read on rank 0 alone.  takes_part: (ranks), the same on
 * every rank. */
void rt_ranks_add(rt_tensor sum, rt_tensor mine, const bool *takes_part);

#endif
