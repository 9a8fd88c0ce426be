#include "op/placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/ranks.h"
#include "op/cuda_ranks.h"

/* What a rank tells the others. */
typedef struct {
    bool on_cuda;
    char host[64];
    rt_cuda_seat place;
} entry;

static struct {
    int sharers;      /* of this rank's device; 0: no device was taken */
    bool exchanges;
} state;

static bool same_device(const entry *a, const entry *b)
{
    return a->place.usable && b->place.usable && memcmp(a->place.uuid, b->place.uuid, sizeof a->place.uuid) == 0;
}

/* A line for each rank, and one when some share. */
static void say_devices(const entry *all, int ranks)
{
    int devices = 0;
    for (int r = 0; r < ranks; r++) {
        bool first = true;
        if (!all[r].place.usable) {
            rt_info("rank %d, %s: %s", r, all[r].host, all[r].on_cuda ? "no GPU that can be used" : "the processor");
            continue;
        }
        for (int other = 0; other < r; other++) first = first && !same_device(&all[other], &all[r]);
        devices += first;
        rt_info("rank %d, %s: GPU %d, %s, PCI %s%s", r, all[r].host, all[r].place.index, all[r].place.name, all[r].place.bus,
                first ? "" : ", which another rank has too");
    }
    int on_cuda = 0;
    for (int r = 0; r < ranks; r++) on_cuda += all[r].place.usable;
    if (devices < on_cuda)
        rt_info("%d ranks share %d GPU%s: those on one divide its memory and take turns", on_cuda, devices,
                devices == 1 ? "" : "s");
}

static rt_status refuse_mixture(const entry *all, int other, rt_err *err)
{
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "rank %d computes on %s, rank 0 on %s: their gradients cannot be added", other,
            all[other].on_cuda ? "a GPU" : "the processor", all[0].on_cuda ? "a GPU" : "the processor");
    rt_hint(err, "--device cpu or --device cuda, instead of auto, on every machine");
    return rt_ranks_agree(RT_ERR_USAGE, err);
}

static rt_status open_exchanges(const entry *all, int ranks, rt_err *err)
{
    char way[400];
    bool distinct = true;
    for (int r = 1; r < ranks; r++)
        if (all[r].on_cuda != all[0].on_cuda) return refuse_mixture(all, r, err);
    for (int r = 0; r < ranks; r++) {
        if (!all[r].place.usable) return RT_OK;   /* its context will say why */
        for (int other = 0; other < r; other++) distinct = distinct && !same_device(&all[other], &all[r]);
    }
    state.exchanges = true;
    rt_status status = rt_cuda_ranks_open(distinct, way, sizeof way, err);
    if (status == RT_OK) rt_info("gradients and weights go between ranks %s", way);
    return status;
}

rt_status rt_placement_begin(rt_backend_kind kind, bool exchanges, rt_err *err)
{
    rt_status status = RT_OK;
    int ranks = rt_ranks_count(), self = rt_ranks_self();
    entry mine, *all = NULL;
    state.sharers = 0;
    if (ranks == 1 || !rt_ranks_any(kind == RT_BACKEND_CUDA)) return RT_OK;
    memset(&mine, 0, sizeof mine);
    mine.on_cuda = kind == RT_BACKEND_CUDA;
    gethostname(mine.host, sizeof mine.host - 1);
    if (mine.on_cuda) mine.place = rt_cuda_take(rt_ranks_self_here());
    status = rt_ranks_agree((all = rt_alloc(ranks, sizeof *all, err)) ? RT_OK : RT_ERR_MEMORY, err);
    if (status != RT_OK) goto done;
    rt_ranks_gather(all, &mine, sizeof mine);
    for (int r = 0; r < ranks; r++) state.sharers += r == self ? mine.place.usable : same_device(&all[r], &mine);
    say_devices(all, ranks);
    if (exchanges) RT_TRY(open_exchanges(all, ranks, err));
done:
    free(all);
    return status;
}

void rt_placement_end(bool failed)
{
    if (state.exchanges) rt_cuda_ranks_close(failed);
    state.exchanges = false;
    state.sharers = 0;
}

int rt_placement_sharers(rt_backend_kind kind)
{
    if (kind != RT_BACKEND_CUDA) return rt_ranks_here();
    return state.sharers ? state.sharers : 1;
}

int64_t rt_placement_memory(rt_backend_kind kind, int64_t limit)
{
    return (limit ? limit : rt_backend_memory(kind)) / rt_placement_sharers(kind);
}
