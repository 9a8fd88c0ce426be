#define _GNU_SOURCE
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
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

void rt_map_page_out(const void *data, int64_t size)
{
#ifdef MADV_PAGEOUT
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)data + (uintptr_t)size) / page * page;
    if (to > from) madvise((void *)from, to - from, MADV_PAGEOUT);
#else
    (void)data, (void)size;
#endif
}

void rt_map_forget(const rt_map *map, const void *data, int64_t size)
{
    const uint8_t *from = data;
    if (map->size <= 0 || from < map->data || from + size > map->data + map->size) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = ((uintptr_t)from + page - 1) / page * page;
    uintptr_t last = ((uintptr_t)from + (uintptr_t)size) / page * page;
    if (last > first) madvise((void *)first, last - first, MADV_DONTNEED); /* a file's pages, which nobody writes to */
}

struct rt_writer {
    FILE *stream;
    int failure;                /* errno of the first write that failed, as far as it is known */
    bool straight;              /* written in place: a device, a pipe, or what a standard stream already is */
    char path[PATH_MAX];        /* as the user gave it, for messages */
    char final[PATH_MAX], temporary[PATH_MAX];   /* with links followed; not used when straight */
};

/* The file that a chain of symbolic links ends in, which need not exist yet.  False: a loop, or too long. */
static bool follow_links(char out[PATH_MAX], const char *path)
{
    char next[PATH_MAX];
    if (snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX) return errno = ENAMETOOLONG, false;
    for (int links = 0; links < 40; links++) {
        struct stat info;
        if (lstat(out, &info) != 0 || !S_ISLNK(info.st_mode)) return true;
        ssize_t length = readlink(out, next, sizeof next - 1);
        if (length < 0) return false;
        next[length] = 0;
        char *slash = strrchr(out, '/');
        int folder = next[0] == '/' || !slash ? 0 : (int)(slash - out) + 1;
        if (folder + length >= PATH_MAX) return errno = ENAMETOOLONG, false;
        memcpy(out + folder, next, (size_t)length + 1);
    }
    return errno = ELOOP, false;
}

/* The standard output's or standard error's descriptor when it stands for this file; -1: neither does.  Redirected, it is
 * a regular file that the shell holds open: a new file under its name would not be the one that the shell goes on with. */
static int standard_stream(const struct stat *file)
{
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        struct stat info;
        if (fstat(fd, &info) == 0 && info.st_dev == file->st_dev && info.st_ino == file->st_ino) return fd;
    }
    return -1;
}

bool rt_path_is_stream(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode) && (!S_ISREG(info.st_mode) || standard_stream(&info) >= 0);
}

#define UNFINISHED ".tmp."

bool rt_path_is_unfinished(const char *path, int64_t *out_length, long *out_process)
{
    char *end;
    const char *mark = NULL;
    for (const char *at = path; (at = strstr(at, UNFINISHED)); at++) mark = at;
    if (!mark || mark == path) return false;
    const char *process = mark + strlen(UNFINISHED), *number;
    *out_length = mark - path, *out_process = strtol(process, &end, 10);
    number = end + 1;
    return isdigit((unsigned char)*process) && *end == '.' && *number && strspn(number, "0123456789") == strlen(number);
}

/* Only a regular file is ever replaced by a new one; everything else that exists is written to as it stands. */
static rt_status open_stream(rt_writer *writer, rt_err *err)
{
    struct stat info;
    bool exists = stat(writer->path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode))
        return rt_fail(err, RT_ERR_IO, writer->path, 0, "is a folder, a file was expected");
    int fd;
    writer->straight = rt_path_is_stream(writer->path);
    if (writer->straight) {
        int standard = standard_stream(&info);
        fd = standard >= 0 ? fcntl(standard, F_DUPFD_CLOEXEC, 3) : open(writer->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    } else {
        if (!follow_links(writer->final, writer->path))
            return rt_fail(err, RT_ERR_IO, writer->path, 0, "cannot write: %s", strerror(errno));
        static unsigned number;   /* two threads may write one file: each has its own until it is renamed */
        unsigned mine = __atomic_fetch_add(&number, 1, __ATOMIC_RELAXED);
        if (snprintf(writer->temporary, sizeof writer->temporary, "%s" UNFINISHED "%ld.%u", writer->final, (long)getpid(),
                     mine) >= PATH_MAX)
            return rt_fail(err, RT_ERR_IO, writer->path, 0, "the path is too long");
        fd = open(writer->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd >= 0 && exists && fchmod(fd, info.st_mode & 0777) != 0) errno = 0;   /* some file systems have no modes */
    }
    writer->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (writer->stream) return RT_OK;
    rt_fail(err, RT_ERR_IO, writer->path, 0, "cannot write: %s", strerror(errno));
    if (fd >= 0) {
        close(fd);
        if (!writer->straight) unlink(writer->temporary);
    }
    return RT_ERR_IO;
}

