/* ranks_mpi.h - what base/ranks calls of MPI, as a table: the two sides of librnatune_mpi.so
 * Room: base.  Uses: nothing.
 *
 * rnatune itself is not linked with MPI, so that it runs where there is none; started by mpirun it loads the library that
 * stands beside it.
 */
#ifndef RT_BASE_RANKS_MPI_H
#define RT_BASE_RANKS_MPI_H

#include <stdint.h>

enum { RT_RANKS_MPI_VERSION = 2 };
#define RT_RANKS_MPI_LIBRARY "librnatune_mpi.so"
#define RT_RANKS_MPI_SYMBOL "rt_ranks_mpi"

/* MPI's own way of failing is to end every rank with a message: no call returns an error. */
typedef struct {
    int version;
    void (*begin)(int *out_rank, int *out_count);
    void (*end)(void);
    void (*abort)(int code);
    /* Ranks on this machine, and which of them this one is; `bits` (bytes long) becomes the union of theirs. */
    void (*machine)(int *out_count, int *out_self, void *bits, int bytes);
    void (*gather)(void *out_all, const void *mine, int64_t bytes); /* out_all: (ranks, bytes), the same on every rank */
    void (*share)(void *data, int64_t bytes, int from);
    void (*send)(const void *data, int64_t bytes, int to);
    void (*receive)(void *out_data, int64_t bytes, int from);
} rt_ranks_mpi_table;

extern const rt_ranks_mpi_table rt_ranks_mpi;

#endif
