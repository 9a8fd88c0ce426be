/* cuda_emulation.cc - see cuda_emulation.h */
#include "op/cuda_emulation.h"

#include <execinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>
#include <vector>

void rt_emulated_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cuda emulation: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    void *frame[32];
    backtrace_symbols_fd(frame, backtrace(frame, 32), 2);
    abort();
}

/* ---- fibers ---- */
#if !defined(__x86_64__)
#error "the emulation switches stacks on x86-64 only"
#endif
extern "C" void rt_emulated_switch(void **from, void *to);
asm(".text\n"
    ".globl rt_emulated_switch\n"
    ".type rt_emulated_switch,@function\n"
    "rt_emulated_switch:\n"
    "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq %r15\n"
    "    movq %rsp, (%rdi)\n"
    "    movq %rsi, %rsp\n"
    "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n"
    "    ret\n"
    ".size rt_emulated_switch, .-rt_emulated_switch\n");

static const unsigned int MAX_THREADS = 1024, WARP = 32;
static const size_t STACK = 256 << 10, MAX_SHARED = 99 << 10;   /* what every device since sm_86 gives a block */

struct warp_state {
    unsigned int generation, arrived, lanes;
    uint64_t slot[2][WARP];
    uint32_t shared[2][WARP][8];
};

struct fiber : rt_emulated_thread {
    void *stack, *pointer;
    warp_state *warp;
    int lane;
    bool done;
    const unsigned int *wait_for;   /* runs on when it is no longer wait_value; NULL: it can run */
    unsigned int wait_value;
};

rt_emulated_thread *rt_emulated_here;
uint3 rt_emulated_block;
dim3 rt_emulated_block_size, rt_emulated_grid_size;

static fiber fibers[MAX_THREADS];
static warp_state warps[MAX_THREADS / WARP];
static unsigned int barrier_generation, barrier_arrived, n_thread, n_done;
static void *scheduler;
static const std::function<void()> *running;
static const char *running_name;
static char *shared_memory, *shared_end;
static uint64_t random_state = 0x9e3779b97f4a7c15ull;
static uint64_t progress;

static fiber *here(void) { return static_cast<fiber *>(rt_emulated_here); }

static uint64_t draw(uint64_t below)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (random_state >> 33) % below;
}

static void start_fiber(void)
{
    (*running)();
    fiber *f = here();
    f->done = true;
    n_done++, progress++;
    rt_emulated_switch(&f->pointer, scheduler);
    abort();
}

/* Gives way until *generation has moved on. */
static void wait_for(const unsigned int *generation, unsigned int value)
{
    fiber *f = here();
    f->wait_for = generation, f->wait_value = value;
    rt_emulated_switch(&f->pointer, scheduler);
}

int rt_emulated_lane(void) { return here()->lane; }
void *rt_emulated_shared(void) { return shared_memory; }

void __syncthreads(void)
{
    unsigned int mine = barrier_generation;
    progress++;
    if (++barrier_arrived == n_thread) {
        barrier_arrived = 0;
        barrier_generation++;
    }
    /* also who came last lets others go first: what follows a barrier runs in no order */
    if (barrier_generation == mine) wait_for(&barrier_generation, mine);
}

static void meet_warp(unsigned int mask, uint64_t value)
{
    fiber *f = here();
    warp_state *w = f->warp;
    unsigned int mine = w->generation;
    unsigned int full = w->lanes == WARP ? 0xffffffffu : (1u << w->lanes) - 1;
    if ((mask & full) != full)
        rt_emulated_fail("kernel %s: a warp operation with mask %08x; only whole warps are understood", running_name, mask);
    w->slot[mine & 1][f->lane] = value;
    progress++;
    if (++w->arrived == w->lanes) {
        w->arrived = 0;
        w->generation++;
    } else {
        wait_for(&w->generation, mine);
    }
}

void __syncwarp(unsigned int mask) { meet_warp(mask, 0); }

