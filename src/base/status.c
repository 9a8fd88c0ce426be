#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

rt_status rt_fail(rt_err *err, rt_status code, const char *file, int64_t line, const char *format, ...)
{
    if (!err) return code;
    memset(err, 0, sizeof *err);
    err->code = code;
    err->line = line;
    if (file) snprintf(err->file, sizeof err->file, "%s", file);
    va_list args;
    va_start(args, format);
    vsnprintf(err->what, sizeof err->what, format, args);
    va_end(args);
    return code;
}

rt_status rt_hint(rt_err *err, const char *format, ...)
{
    if (!err) return RT_ERR_FORMAT;
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, format, args);
    va_end(args);
    return err->code;
}

void rt_err_print(const rt_err *err, char *out, int64_t size)
{
    if (!err->file[0]) {
        snprintf(out, (size_t)size, "%s", err->what);
    } else if (err->line <= 0) {
        snprintf(out, (size_t)size, "%s: %s", err->file, err->what);
    } else if (err->column <= 0) {
        snprintf(out, (size_t)size, "%s:%lld: %s", err->file, (long long)err->line, err->what);
    } else {
        snprintf(out, (size_t)size, "%s:%lld:%lld: %s", err->file, (long long)err->line, (long long)err->column,
                 err->what);
    }
}

const char *rt_status_name(rt_status code)
{
    switch (code) {
    case RT_OK: return "ok";
    case RT_ERR_USAGE: return "usage";
    case RT_ERR_IO: return "io";
    case RT_ERR_FORMAT: return "format";
    case RT_ERR_MISMATCH: return "mismatch";
    case RT_ERR_UNSUPPORTED: return "unsupported";
    case RT_ERR_MEMORY: return "memory";
    case RT_ERR_STOPPED: return "stopped";
    }
    return "unknown";
}

void rt_bug(const char *source, int line, const char *format, ...)
{
    fprintf(stderr, "rnatune: internal error at %s:%d: ", source, line);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\nThis is a fault of rnatune, not of your files; please report it with the command you ran.\n", stderr);
    abort();
}
