#include "base/arena.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region((p), (size_t)(n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (size_t)(n))
#define REDZONE 64
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define REDZONE 0
#endif

struct rt_arena {
    char *base;
    char *host;         /* as much address space of its own, under a device's memory; NULL: base is the host's */
    int64_t host_bytes;
    int64_t capacity, used, peak, wanted;
    bool measuring, borrowing;
    char name[32];
};

static void poison(const rt_arena *arena, int64_t from, int64_t bytes)
{
    /* the checker's own table for terabytes would fill the memory, and a device's memory is not its business */
    if (!arena->measuring && !arena->host) POISON(arena->base + from, bytes);
}

static rt_status create(rt_arena **ret_arena, const char *name, int64_t capacity, bool measuring, rt_err *err)
{
    *ret_arena = NULL;
    int64_t page = sysconf(_SC_PAGESIZE);
    capacity = (capacity + page - 1) / page * page;
    rt_arena *arena = calloc(1, sizeof *arena);
    if (!arena) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the %s arena", name);
    void *base = mmap(NULL, (size_t)capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        free(arena);
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "cannot reserve %.1f GiB for the %s arena", (double)capacity / (1 << 30),
                       name);
    }
    arena->base = base;
    arena->capacity = capacity;
    arena->measuring = measuring;
    snprintf(arena->name, sizeof arena->name, "%s", name);
    poison(arena, 0, capacity);
    *ret_arena = arena;
    return RT_OK;
}

rt_status rt_arena_create(rt_arena **ret_arena, const char *name, int64_t capacity, rt_err *err)
{
    return create(ret_arena, name, capacity, false, err);
}

rt_status rt_arena_create_measuring(rt_arena **ret_arena, const char *name, int64_t capacity, rt_err *err)
{
    return create(ret_arena, name, capacity, true, err);
}

rt_status rt_arena_create_borrowing(rt_arena **ret_arena, const char *name, rt_err *err)
{
    rt_arena *arena = calloc(1, sizeof *arena);
    *ret_arena = arena;
    if (!arena) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the %s arena", name);
    arena->borrowing = true;
    snprintf(arena->name, sizeof arena->name, "%s", name);
    return RT_OK;
}

void rt_arena_borrow(rt_arena *arena, void *memory, int64_t bytes)
{
    RT_REQUIRE(arena->borrowing && (uintptr_t)memory % 64 == 0);
    arena->base = memory, arena->capacity = bytes, arena->used = arena->peak = 0;
    arena->measuring = false;
    poison(arena, 0, bytes);
}

rt_status rt_arena_create_on(rt_arena **ret_arena, const char *name, void *memory, int64_t capacity, rt_err *err)
{
    rt_status status = create(ret_arena, name, capacity, true, err);
    if (status != RT_OK) return status;
    rt_arena *arena = *ret_arena;
    arena->host = arena->base;
    arena->host_bytes = arena->capacity;
    arena->base = memory;
    arena->capacity = capacity;
    return RT_OK;
}

void rt_arena_borrow_rest(rt_arena *arena, const rt_arena *from)
{
    RT_REQUIRE(arena->borrowing);
    arena->base = from->base + from->used, arena->capacity = from->capacity - from->used, arena->used = arena->peak = 0;
    arena->measuring = from->measuring;
}

void rt_arena_free(rt_arena *arena)
{
    if (!arena) return;
    if (arena->host) arena->base = arena->host, arena->capacity = arena->host_bytes;
    if (arena->borrowing) {
        free(arena);
        return;
    }
    if (!arena->measuring) UNPOISON(arena->base, arena->capacity);
    munmap(arena->base, (size_t)arena->capacity);
    free(arena);
}

void *rt_arena_push(rt_arena *arena, int64_t bytes)
{
    if (bytes < 0) RT_BUG("negative push of %lld bytes on the %s arena", (long long)bytes, arena->name);
    int64_t end;
    if (__builtin_add_overflow(arena->used, bytes, &end) || __builtin_add_overflow(end, 63 + REDZONE, &end)) {
        arena->wanted = INT64_MAX;
        return NULL;
    }
    end = end / 64 * 64;
    if (end > arena->capacity) {
        arena->wanted = end;
        return NULL;
    }
    void *memory = arena->base + arena->used;
    if (!arena->measuring) UNPOISON(memory, bytes);
    arena->used = end;
    if (end > arena->peak) arena->peak = end;
    return memory;
}

void *rt_arena_push_host(rt_arena *arena, int64_t bytes)
{
    char *memory = rt_arena_push(arena, bytes);
    return memory && arena->host ? arena->host + (memory - arena->base) : memory;
}

int64_t rt_arena_mark(const rt_arena *arena) { return arena->used; }

void rt_arena_reset(rt_arena *arena, int64_t mark)
{
    if (mark < 0 || mark > arena->used)
        RT_BUG("%s arena reset to %lld of %lld", arena->name, (long long)mark, (long long)arena->used);
    poison(arena, mark, arena->used - mark);
    arena->used = mark;
}

void rt_arena_trim(rt_arena *arena)
{
    int64_t page = sysconf(_SC_PAGESIZE), from = (arena->used + page - 1) / page * page;
    char *base = arena->host ? arena->host : arena->base;
    if (from < arena->capacity) madvise(base + from, (size_t)(arena->capacity - from), MADV_DONTNEED);
}

void rt_arena_seal(rt_arena *arena) { arena->capacity = arena->used; }
bool rt_arena_on_device(const rt_arena *arena) { return arena->host != NULL; }

int64_t rt_arena_used(const rt_arena *arena) { return arena->used; }
int64_t rt_arena_peak(const rt_arena *arena) { return arena->peak; }
int64_t rt_arena_wanted(const rt_arena *arena) { return arena->wanted; }
int64_t rt_arena_capacity(const rt_arena *arena) { return arena->capacity; }
const char *rt_arena_name(const rt_arena *arena) { return arena->name; }
void rt_arena_peak_reset(rt_arena *arena) { arena->peak = arena->used; }

int64_t rt_memory_available(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[256];
    long long kib = -1;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1) break;
    if (file) fclose(file);
    if (kib >= 0) return kib * 1024;
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

int64_t rt_memory_peak_rss(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}