uint64_t rt_emulated_exchange(unsigned int mask, uint64_t value, int from)
{
    warp_state *w = here()->warp;
    unsigned int side = w->generation & 1;
    meet_warp(mask, value);
    if (from < 0 || from >= (int)w->lanes)
        rt_emulated_fail("kernel %s: a shuffle reads lane %d of %u", running_name, from, w->lanes);
    return w->slot[side][from];
}

void rt_emulated_share(uint32_t *out, const uint32_t *own, int count)
{
    fiber *f = here();
    warp_state *w = f->warp;
    unsigned int side = w->generation & 1;
    memcpy(w->shared[side][f->lane], own, (size_t)count * sizeof *own);
    meet_warp(0xffffffffu, 0);
    for (unsigned int i = 0; i < w->lanes; i++) memcpy(out + (int)i * count, w->shared[side][i], (size_t)count * sizeof *own);
}

unsigned int __ballot_sync(unsigned int mask, int predicate)
{
    warp_state *w = here()->warp;
    unsigned int side = w->generation & 1, all = 0;
    meet_warp(mask, predicate != 0);
    for (unsigned int i = 0; i < w->lanes; i++) all |= (unsigned int)w->slot[side][i] << i;
    return all;
}

int __all_sync(unsigned int mask, int predicate)
{
    unsigned int full = here()->warp->lanes == WARP ? 0xffffffffu : (1u << here()->warp->lanes) - 1;
    return __ballot_sync(mask, predicate) == full;
}

static void set_up_thread(unsigned int i)
{
    fiber *f = &fibers[i];
    if (!f->stack) {
        f->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (f->stack == MAP_FAILED) rt_emulated_fail("no memory for a thread's stack");
    }
    dim3 size = rt_emulated_block_size;
    f->thread = uint3{i % size.x, i / size.x % size.y, i / size.x / size.y};
    f->warp = &warps[i / WARP];
    f->lane = (int)(i % WARP);
    f->done = false;
    f->wait_for = NULL;
    void **top = (void **)((char *)f->stack + STACK) - 2;
    top[0] = (void *)start_fiber;   /* popped as the return address; the stack is then aligned as after a call */
    top[1] = NULL;
    f->pointer = top - 6;
}

static bool run_fiber(fiber *f)
{
    if (f->done || (f->wait_for && *f->wait_for == f->wait_value)) return false;
    f->wait_for = NULL;
    rt_emulated_here = f;
    progress++;
    rt_emulated_switch(&scheduler, f->pointer);
    return true;
}

/* The warp that begins with thread `first`, as far as it comes without the others. */
static void run_warp(unsigned int first)
{
    bool ran = true;
    while (ran) {
        ran = false;
        for (unsigned int i = first; i < first + WARP && i < n_thread; i++) ran = run_fiber(&fibers[i]) || ran;
    }
}

