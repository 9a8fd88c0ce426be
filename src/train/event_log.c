#define _GNU_SOURCE
#include "train/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

typedef struct {
    int fd;
    int64_t size;           /* after the last whole record */
    char path[PATH_MAX];
} record_file;

struct rt_event_log {
    record_file lines, events;
};

/* ---- CRC-32C ----------------------------------------------------------------------------------------------------- */
static uint32_t crc_table[256];

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t x = i;
        for (int k = 0; k < 8; k++) x = x & 1 ? x >> 1 ^ 0x82F63B78u : x >> 1;
        crc_table[i] = x;
    }
}

uint32_t rt_event_log_crc32c(uint32_t crc, const void *bytes, int64_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const uint8_t *at = bytes;
    pthread_once(&once, make_table);
    crc = ~crc;
    for (int64_t i = 0; i < size; i++) crc = crc_table[(crc ^ at[i]) & 255] ^ crc >> 8;
    return ~crc;
}

/* ---- one record, one write --------------------------------------------------------------------------------------- */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static rt_status open_file(record_file *file, const char *folder, const char *name, rt_err *err)
{
    struct stat info;
    rt_path_join(file->path, sizeof file->path, folder, name);
    file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return rt_fail(err, RT_ERR_IO, file->path, 0, "cannot write: %s", strerror(errno));
    file->size = info.st_size;
    return RT_OK;
}

/* All of it or nothing: what a full disk took is cut off again. */
static rt_status append(record_file *file, const rt_text *record, rt_err *err)
{
    if (record->failed) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    for (int64_t done = 0; done < record->length;) {
        ssize_t n = pwrite(file->fd, record->data + done, (size_t)(record->length - done), file->size + done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            int failure = n < 0 ? errno : ENOSPC;
            if (ftruncate(file->fd, file->size) != 0) failure = errno;
            return rt_fail(err, RT_ERR_IO, file->path, 0, "cannot write: %s", strerror(failure));
        }
        done += n;
    }
    file->size += record->length;
    return RT_OK;
}

/* Back to the end of the last whole line. */
static rt_status cut_half_line(record_file *file, rt_err *err)
{
    char piece[4096];
    int64_t end = file->size;
    while (end > 0) {
        int64_t from = end > (int64_t)sizeof piece ? end - (int64_t)sizeof piece : 0;
        ssize_t n = pread(file->fd, piece, (size_t)(end - from), from);
        if (n != end - from) return rt_fail(err, RT_ERR_IO, file->path, 0, "cannot read: %s", strerror(errno));
        while (n > 0 && piece[n - 1] != '\n') n--;
        end = from + n;
        if (n > 0) break;
    }
    if (end < file->size && ftruncate(file->fd, end) != 0)
        return rt_fail(err, RT_ERR_IO, file->path, 0, "cannot write: %s", strerror(errno));
    file->size = end;
    return RT_OK;
}

/* ---- TensorBoard's messages (protocol buffers, by hand: four kinds of field) ------------------------------------- */
static void add_bytes(rt_text *out, const void *bytes, int64_t count) { rt_text_add_bytes(out, bytes, count); }

