#include "tune/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"

#define LOOK_EVERY 20000   /* microseconds */

/* Never returns.  Between fork and exec: nothing here takes a lock or memory. */
__attribute__((noreturn)) static void become(const char *const *argv, int out, int log, pid_t parent)
{
    int empty = open("/dev/null", O_RDONLY);
    /* a group of its own: Ctrl-C reaches rnatune tune alone, which then asks the child */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (getppid() != parent || empty < 0 || dup2(empty, 0) < 0 || dup2(out, 1) < 0 || dup2(log, 2) < 0) _exit(126);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Copies what has been added to the log since last time. */
static void show_more(int log)
{
    char text[4096];
    for (ssize_t n; (n = read(log, text, sizeof text)) > 0;)
        if (fwrite(text, 1, (size_t)n, stderr) == 0) return;
}

static rt_status follow(pid_t pid, int *out_code, int shown, rt_err *err)
{
    int state;
    bool told = false;
    for (;;) {
        pid_t ended = waitpid(pid, &state, WNOHANG);
        if (shown >= 0) show_more(shown);
        if (ended == pid) break;
        if (ended < 0 && errno != EINTR)
            return rt_fail(err, RT_ERR_IO, NULL, 0, "cannot wait for process %d: %s", (int)pid, strerror(errno));
        if (rt_stop_requested() && !told) {
            rt_info("stopping: waiting for process %d to save", (int)pid);
            kill(pid, SIGTERM);
            told = true;
        }
        usleep(LOOK_EVERY);
    }
    *out_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    return told ? rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped") : RT_OK;
}

rt_status rt_child_run(int *out_code, const char *const *argv, const rt_child_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    char part[4200];
    int out = -1, log = -1, shown = -1;
    bool device = options->opt_data && rt_path_is_stream(options->opt_data);
    *out_code = -1;
    log = open(options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) RT_TRY(rt_fail(err, RT_ERR_IO, options->log, 0, "cannot be written: %s", strerror(errno)));
    if (options->show) shown = open(options->log, O_RDONLY | O_CLOEXEC);
    if (shown >= 0) lseek(shown, 0, SEEK_END);
    snprintf(part, sizeof part, "%s%s", options->opt_data ? options->opt_data : "", device ? "" : ".part");
    if (options->opt_data) out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (options->opt_data && out < 0)
        RT_TRY(rt_fail(err, RT_ERR_IO, options->opt_data, 0, "cannot be written: %s", strerror(errno)));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(argv, out >= 0 ? out : log, log, parent);
    if (pid < 0) RT_TRY(rt_fail(err, RT_ERR_IO, argv[0], 0, "cannot be started: %s", strerror(errno)));
    RT_TRY(follow(pid, out_code, shown, err));
    if (out >= 0 && !device && (*out_code == 0 || *out_code == 3) &&
        (fsync(out) != 0 || rename(part, options->opt_data) != 0))
        status = rt_fail(err, RT_ERR_IO, options->opt_data, 0, "cannot be written: %s", strerror(errno));
done:
    if (out >= 0) close(out);
    if (log >= 0) close(log);
    if (shown >= 0) close(shown);
    return status;
}

void rt_child_last_error(char *out, int64_t size, const char *log, const char *verb)
{
    rt_map map;
    char begin[64];
    static const char HINT[] = "  hint: ";
    int n = snprintf(begin, sizeof begin, "rnatune %s: ", verb);
    bool found = false;
    *out = 0;
    if (rt_map_open(&map, log, NULL) != RT_OK) return;
    const char *text = (const char *)map.data, *end = text + map.size;
    for (const char *line = text, *next; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        next = stop + 1;
        size_t length = strlen(out), hint = sizeof HINT - 1;
        if (found && (size_t)(stop - line) > hint && memcmp(line, HINT, hint) == 0)
            snprintf(out + length, (size_t)size - length, " (%.*s)", (int)((size_t)(stop - line) - hint), line + hint);
        found = stop - line > n && memcmp(line, begin, (size_t)n) == 0;
        if (found) snprintf(out, (size_t)size, "%.*s", (int)(stop - line), line);
    }
    rt_map_close(&map);
    rt_tame_text(out);
}

rt_status rt_child_program(char *out, int64_t size, rt_err *err)
{
    ssize_t n = readlink("/proc/self/exe", out, (size_t)size - 1);
    if (n < 0) return rt_fail(err, RT_ERR_IO, "/proc/self/exe", 0, "cannot be read: %s", strerror(errno));
    out[n] = 0;
    return RT_OK;
}

rt_status rt_child_lock(const char *folder, double seconds, rt_err *err)
{
    char path[4200], who[32] = "";
    rt_path_join(path, sizeof path, folder, ".lock");
    /* without O_CLOEXEC: a child that outlives this process still holds the folder */
    int file = open(path, O_RDWR | O_CREAT, 0644);
    if (file < 0) return rt_fail(err, RT_ERR_IO, path, 0, "cannot be written: %s", strerror(errno));
    for (double waited = 0; flock(file, LOCK_EX | LOCK_NB) != 0; waited += 0.1) {
        ssize_t n = pread(file, who, sizeof who - 1, 0);
        who[n > 0 ? strcspn(who, "\n") : 0] = 0;
        if (rt_stop_requested()) {
            close(file);
            return rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped");
        }
        if (waited > seconds) {
            close(file);
            rt_fail(err, RT_ERR_MISMATCH, folder, 0, "another rnatune works here (process %s, or a step that it "
                                                     "began)", who);
            return rt_hint(err, "wait for it or stop it; its work goes on from where it was");
        }
        if (waited == 0) rt_info("%s: waiting for process %s, which still works there, to save and end", folder, who);
        usleep(100000);
    }
    int length = snprintf(who, sizeof who, "%d\n", (int)getpid());
    if (ftruncate(file, 0) != 0 || pwrite(file, who, (size_t)length, 0) != length)
        return rt_fail(err, RT_ERR_IO, path, 0, "cannot be written: %s", strerror(errno));
    return RT_OK;
}
