#define _GNU_SOURCE
#include "base/ranks.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/ranks_mpi.h"
#include "base/text.h"

enum { ADD_BYTES = 1 << 22 }; /* of a piece that rank 0 receives and adds */

static struct {
    const rt_ranks_mpi_table *mpi; /* NULL: one rank */
    int self, count, here, self_here, cpus;
    bool agreed;
} state = {.count = 1, .here = 1};

/* ---- beginning ---------------------------------------------------------------------------------------------------- */

/* The first of the variables that is a number; -1: none. */
static int64_t number_in_environment(const char *const *names)
{
    int64_t value;
    for (; *names; names++) {
        const char *text = getenv(*names);
        if (text && rt_parse_int(text, (int64_t)strlen(text), &value) && value >= 0) return value;
    }
    return -1;
}

/* Open MPI's and Hydra's (MPICH, Intel MPI) names. */
int rt_ranks_expected(void)
{
    static const char *const SIZE[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
    int64_t n = number_in_environment(SIZE);
    return n > 1 ? (int)n : 1;
}

static rt_status refuse(const char *why, rt_err *err)
{
    static const char *const RANK[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", NULL};
    rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "mpirun started %d processes, but this rnatune knows no MPI: %s",
            rt_ranks_expected(), why);
    rt_hint(err, "build it with 'make MPI=1' (Debian: libopenmpi-dev and openmpi-bin), and keep " RT_RANKS_MPI_LIBRARY
                 " beside the program");
    if (number_in_environment(RANK) > 0) sleep(2); /* one line is enough: rank 0 says it, and mpirun ends this process */
    return RT_ERR_UNSUPPORTED;
}

/* The library beside the program. */
static bool find_library(char *out_path, int64_t size)
{
    ssize_t n = readlink("/proc/self/exe", out_path, (size_t)size - sizeof RT_RANKS_MPI_LIBRARY);
    out_path[n > 0 ? n : 0] = 0;
    char *slash = strrchr(out_path, '/');
    if (slash) strcpy(slash + 1, RT_RANKS_MPI_LIBRARY);
    return slash && access(out_path, R_OK) == 0;
}

bool rt_ranks_possible(void)
{
    char path[4096];
    return find_library(path, sizeof path);
}

static rt_status load(rt_err *err)
{
    char path[4096], why[600];
    if (!find_library(path, sizeof path)) {
        snprintf(why, sizeof why, "there is no %.500s", path[0] ? path : RT_RANKS_MPI_LIBRARY);
        return refuse(why, err);
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI's own plug-ins look for its symbols */
    if (!library) return refuse(dlerror(), err);
    const rt_ranks_mpi_table *table = dlsym(library, RT_RANKS_MPI_SYMBOL);
    if (!table || table->version != RT_RANKS_MPI_VERSION)
        return refuse(RT_RANKS_MPI_LIBRARY " is of another version", err);
    state.mpi = table;
    return RT_OK;
}

/* mpirun may bind ranks to processors of their own, or let them share. */
static void find_machine(void)
{
    cpu_set_t mine, all;
    int own = rt_cpu_count();
    CPU_ZERO(&mine);
    sched_getaffinity(0, sizeof mine, &mine);
    all = mine;
    state.mpi->machine(&state.here, &state.self_here, &all, sizeof all);
    int share = CPU_COUNT(&all) / state.here;
    state.cpus = own < share ? own : share > 1 ? share : 1;
    if (CPU_COUNT(&all) < sysconf(_SC_NPROCESSORS_ONLN) && state.self == 0)
        rt_info("mpirun bound the ranks of this machine to %d of its %ld processors; its option --bind-to none gives them "
                "all", CPU_COUNT(&all), sysconf(_SC_NPROCESSORS_ONLN));
}

rt_status rt_ranks_begin(rt_err *err)
{
    if (state.mpi || rt_ranks_expected() == 1) return RT_OK;
    rt_status status = load(err);
    if (status != RT_OK) return status;
    state.mpi->begin(&state.self, &state.count);
    rt_log_set_rank(state.self);
    rt_ranks_apart(false);
    find_machine();
    return RT_OK;
}

void rt_ranks_end(void)
{
    if (state.mpi) state.mpi->end();
    state.mpi = NULL;
}

void rt_ranks_abort(int code)
{
    if (state.mpi) state.mpi->abort(code);
}

int rt_ranks_count(void) { return state.count; }
int rt_ranks_self(void) { return state.self; }
bool rt_ranks_lead(void) { return state.self == 0; }
int rt_ranks_here(void) { return state.here; }
int rt_ranks_self_here(void) { return state.self_here; }
int rt_ranks_cpus(void) { return state.cpus ? state.cpus : rt_cpu_count(); }

void rt_ranks_apart(bool apart) { rt_log_set_silent(!apart && state.self > 0); }

/* ---- exchanges ---------------------------------------------------------------------------------------------------- */

void rt_ranks_gather(void *out_all, const void *mine, int64_t bytes)
{
    if (state.mpi) state.mpi->gather(out_all, mine, bytes);
    else memmove(out_all, mine, (size_t)bytes);
}

void rt_ranks_share(void *data, int64_t bytes, int from)
{
    if (state.mpi && bytes > 0) state.mpi->share(data, bytes, from);
}

void rt_ranks_send(const void *data, int64_t bytes, int to) { state.mpi->send(data, bytes, to); }
void rt_ranks_receive(void *out_data, int64_t bytes, int from) { state.mpi->receive(out_data, bytes, from); }

/* A short value of every rank; the caller frees it. */
static void *gather_new(const void *mine, int64_t bytes)
{
    void *all = rt_alloc(state.count, (size_t)bytes, NULL);
    if (!all) RT_BUG("no memory for %lld bytes of %d ranks", (long long)bytes, state.count);
    rt_ranks_gather(all, mine, bytes);
    return all;
}

bool rt_ranks_any(bool mine)
{
    if (!state.mpi) return mine;
    bool any = false, *all = gather_new(&mine, sizeof mine);
    for (int r = 0; r < state.count; r++) any = any || all[r];
    free(all);
    return any;
}

int rt_ranks_differ(const void *mine, int64_t bytes)
{
    if (!state.mpi) return 0;
    int other = 0;
    char *all = gather_new(mine, bytes);
    for (int r = state.count - 1; r > 0; r--)
        if (memcmp(all, all + r * bytes, (size_t)bytes) != 0) other = r;
    free(all);
    return other;
}

void rt_ranks_sum(int64_t *counts, int64_t n)
{
    if (!state.mpi) return;
    int64_t *all = gather_new(counts, n * (int64_t)sizeof *counts);
    memset(counts, 0, (size_t)n * sizeof *counts);
    for (int64_t i = 0; i < n * state.count; i++) counts[i % n] += all[i];
    free(all);
}

void rt_ranks_most(int64_t *value)
{
    if (!state.mpi) return;
    int64_t *all = gather_new(value, sizeof *value);
    for (int r = 0; r < state.count; r++)
        if (all[r] > *value) *value = all[r];
    free(all);
}

rt_status rt_ranks_agree(rt_status status, rt_err *err)
{
    if (!state.mpi) return status;
    int first = -1, failed = 0;
    rt_status *all = gather_new(&status, sizeof status);
    for (int r = state.count - 1; r >= 0; r--)
        if (all[r] != RT_OK) first = r, failed++;
    rt_status agreed = first >= 0 ? all[first] : RT_OK;
    free(all);
    if (first < 0) return RT_OK;
    rt_ranks_share(err, sizeof *err, first);
    if (failed < state.count && first > 0) {
        char what[sizeof err->what];
        memcpy(what, err->what, sizeof what);
        snprintf(err->what, sizeof err->what, "rank %d: %.*s", first, (int)sizeof what - 20, what);
    }
    state.agreed = true;
    return agreed;
}

bool rt_ranks_agreed(void) { return state.agreed; }

/* ---- sums --------------------------------------------------------------------------------------------------------- */

#define ADD(name, T)                                            \
    static void name(T *sum, const T *more, int64_t n)          \
    {                                                           \
        _Pragma("omp simd")                                     \
        for (int64_t i = 0; i < n; i++) sum[i] += more[i];      \
    }
ADD(add_f32, float)
ADD(add_f64, double)

static void add(void *sum, const void *more, rt_dtype dtype, int64_t n)
{
    if (dtype == RT_F64) add_f64(sum, more, n);
    else add_f32(sum, more, n);
}

static int64_t piece_of(int64_t bytes, int64_t at) { return bytes - at < ADD_BYTES ? bytes - at : ADD_BYTES; }

void rt_ranks_add(rt_tensor sum, rt_tensor mine, const bool *takes_part)
{
    int64_t bytes = rt_bytes(mine), size = rt_dtype_size(mine.dtype);
    RT_REQUIRE(mine.dtype == RT_F32 || mine.dtype == RT_F64);
    for (int64_t at = 0; at < bytes && state.self > 0 && takes_part[state.self]; at += ADD_BYTES)
        rt_ranks_send((const char *)mine.data + at, piece_of(bytes, at), 0);
    if (state.self > 0) return;
    if (takes_part[0]) add(sum.data, mine.data, mine.dtype, rt_count(mine));
    static _Alignas(64) char piece[ADD_BYTES];
    for (int r = 1; r < state.count; r++)
        for (int64_t at = 0; at < bytes && takes_part[r]; at += ADD_BYTES) {
            rt_ranks_receive(piece, piece_of(bytes, at), r);
            add((char *)sum.data + at, piece, mine.dtype, piece_of(bytes, at) / size);
        }
}