rt_status rt_writer_open(rt_writer **ret_writer, const char *path, rt_err *err)
{
    *ret_writer = NULL;
    rt_writer *writer = rt_alloc(1, sizeof *writer, err);
    if (!writer) return RT_ERR_MEMORY;
    rt_status status = RT_ERR_IO;
    if (snprintf(writer->path, sizeof writer->path, "%s", path) >= PATH_MAX)
        rt_fail(err, RT_ERR_IO, path, 0, "the path is too long");
    else status = open_stream(writer, err);
    if (status == RT_OK) *ret_writer = writer;
    else free(writer);
    return status;
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

/* Pipes and most devices have nothing to be synced, and say so. */
static bool sync_stream(const rt_writer *writer)
{
    return fsync(fileno(writer->stream)) == 0 || (writer->straight && (errno == EINVAL || errno == ENOTSUP || errno == EROFS));
}

rt_status rt_writer_commit(rt_writer *writer, rt_err *err)
{
    errno = 0;
    bool bad = ferror(writer->stream) || fflush(writer->stream) != 0 || !sync_stream(writer);
    int failure = writer->failure ? writer->failure : errno;
    if (fclose(writer->stream) != 0 && !bad) bad = true, failure = errno;
    if (!bad && !writer->straight && rename(writer->temporary, writer->final) != 0) bad = true, failure = errno;
    rt_status status = RT_OK;
    if (bad) {
        if (!writer->straight) unlink(writer->temporary);
        status = rt_fail(err, RT_ERR_IO, writer->path, 0, "cannot write: %s", failure ? strerror(failure) : "write error");
    } else if (!writer->straight) {
        sync_folder(writer->final);
    }
    free(writer);
    return status;
}

void rt_writer_abandon(rt_writer *writer)
{
    if (!writer) return;
    fclose(writer->stream);
    if (!writer->straight) unlink(writer->temporary);
    free(writer);
}

rt_status rt_write_text(const char *path, const char *text, int64_t length, rt_err *err)
{
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    errno = 0;
    if (fwrite(text, 1, (size_t)length, writer->stream) != (size_t)length) writer->failure = errno;
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

bool rt_path_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
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

void rt_free_names(char **name, int64_t count)
{
    for (int64_t i = 0; i < count && name; i++) free(name[i]);
    free(name);
}

rt_status rt_list_folder(char ***ret_name, int64_t *out_count, const char *folder, bool (*keep)(const char *name),
                         rt_err *err)
{
    rt_status status = RT_OK;
    struct dirent **entry = NULL;
    char **name = NULL;
    int64_t kept = 0;
    *ret_name = NULL;
    *out_count = 0;
    int n = scandir(folder, &entry, NULL, alphasort);
    if (n < 0) return rt_fail(err, RT_ERR_IO, folder, 0, "cannot read the folder: %s", strerror(errno));
    RT_TRY_ALLOC(name, n);
    for (int i = 0; i < n; i++) {
        if (!keep(entry[i]->d_name)) continue;
        name[kept] = rt_copy_text(entry[i]->d_name, -1, err);
        if (!name[kept]) RT_TRY(RT_ERR_MEMORY);
        kept++;
    }
done:
    for (int i = 0; i < n; i++) free(entry[i]);
    free(entry);
    if (status != RT_OK) {
        rt_free_names(name, kept);
        return status;
    }
    *ret_name = name;
    *out_count = kept;
    return RT_OK;
}
