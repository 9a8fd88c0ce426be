#include "cli/run_record.h"

#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/pool.h"
#include "cli/commands.h"

struct rt_run_record {
    json_t *command, *inputs, *more;
    struct timespec began;
    time_t began_at;
    int64_t seed;
    bool has_seed;
    const char *device;
};

static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);   /* NULL for what is not UTF-8 */
    return json ? json : json_string("(not UTF-8)");
}

rt_status rt_run_record_create(rt_run_record **ret_record, int argc, char **argv, rt_err *err)
{
    rt_run_record *record = rt_alloc(1, sizeof *record, err);
    *ret_record = record;
    if (!record) return RT_ERR_MEMORY;
    clock_gettime(CLOCK_MONOTONIC, &record->began);
    record->began_at = time(NULL);
    record->device = "cpu";
    record->command = json_array();
    record->inputs = json_array();
    record->more = json_object();
    for (int i = 0; i < argc; i++) json_array_append_new(record->command, text_json(argv[i]));
    return RT_OK;
}

void rt_run_record_free(rt_run_record *record)
{
    if (!record) return;
    json_decref(record->command);
    json_decref(record->inputs);
    json_decref(record->more);
    free(record);
}

void rt_run_record_seed(rt_run_record *record, int64_t seed)
{
    record->seed = seed;
    record->has_seed = true;
}

void rt_run_record_device(rt_run_record *record, const char *device) { record->device = device; }

void rt_run_record_set(rt_run_record *record, const char *key, json_t *value)
{
    if (value) json_object_set_new(record->more, key, value);
    else json_object_del(record->more, key);
}

void rt_run_record_add_input(rt_run_record *record, const char *role, const char *path, int64_t size,
                             const char *sha256)
{
    json_array_append_new(record->inputs, json_pack("{s:s, s:o, s:I, s:s}", "role", role, "path", text_json(path),
                                                    "bytes", (json_int_t)size, "sha256", sha256));
}

rt_status rt_run_record_input(rt_run_record *record, const char *role, const char *path, rt_err *err)
{
    char sha256[RT_HASH_TEXT];
    return rt_run_record_hash_input(sha256, record, role, path, err);
}

rt_status rt_run_record_hash_input(char out_sha256[RT_HASH_TEXT], rt_run_record *opt_record, const char *role, const char *path,
                                   rt_err *err)
{
    int64_t size;
    rt_status status = rt_hash_file(out_sha256, &size, path, err);
    if (status == RT_OK && opt_record) rt_run_record_add_input(opt_record, role, path, size, out_sha256);
    return status;
}

double rt_run_record_seconds(const rt_run_record *record)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - record->began.tv_sec) + 1e-9 * (double)(now.tv_nsec - record->began.tv_nsec);
}

static json_t *time_json(time_t when)
{
    char text[32];
    struct tm parts;
    gmtime_r(&when, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

json_t *rt_run_record_json(const rt_run_record *record, const rt_options *options)
{
    json_t *root = json_pack("{s:s, s:s, s:s, s:O}", "program", "rnatune", "version", rt_version_text(), "commit",
                             rt_version_commit(), "command", record->command);
    json_object_set_new(root, "options", rt_options_json(options));
    json_object_set_new(root, "seed", record->has_seed ? json_integer(record->seed) : json_null());
    json_object_set(root, "inputs", record->inputs);
    json_object_set_new(root, "device", text_json(record->device));
    json_object_set_new(root, "cpus", json_integer(rt_cpu_count()));
    json_object_set_new(root, "started", time_json(record->began_at));
    json_object_set_new(root, "ended", time_json(time(NULL)));
    json_object_set_new(root, "seconds", json_real(rt_run_record_seconds(record)));
    json_object_set_new(root, "peak_memory_bytes", json_integer(rt_memory_peak_rss()));
    json_object_update(root, record->more);
    return root;
}

rt_status rt_run_record_write(const rt_run_record *record, const rt_options *options, const char *path, rt_err *err)
{
    json_t *root = rt_run_record_json(record, options);
    rt_status status = rt_json_save(root, path, err);
    json_decref(root);
    return status;
}
