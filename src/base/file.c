#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

rt_status rt_map_open(rt_map *out_map, const char *path, rt_err *err)
{
    *out_map = (rt_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return rt_fail(err, RT_ERR_IO, path, 0, "cannot open: %s", strerror(errno));
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        int folder = S_ISDIR(info.st_mode);
        close(fd);
        return rt_fail(err, RT_ERR_IO, path, 0, folder ? "is a folder, a file was expected" : "is not a regular file");
    }
    static const uint8_t nothing[1] = {0};
    if (info.st_size == 0) {
        close(fd);
        *out_map = (rt_map){nothing, 0};
        return RT_OK;
    }
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int failure = errno;
    close(fd);
    if (data == MAP_FAILED) return rt_fail(err, RT_ERR_IO, path, 0, "cannot map: %s", strerror(failure));
    *out_map = (rt_map){data, info.st_size};
    return RT_OK;
}

void rt_map_close(rt_map *map)
{
    if (map->size > 0) munmap((void *)(uintptr_t)map->data, (size_t)map->size);
    *map = (rt_map){0};
}

struct rt_writer {
    FILE *stream;
    char path[PATH_MAX], temporary[PATH_MAX];
};

rt_status rt_writer_open(rt_writer **ret_writer, const char *path, rt_err *err)
{
    *ret_writer = NULL;
    rt_writer *writer = rt_alloc(1, sizeof *writer, err);
    if (!writer) return RT_ERR_MEMORY;
    snprintf(writer->path, sizeof writer->path, "%s", path);
    if (snprintf(writer->temporary, sizeof writer->temporary, "%s.tmp.%ld", path, (long)getpid()) >= PATH_MAX) {
        free(writer);
        return rt_fail(err, RT_ERR_IO, path, 0, "the path is too long");
    }
    writer->stream = fopen(writer->temporary, "we");
    if (!writer->stream) {
        free(writer);
        return rt_fail(err, RT_ERR_IO, path, 0, "cannot write: %s", strerror(errno));
    }
    *ret_writer = writer;
    return RT_OK;
}

FILE *rt_writer_stream(rt_writer *writer) { return writer->stream; }

static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == folder) slash[1] = 0;
    else if (slash) *slash = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

rt_status rt_writer_commit(rt_writer *writer, rt_err *err)
{
    errno = 0;
    int bad = ferror(writer->stream) || fflush(writer->stream) != 0 || fsync(fileno(writer->stream)) != 0;
    int failure = errno;
    if (fclose(writer->stream) != 0 && !bad) bad = 1, failure = errno;
    if (!bad && rename(writer->temporary, writer->path) != 0) bad = 1, failure = errno;
    rt_status status = RT_OK;
    if (bad) {
        unlink(writer->temporary);
        status = rt_fail(err, RT_ERR_IO, writer->path, 0, "cannot write: %s", failure ? strerror(failure) : "write error");
    } else {
        sync_folder(writer->path);
    }
    free(writer);
    return status;
}

void rt_writer_abandon(rt_writer *writer)
{
    if (!writer) return;
    fclose(writer->stream);
    unlink(writer->temporary);
    free(writer);
}

rt_status rt_write_text(const char *path, const char *text, int64_t length, rt_err *err)
{
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    fwrite(text, 1, (size_t)length, rt_writer_stream(writer));
    return rt_writer_commit(writer, err);
}

rt_status rt_make_folder(const char *path, rt_err *err)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= PATH_MAX) return rt_fail(err, RT_ERR_IO, path, 0, "the path is too long");
    for (char *at = part + 1;; at++) {
        if (*at && *at != '/') continue;
        char keep = *at;
        *at = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return rt_fail(err, RT_ERR_IO, part, 0, "cannot make the folder: %s", strerror(errno));
        if (!keep) break;
        *at = keep;
    }
    if (!rt_folder_exists(path)) return rt_fail(err, RT_ERR_IO, path, 0, "exists and is not a folder");
    return RT_OK;
}

bool rt_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool rt_folder_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

void rt_path_join(char *out, int64_t size, const char *folder, const char *name)
{
    size_t n = strlen(folder);
    snprintf(out, (size_t)size, n && folder[n - 1] != '/' ? "%s/%s" : "%s%s", folder, name);
}

const char *rt_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
