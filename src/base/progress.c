#define _GNU_SOURCE
#include "base/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define MAX_LEVELS 6

typedef struct {
    const char *noun;       /* NULL: only the label is shown */
    char label[80];
    int64_t total, done, span;
} level;

static struct {
    pthread_mutex_t lock;
    level levels[MAX_LEVELS];
    int depth, ignored;     /* levels that are open; levels beyond MAX_LEVELS */
    bool drawn;             /* a bar stands on the terminal's last line */
    double began, last, interval;
    FILE *stream;
    bool terminal, known;
    int columns;
    double (*clock)(void);
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static volatile sig_atomic_t stop_flag;

bool rt_stop_requested(void) { return stop_flag != 0; }
void rt_stop_request(void) { stop_flag = 1; }
void rt_stop_clear(void) { stop_flag = 0; }

static double now(void)
{
    return state.clock ? state.clock() : rt_clock();
}

static void find_terminal(void)
{
    if (state.known) return;
    state.stream = stderr;
    state.terminal = isatty(STDERR_FILENO) != 0;
    struct winsize size;
    state.columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
    state.known = true;
}

void rt_progress_set_output(FILE *stream, bool terminal, int columns, double (*opt_clock)(void))
{
    state.stream = stream;
    state.terminal = terminal;
    state.columns = columns;
    state.clock = opt_clock;
    state.known = true;
}

void rt_progress_print_time(char *out, int64_t size, double seconds)
{
    int64_t s = (int64_t)(seconds + 0.5);
    if (s < 60) snprintf(out, (size_t)size, "%lld s", (long long)s);
    else if (s < 3600) snprintf(out, (size_t)size, "%lld:%02lld", (long long)(s / 60), (long long)(s % 60));
    else
        snprintf(out, (size_t)size, "%lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60),
                 (long long)(s % 60));
}

/* 0..1 over all levels: an inner level covers `span` items of the one outside it. */
static double fraction_done(void)
{
    double inner = 0;
    for (int i = state.depth - 1; i >= 0; i--) {
        const level *l = &state.levels[i];
        double span = i + 1 < state.depth ? (double)l->span : 0;
        inner = l->total > 0 ? ((double)l->done + span * inner) / (double)l->total : 0;
        if (inner > 1) inner = 1;
    }
    return inner;
}

static void describe(char *out, size_t size)
{
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < state.depth && n + 1 < size; i++) {
        const level *l = &state.levels[i];
        const char *gap = n ? " | " : "";
        bool inside = i + 1 < state.depth;
        int64_t item = l->done + ((inside || l->label[0]) && l->done < l->total);   /* the item being worked on */
        if (l->noun)
            n += (size_t)snprintf(out + n, size - n, "%s%s %lld/%lld%s%s", gap, l->noun, (long long)item,
                                  (long long)l->total, l->label[0] ? " " : "", l->label);
        else if (l->label[0])
            n += (size_t)snprintf(out + n, size - n, "%s%s", gap, l->label);
    }
}

static void describe_time(char *out, size_t size, double fraction, double elapsed)
{
    char left[32];
    out[0] = 0;
    if (fraction <= 0 || fraction >= 1 || elapsed < 2) return;
    rt_progress_print_time(left, sizeof left, elapsed * (1 - fraction) / fraction);
    snprintf(out, size, " %s left", left);
}

static void erase(void)
{
    if (!state.drawn) return;
    fputs("\r\033[K", state.stream);
    state.drawn = false;
}

/* text [=====>    ]  34% 1:05 left; the bar gives way to the text on a narrow terminal. */
static void draw(double time)
{
    char text[320], left[48], bar[32] = "";
    double fraction = fraction_done();
    describe(text, sizeof text);
    describe_time(left, sizeof left, fraction, time - state.began);
    int room = state.columns - 1 - (int)strlen(left) - 6;
    if ((int)strlen(text) + 23 <= room) {
        int filled = (int)(20 * fraction);
        bar[0] = ' ', bar[1] = '[', bar[22] = ']', bar[23] = 0;
        for (int i = 0; i < 20; i++) bar[2 + i] = i < filled ? '=' : i == filled ? '>' : ' ';
        room -= 23;
    }
    erase();
    fprintf(state.stream, "%.*s%s %3d%%%s", room > 0 ? room : 0, text, bar, (int)(100 * fraction), left);
    fflush(state.stream);
    state.drawn = true;
}

static void print_plain(double time)
{
    char text[320], left[48];
    double fraction = fraction_done();
    describe(text, sizeof text);
    describe_time(left, sizeof left, fraction, time - state.began);
    fprintf(state.stream, "progress: %s, %d%%%s%s\n", text, (int)(100 * fraction), left[0] ? "," : "", left);
    fflush(state.stream);
}

static void report(void)
{
    if (!rt_log_enabled(RT_LOG_INFO) || state.depth == 0) return;
    find_terminal();
    double time = now();
    if (state.terminal) {
        if (state.drawn && time - state.last < 0.1) return;
        state.last = time;
        draw(time);
    } else if (time - state.last >= state.interval) {
        state.last = time;
        print_plain(time);
        state.interval = time - state.began < 15 ? 10 : time - state.began < 30 ? 20 : 60;
    }
}

void rt_progress_start(const char *opt_noun, int64_t total)
{
    pthread_mutex_lock(&state.lock);
    if (state.depth == MAX_LEVELS) {
        state.ignored++;
    } else {
        if (state.depth == 0) {
            state.began = state.last = now();
            state.interval = 10;
        }
        state.levels[state.depth++] = (level){.noun = opt_noun, .total = total, .span = 1};
        report();
    }
    pthread_mutex_unlock(&state.lock);
}

void rt_progress_label(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&state.lock);
    if (state.depth && !state.ignored) {
        level *l = &state.levels[state.depth - 1];
        vsnprintf(l->label, sizeof l->label, format, args);
        for (char *at = l->label; *at; at++)
            if ((unsigned char)*at < ' ' || *at == 127) *at = '?';   /* a name from a file cannot move the cursor */
        report();
    }
    pthread_mutex_unlock(&state.lock);
    va_end(args);
}

void rt_progress_step(int64_t done)
{
    pthread_mutex_lock(&state.lock);
    if (state.depth && !state.ignored) {
        level *l = &state.levels[state.depth - 1];
        if (done > l->done) l->done = done;
        report();
    }
    pthread_mutex_unlock(&state.lock);
}

void rt_progress_span(int64_t items)
{
    pthread_mutex_lock(&state.lock);
    if (state.depth && !state.ignored) state.levels[state.depth - 1].span = items;
    pthread_mutex_unlock(&state.lock);
}

void rt_progress_end(void)
{
    pthread_mutex_lock(&state.lock);
    if (state.ignored) {
        state.ignored--;
    } else if (state.depth > 0) {
        state.depth--;
        if (state.depth > 0) {
            level *outside = &state.levels[state.depth - 1];
            outside->done += outside->span;
            outside->span = 1;
        } else {
            erase();
            if (state.stream) fflush(state.stream);
        }
    }
    pthread_mutex_unlock(&state.lock);
}

void rt_progress_clear(void)
{
    pthread_mutex_lock(&state.lock);
    erase();
    if (state.stream) fflush(state.stream);
    state.depth = state.ignored = 0;
    pthread_mutex_unlock(&state.lock);
}

void rt_progress_hide(void)
{
    pthread_mutex_lock(&state.lock);
    erase();
}

void rt_progress_show(void)
{
    if (state.depth && state.known && state.terminal && rt_log_enabled(RT_LOG_INFO)) draw(now());
    pthread_mutex_unlock(&state.lock);
}