static void add_varint(rt_text *out, uint64_t value)
{
    uint8_t byte[10];
    int n = 0;
    do {
        byte[n++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    add_bytes(out, byte, n);
}

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

static void add_key(rt_text *out, int field, int kind) { add_varint(out, (uint64_t)(field << 3 | kind)); }

static void add_message(rt_text *out, int field, const void *bytes, int64_t size)
{
    add_key(out, field, LENGTH);
    add_varint(out, (uint64_t)size);
    add_bytes(out, bytes, size);
}

/* Event: wall_time 1, step 2, and the rest that the caller made (file_version 3, summary 5, session_log 7). */
static rt_status append_event(rt_event_log *log, double time, int64_t step, const rt_text *rest, rt_err *err)
{
    rt_text event = {0}, record = {0};
    add_key(&event, 1, FIXED64);
    add_bytes(&event, &time, sizeof time);
    add_key(&event, 2, VARINT);
    add_varint(&event, (uint64_t)step);
    add_bytes(&event, rest->data, rest->length);
    uint64_t length = (uint64_t)event.length;
    uint32_t crc[2] = {rt_event_log_crc32c(0, &length, sizeof length),
                       rt_event_log_crc32c(0, event.data, event.length)};
    for (int i = 0; i < 2; i++) crc[i] = (crc[i] >> 15 | crc[i] << 17) + 0xA282EAD8u; /* masked, as the format wants */
    add_bytes(&record, &length, sizeof length);
    add_bytes(&record, &crc[0], sizeof *crc);
    add_bytes(&record, event.data, event.length);
    add_bytes(&record, &crc[1], sizeof *crc);
    record.failed = record.failed || event.failed || rest->failed;
    rt_status status = append(&log->events, &record, err);
    rt_text_free(&event);
    rt_text_free(&record);
    return status;
}

static rt_status append_summary(rt_event_log *log, double time, const char *event, int64_t step,
                                const rt_event_value *value, int64_t n_value, rt_err *err)
{
    rt_text summary = {0}, rest = {0}, tag = {0}, item = {0};
    for (int64_t i = 0; i < n_value; i++) {
        float number = (float)value[i].value;
        rt_text_clear(&tag);
        rt_text_clear(&item);
        rt_text_add(&tag, "%s/%s", event, value[i].tag);
        add_message(&item, 1, tag.data, tag.length);
        add_key(&item, 2, FIXED32);
        add_bytes(&item, &number, sizeof number);
        add_message(&summary, 1, item.data, item.length);
        summary.failed = summary.failed || tag.failed || item.failed;
    }
    add_message(&rest, 5, summary.data, summary.length);
    rest.failed = rest.failed || summary.failed;
    rt_status status = append_event(log, time, step, &rest, err);
    rt_text_free(&summary);
    rt_text_free(&rest);
    rt_text_free(&tag);
    rt_text_free(&item);
    return status;
}

/* ---- JSON lines -------------------------------------------------------------------------------------------------- */
static rt_status append_line(rt_event_log *log, double time, const char *event, int64_t step,
                             const rt_event_value *value, int64_t n_value, const char *opt_targets, rt_err *err)
{
    rt_text line = {0};
    json_t *root = json_pack("{s:f, s:I, s:s}", "time", time, "step", (json_int_t)step, "event", event);
    if (opt_targets) json_object_set_new(root, "targets", json_string(opt_targets));
    for (int64_t i = 0; i < n_value; i++)
        json_object_set_new(root, value[i].tag, rt_json_number(value[i].value));
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(17)) : NULL;
    rt_text_add(&line, "%s\n", text ? text : "");
    line.failed = line.failed || !text;
    rt_status status = append(&log->lines, &line, err);
    free(text);
    json_decref(root);
    rt_text_free(&line);
    return status;
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */
rt_status rt_event_log_open(rt_event_log **ret_log, const char *folder, int64_t first_step, rt_err *err)
{
    rt_event_log *log = NULL;
    rt_text name = {0}, rest = {0};
    char host[256] = "host";
    const uint8_t session_start[] = {1 << 3 | VARINT, 1};   /* SessionLog.status = START */
    double time = now();
    rt_status status = RT_OK;
    *ret_log = NULL;
    RT_TRY(rt_make_folder(folder, err));
    RT_TRY_ALLOC(log, 1);
    log->lines.fd = log->events.fd = -1;
    RT_TRY(open_file(&log->lines, folder, "log.jsonl", err));
    RT_TRY(cut_half_line(&log->lines, err));
    if (gethostname(host, sizeof host - 1) != 0 || strchr(host, '/')) strcpy(host, "host");
    rt_text_add(&name, "events.out.tfevents.%lld.%s.%ld", (long long)time, host, (long)getpid());
    if (name.failed) RT_TRY(RT_ERR_MEMORY);
    RT_TRY(open_file(&log->events, folder, name.data, err));
    add_message(&rest, 3, "brain.Event:2", 13);
    RT_TRY(append_event(log, time, 0, &rest, err));
    if (log->lines.size > 0) { /* also at step 0, where a run was stopped before its first checkpoint */
        rt_text_clear(&rest);
        add_message(&rest, 7, session_start, sizeof session_start);
        RT_TRY(append_event(log, time, first_step, &rest, err));
        RT_TRY(append_line(log, time, "resumed", first_step, NULL, 0, NULL, err));
    }
    *ret_log = log;
    log = NULL;
done:
    rt_text_free(&name);
    rt_text_free(&rest);
    rt_event_log_close(log);
    return status;
}

void rt_event_log_close(rt_event_log *log)
{
    if (!log) return;
    if (log->lines.fd >= 0) close(log->lines.fd);
    if (log->events.fd >= 0) close(log->events.fd);
    free(log);
}

rt_status rt_event_log_write(rt_event_log *log, const char *event, int64_t step, const rt_event_value *value,
                             int64_t n_value, const char *opt_targets, rt_err *err)
{
    double time = now();
    rt_status status = append_line(log, time, event, step, value, n_value, opt_targets, err);
    return status == RT_OK ? append_summary(log, time, event, step, value, n_value, err) : status;
}
