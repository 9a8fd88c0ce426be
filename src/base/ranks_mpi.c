/* ranks_mpi.c - the table of ranks_mpi.h over MPI: the only file that knows it, a library of its own */
#include "base/ranks_mpi.h"

#include <mpi.h>
#include <stddef.h>

enum { PIECE = 1 << 28, TAG = 7 }; /* MPI counts in int */

static void begin(int *out_rank, int *out_count)
{
    int level;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level); /* other threads of a rank compute, and never call MPI */
    MPI_Comm_rank(MPI_COMM_WORLD, out_rank);
    MPI_Comm_size(MPI_COMM_WORLD, out_count);
}

static void end(void) { MPI_Finalize(); }
static void end_all(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

static void machine(int *out_count, int *out_self, void *bits, int bytes)
{
    MPI_Comm here;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    MPI_Comm_size(here, out_count);
    MPI_Comm_rank(here, out_self);
    MPI_Allreduce(MPI_IN_PLACE, bits, bytes, MPI_BYTE, MPI_BOR, here);
    MPI_Comm_free(&here);
}

static void gather(void *out_all, const void *mine, int64_t bytes)
{
    MPI_Allgather(mine, (int)bytes, MPI_BYTE, out_all, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
}

static int piece_of(int64_t bytes, int64_t at) { return (int)(bytes - at < PIECE ? bytes - at : PIECE); }

static void share(void *data, int64_t bytes, int from)
{
    for (int64_t at = 0; at < bytes; at += PIECE)
        MPI_Bcast((char *)data + at, piece_of(bytes, at), MPI_BYTE, from, MPI_COMM_WORLD);
}

static void send_bytes(const void *data, int64_t bytes, int to)
{
    for (int64_t at = 0; at < bytes; at += PIECE)
        MPI_Send((const char *)data + at, piece_of(bytes, at), MPI_BYTE, to, TAG, MPI_COMM_WORLD);
}

static void receive(void *out_data, int64_t bytes, int from)
{
    for (int64_t at = 0; at < bytes; at += PIECE)
        MPI_Recv((char *)out_data + at, piece_of(bytes, at), MPI_BYTE, from, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

const rt_ranks_mpi_table rt_ranks_mpi = {.version = RT_RANKS_MPI_VERSION, .begin = begin, .end = end, .abort = end_all,
                                         .machine = machine, .gather = gather, .share = share, .send = send_bytes,
                                         .receive = receive};
