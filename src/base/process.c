#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"

extern char **environ;

static bool runnable(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

bool rt_process_find(char *out_path, int64_t size, const char *name)
{
    const char *at = getenv("PATH");
    if (strchr(name, '/')) {
        snprintf(out_path, (size_t)size, "%s", name);
        return runnable(out_path);
    }
    while (at && *at) {
        size_t n = strcspn(at, ":");
        int length = snprintf(out_path, (size_t)size, "%.*s/%s", (int)n, at, name);
        if (n && length < size && runnable(out_path)) return true;
        at += n + (at[n] == ':');
    }
    return false;
}

rt_status rt_process_start(pid_t *out_pid, const char *const *argv, const char *opt_stdout, const char *opt_stderr,
                           rt_err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    /* a group of its own: Ctrl-C reaches rnatune alone, which then ends the program in order */
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, opt_stdout ? opt_stdout : "/dev/null", flags, 0644);
    posix_spawn_file_actions_addopen(&files, 2, opt_stderr ? opt_stderr : "/dev/null", flags, 0644);
    int failure = posix_spawn(out_pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (failure) return rt_fail(err, RT_ERR_IO, argv[0], 0, "cannot be started: %s", strerror(failure));
    return RT_OK;
}

rt_status rt_process_wait(pid_t pid, int *out_code, rt_err *err)
{
    int state;
    bool told = false;
    *out_code = -1;
    for (;;) {
        pid_t ended = waitpid(pid, &state, WNOHANG);
        if (ended == pid) break;
        if (ended < 0 && errno != EINTR)
            return rt_fail(err, RT_ERR_IO, NULL, 0, "cannot wait for process %d: %s", (int)pid, strerror(errno));
        if (rt_stop_requested() && !told) {
            kill(-pid, SIGTERM);
            told = true;
        }
        usleep(5000);
    }
    *out_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    if (told) return rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped");
    return RT_OK;
}

void rt_process_last_line(char *out, int64_t size, const char *path)
{
    rt_map map;
    *out = 0;
    if (rt_map_open(&map, path, NULL) != RT_OK) return;
    const char *text = (const char *)map.data;
    int64_t end = map.size, from;
    while (end > 0 && (unsigned char)text[end - 1] <= ' ') end--;
    for (from = end; from > 0 && text[from - 1] != '\n'; from--) continue;
    snprintf(out, (size_t)size, "%.*s", (int)(end - from), text + from);
    rt_map_close(&map);
    rt_tame_text(out);
}

rt_status rt_process_run(const char *const *argv, const char *opt_stdout, const char *opt_stderr, rt_err *err)
{
    pid_t pid;
    int code;
    char said[300] = "";
    rt_status status = rt_process_start(&pid, argv, opt_stdout, opt_stderr, err);
    if (status == RT_OK) status = rt_process_wait(pid, &code, err);
    if (status != RT_OK || code == 0) return status;
    if (opt_stderr) rt_process_last_line(said, sizeof said, opt_stderr);
    if (!said[0] && opt_stdout) rt_process_last_line(said, sizeof said, opt_stdout);
    return rt_fail(err, RT_ERR_IO, argv[0], 0, "ended with status %d%s%s", code, said[0] ? ": " : "", said);
}