static void run_block(size_t shared)
{
    static unsigned int order[MAX_THREADS];
    dim3 size = rt_emulated_block_size;
    n_thread = size.x * size.y * size.z;
    n_done = barrier_arrived = 0;
    memset(shared_memory, 0xff, shared);
    for (unsigned int i = 0; i < n_thread; i++) {
        set_up_thread(i);
        unsigned int k = (unsigned int)draw(i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    for (unsigned int w = 0; w * WARP < n_thread; w++)
        warps[w].arrived = 0, warps[w].lanes = n_thread - w * WARP < WARP ? n_thread - w * WARP : WARP;
    bool ahead = draw(2) == 1;   /* warps run ahead of each other, or all threads go step by step */
    while (n_done < n_thread) {
        uint64_t before = progress;
        for (unsigned int i = 0; i < n_thread; i++)
            if (ahead) run_warp(order[i] / WARP * WARP);
            else run_fiber(&fibers[order[i]]);
        if (progress == before)
            rt_emulated_fail("kernel %s, block (%u,%u,%u): %u of %u threads ended and the others wait at a barrier or a warp "
                             "operation that not all reach", running_name, rt_emulated_block.x, rt_emulated_block.y,
                             rt_emulated_block.z, n_done, n_thread);
    }
}

static uint64_t gcd(uint64_t a, uint64_t b) { return b ? gcd(b, a % b) : a; }

static void run_kernel(const char *name, dim3 grid, dim3 block, size_t shared, const std::function<void()> &kernel)
{
    uint64_t count = (uint64_t)grid.x * grid.y * grid.z, stride;
    if (!shared_end) {
        long page = sysconf(_SC_PAGESIZE);
        size_t bytes = (MAX_SHARED + (size_t)page - 1) / (size_t)page * (size_t)page;
        char *memory = (char *)mmap(NULL, bytes + (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) rt_emulated_fail("no memory for shared memory");
        shared_end = memory + bytes;
        mprotect(shared_end, (size_t)page, PROT_NONE);
    }
    running = &kernel;
    running_name = name;
    rt_emulated_grid_size = grid;
    rt_emulated_block_size = block;
    shared = (shared + 15) / 16 * 16;
    shared_memory = shared_end - shared;
    do stride = draw(count) + 1;
    while (gcd(stride, count) != 1);
    uint64_t at = draw(count);
    for (uint64_t i = 0; i < count; i++, at = (at + stride) % count) {
        rt_emulated_block = uint3{(unsigned int)(at % grid.x), (unsigned int)(at / grid.x % grid.y),
                                  (unsigned int)(at / grid.x / grid.y)};
        run_block(shared);
    }
    rt_emulated_here = NULL;
}

/* ---- device memory: locked while work is queued ---- */
struct region { char *memory; size_t bytes; bool on_host; };
static std::vector<region> regions;
struct queued {
    const char *name;
    std::function<void()> run;
};
struct rt_emulated_graph { std::vector<queued> work; };
static std::vector<queued> queue;
static rt_emulated_graph *captured;   /* what the stream's work is added to instead */
static bool capture_broken;
static bool locked;
static size_t allocated;

static void lock_regions(bool lock)
{
    if (lock == locked) return;
    locked = lock;
    for (const region &r : regions)
        if (mprotect(r.memory, r.bytes, lock ? PROT_NONE : PROT_READ | PROT_WRITE) != 0) rt_emulated_fail("mprotect failed");
}

static const region *find_region(const void *p)
{
    for (const region &r : regions)
        if ((const char *)p >= r.memory && (const char *)p < r.memory + r.bytes) return &r;
    return NULL;
}

static void on_fault(int number, siginfo_t *info, void *)
{
    static const char EARLY[] = "cuda emulation: host code touches device memory while work on it is queued: rt_ctx_sync is "
                                "missing before this:\n";
    static const char OTHER[] = "cuda emulation: a fault, in a kernel or in host code:\n";
    void *frame[32];
    bool early = locked && find_region(info->si_addr);
    (void)!write(2, early ? EARLY : OTHER, early ? sizeof EARLY - 1 : sizeof OTHER - 1);
    if (running_name && !early) (void)!write(2, running_name, strlen(running_name)), (void)!write(2, "\n", 1);
    backtrace_symbols_fd(frame, backtrace(frame, 32), 2);
    signal(number, SIG_DFL);
    raise(number);
}

static cudaError_t break_capture(void)
{
    capture_broken = true;
    return cudaErrorStreamCaptureUnsupported;
}

static cudaError_t allocate(void **out, size_t bytes, bool on_host = false)
{
    if (captured) return break_capture();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    bytes = (bytes + page - 1) / page * page;
    if (regions.empty()) {
        struct sigaction action = {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGSEGV, &action, NULL);
        sigaction(SIGBUS, &action, NULL);
    }
    size_t free_bytes, total;
    cudaMemGetInfo(&free_bytes, &total);
    if (bytes > free_bytes && !on_host) return cudaErrorMemoryAllocation;
    void *memory = mmap(NULL, bytes, locked ? PROT_NONE : PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return cudaErrorMemoryAllocation;
    regions.push_back({(char *)memory, bytes, on_host});
    if (!on_host) allocated += bytes;
    *out = memory;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **out, size_t bytes) { return allocate(out, bytes); }
cudaError_t cudaMallocManaged(void **out, size_t bytes, unsigned int) { return allocate(out, bytes); }

static void flush(void)
{
    lock_regions(false);
    std::vector<queued> now;
    now.swap(queue);
    for (const queued &w : now) w.run();
    running_name = NULL;
}

cudaError_t cudaMallocHost(void **out, size_t bytes) { return allocate(out, bytes, true); }
cudaError_t cudaFreeHost(void *memory) { return cudaFree(memory); }

cudaError_t cudaFree(void *memory)
{
    if (!memory) return cudaSuccess;
    if (captured) return break_capture();
    flush();   /* a device waits here too */
    for (size_t i = 0; i < regions.size(); i++)
        if (regions[i].memory == memory) {
            munmap(memory, regions[i].bytes);
            if (!regions[i].on_host) allocated -= regions[i].bytes;
            regions.erase(regions.begin() + (long)i);
            return cudaSuccess;
        }
    return cudaErrorInvalidValue;
}

void rt_emulated_check_pointer(const char *kernel, int argument, const void *p)
{
    if (p && !find_region(p))
        rt_emulated_fail("kernel %s: argument %d points to %p, which is not device memory", kernel, argument, p);
}

/* ---- what is queued, and how often ---- */
static std::map<std::string, std::array<int64_t, 2>> tally;   /* one by one; by graphs */
static int64_t graphs_made, graphs_launched;

static void print_tally(void)
{
    for (const auto &t : tally)
        fprintf(stderr, "tally\t%s\t%lld\t%lld\n", t.first.c_str(), (long long)t.second[0], (long long)t.second[1]);
    fprintf(stderr, "tally\tgraphs\t%lld\t%lld\n", (long long)graphs_made, (long long)graphs_launched);
}

static void count(const char *name, bool by_graph)
{
    static const bool wanted = getenv("RT_EMULATED_TALLY") != NULL;
    static bool begun;
    if (!wanted) return;
    if (!begun) begun = true, atexit(print_tally);
    tally[name][by_graph]++;
}

static void add_work(const char *name, std::function<void()> run)
{
    if (captured) {
        captured->work.push_back({name, std::move(run)});
        return;
    }
    count(name, false);
    queue.push_back({name, std::move(run)});
    lock_regions(true);
}

void rt_emulated_queue_call(cudaStream_t, const char *name, std::function<void()> call) { add_work(name, std::move(call)); }

void rt_emulated_queue(cudaStream_t stream, const char *name, dim3 grid, dim3 block, size_t shared,
                       std::function<void()> kernel)
{
    if (block.x * block.y * block.z > MAX_THREADS || block.x * block.y * block.z == 0 || shared > MAX_SHARED ||
        grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535 || block.z > 64)
        rt_emulated_fail("kernel %s: no device runs blocks of (%u,%u,%u) on a grid of (%u,%u,%u) with %zu bytes of shared "
                         "memory", name, block.x, block.y, block.z, grid.x, grid.y, grid.z, shared);
    rt_emulated_queue_call(stream, name, [=]() { run_kernel(name, grid, block, shared, kernel); });
}

/* ---- the runtime ---- */
struct rt_emulated_stream { int unused; };

cudaError_t cudaGetDeviceCount(int *count)
{
    const char *none = getenv("RT_EMULATED_DEVICES");
    *count = none ? atoi(none) : 1;
    return cudaSuccess;
}

static size_t device_bytes(void)
{
    const char *mib = getenv("RT_EMULATED_MIB");
    return (size_t)(mib ? atoll(mib) : 6144) << 20;
}

static bool reads_host(void)
{
    const char *hmm = getenv("RT_EMULATED_HMM");
    return hmm && atoi(hmm) != 0;
}

static int current_device;

static int number_in_environment(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *prop, int device)
{
    const char *capability = getenv("RT_EMULATED_CAPABILITY");
    int number = capability ? atoi(capability) : 89;
    *prop = cudaDeviceProp{};
    strcpy(prop->name, "emulated device");
    prop->totalGlobalMem = device_bytes();
    prop->major = number / 10, prop->minor = number % 10;
    prop->multiProcessorCount = 4;
    prop->pageableMemoryAccess = reads_host();
    prop->pciBusID = 1 + number_in_environment("RT_EMULATED_FIRST", 0) + device;
    prop->uuid.bytes[15] = (char)prop->pciBusID;
    return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *out, const void *)
{
    cudaDeviceProp prop;
    cudaGetDeviceProperties(&prop, 0);
    out->ptxVersion = 10 * prop.major + prop.minor;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    int count;
    cudaGetDeviceCount(&count);
    if (device < 0 || device >= count) return cudaErrorInvalidValue;
    if (!regions.empty() && device != current_device) rt_emulated_fail("device %d, with memory on %d", device, current_device);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    const char *given = getenv("RT_EMULATED_DRIVER");
    *version = given ? atoi(given) : CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *out_free, size_t *out_total)
{
    *out_total = device_bytes();
    *out_free = *out_total > allocated ? *out_total - allocated : 0;
    return cudaSuccess;
}

static void check_location(cudaMemLocation place)
{
    if (place.id != current_device) rt_emulated_fail("memory for device %d, the current one is %d", place.id, current_device);
}

cudaError_t cudaMemAdvise(const void *, size_t, cudaMemoryAdvise, cudaMemLocation place)
{
    check_location(place);
    return cudaSuccess;
}
cudaError_t cudaMemPrefetchAsync(const void *, size_t, cudaMemLocation place, unsigned int, cudaStream_t)
{
    check_location(place);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t stream)
{
    if (bytes == 0) return cudaSuccess;
    if (find_region(from)) {
        rt_emulated_queue_call(stream, "copy", [=]() { memmove(to, from, bytes); });
        if (!find_region(to)) flush();   /* a copy into pageable memory returns when it is done */
    } else if (reads_host()) {
        rt_emulated_queue_call(stream, "copy", [=]() { memcpy(to, from, bytes); });
    } else {   /* one from pageable memory, when that has been read */
        char *staged = (char *)malloc(bytes);
        if (!staged) return cudaErrorMemoryAllocation;
        memcpy(staged, from, bytes);
        rt_emulated_queue_call(stream, "copy", [=]() { memcpy(to, staged, bytes), free(staged); });
    }
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    if (bytes) rt_emulated_queue_call(stream, "clear", [=]() { memset(to, value, bytes); });
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned int)
{
    *out = (cudaStream_t)calloc(1, sizeof **out);
    return *out ? cudaSuccess : cudaErrorMemoryAllocation;
}

static bool stream_failed;
void rt_emulated_fail_stream(void) { stream_failed = true; }

cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    if (captured) return break_capture();
    flush();
    return stream_failed ? cudaErrorInvalidValue : cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    static bool asked;   /* every second time there is still something to do */
    asked = !asked;
    return asked ? cudaErrorNotReady : cudaStreamSynchronize(stream);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    flush();
    free(stream);
    return cudaSuccess;
}

/* ---- graphs ---- */
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode)
{
    if (captured || getenv("RT_EMULATED_NO_GRAPHS")) return cudaErrorStreamCaptureUnsupported;
    captured = new rt_emulated_graph;
    capture_broken = false;
    lock_regions(true);
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus *out_status)
{
    *out_status = captured ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t *out_graph)
{
    if (!captured) return cudaErrorInvalidValue;
    *out_graph = capture_broken ? NULL : captured;
    if (capture_broken) delete captured;
    captured = NULL;
    if (queue.empty()) lock_regions(false);
    return *out_graph ? cudaSuccess : cudaErrorStreamCaptureInvalidated;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out_exec, cudaGraph_t graph, unsigned long long)
{
    *out_exec = new rt_emulated_graph(*graph);
    graphs_made++;
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t)
{
    graphs_launched++;
    for (const queued &w : exec->work) count(w.name, true), queue.push_back(w);
    lock_regions(true);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) { delete graph; return cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { delete exec; return cudaSuccess; }

cudaError_t cudaGetLastError(void) { return cudaSuccess; }
const char *cudaGetErrorString(cudaError_t error) { return error == cudaErrorMemoryAllocation ? "out of memory" : "failed"; }
