/* tune_protocol.c - what is fixed before training, and how often the test part was opened */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/tune.h"
#include "prep/dataset.h"

#define PROTOCOL "protocol.json"
#define OPENED "test_opened.json"

/* How choices are made: the program's own rules, part of the protocol. */
static const char *const RULES[][2] = {
    {"phase1", "the base whose Phase 1 has the best mean of the metric on the validation part, over all seeds"},
    {"epoch", "the epoch with the least weighted loss on the validation part"},
    {"ensemble", "the candidate with the best mean of the metric on the validation part, the same number of samples "
                 "each; of equal ones the simpler"},
    {"test", "opened once, after all choices; base is the one that the chosen Phase 1 began with"},
    {"claim", "an interval by family that excludes zero, widened for the comparisons of base, Phase 1 and Phase 2, and "
              "an exact signed-rank test by family that rejects"},
};

static json_t *plan_json(const rt_tune *t)
{
    json_t *plan = json_object();
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++) {
        rt_option_type type = rt_plan_key_option(key)->type;
        /* files go by their contents */
        if (!key->frozen || type == RT_OPTION_FILE || type == RT_OPTION_FOLDER) continue;
        int n = rt_plan_count(t->plan, key->name);
        json_t *list = json_array();
        for (int i = 0; i < n; i++) json_array_append_new(list, json_string(rt_plan_at(t->plan, key->name, i)));
        json_object_set_new(plan, key->name, list);
    }
    return plan;
}

static rt_status files_json(json_t **ret_files, rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    rt_dataset *set = NULL;
    json_t *files = *ret_files = json_object();
    char name[400];
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++) {
        rt_option_type type = rt_plan_key_option(key)->type;
        for (int i = 0; key->frozen && i < rt_plan_count(t->plan, key->name); i++) {
            const char *path = rt_plan_at(t->plan, key->name, i);
            if (key->kind == RT_PLAN_FILES_BY_NAME)
                snprintf(name, sizeof name, "%s.%s", key->name, rt_plan_name_at(t->plan, key->name, i));
            else snprintf(name, sizeof name, i ? "%s.%d" : "%s", key->name, i);
            if (type == RT_OPTION_FILE) RT_TRY(rt_inputs_file(files, &t->hashes, name, path, err));
            if (type == RT_OPTION_FOLDER) RT_TRY(rt_inputs_folder(files, &t->hashes, name, path, err));
        }
    }
    RT_TRY(rt_inputs_file(files, &t->hashes, "split.tsv", rt_tune_path(t, "split.tsv"), err));
    RT_TRY(rt_inputs_file(files, &t->hashes, "families.tsv", rt_tune_path(t, "families.tsv"), err));
    RT_TRY(rt_dataset_open(&set, rt_tune_path(t, "set"), err));
    rt_inputs_text(files, "set", rt_dataset_hash(set));
done:
    rt_dataset_close(set);
    return status;
}

/* The protocol as the plan and the folder have it now, with its SHA-256. */
static rt_status make(json_t **ret_root, rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char hash[RT_HASH_TEXT], now[32];
    json_t *files = NULL, *rules = json_object(), *body = NULL;
    *ret_root = NULL;
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) json_object_set_new(rules, RULES[i][0],
                                                                                  json_string(RULES[i][1]));
    status = files_json(&files, t, err);
    if (status != RT_OK) {
        json_decref(files);
        json_decref(rules);
        return status;
    }
    body = json_pack("{s:o, s:o, s:o}", "rules", rules, "plan", plan_json(t), "files", files);
    RT_TRY(rt_inputs_hash(hash, body, err));
    rt_ledger_time(now);
    *ret_root = json_pack("{s:s, s:s, s:O, s:O, s:O, s:[]}", "sha256", hash, "frozen", now, "rules", rules, "plan",
                          json_object_get(body, "plan"), "files", files, "history");
done:
    json_decref(body);
    return status;
}

static void name_changes(char *out, int64_t size, const json_t *before, const json_t *now)
{
    static const char *const PARTS[] = {"plan", "files", "rules"};
    char one[300];
    *out = 0;
    for (int i = 0; i < 3; i++) {
        rt_inputs_differ(one, sizeof one, json_object_get(before, PARTS[i]), json_object_get(now, PARTS[i]));
        size_t n = strlen(out);
        if (one[0]) snprintf(out + n, (size_t)size - n, "%s%s", n ? ", " : "", one);
    }
}

rt_status rt_tune_protocol_freeze(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *now = NULL, *before = NULL;
    char path[PATH_MAX], what[900];
    snprintf(path, sizeof path, "%s", rt_tune_path(t, PROTOCOL));
    RT_TRY(make(&now, t, err));
    const char *hash = json_string_value(json_object_get(now, "sha256"));
    if (!rt_file_exists(path)) {
        rt_info("the protocol is frozen: %.16s (%s)", hash, path);
        RT_TRY(rt_json_save(now, path, err));
        goto done;
    }
    RT_TRY(rt_json_load(&before, path, err));
    const char *had = json_string_value(json_object_get(before, "sha256"));
    if (had && strcmp(had, hash) == 0) goto done;
    name_changes(what, sizeof what, before, now);
    if (!t->new_protocol) {
        rt_fail(err, RT_ERR_MISMATCH, path, 0, "the protocol was frozen before training, and now differs: %s", what);
        RT_TRY(rt_hint(err, "put it back; or --new-protocol, which is recorded, or another --out"));
    }
    json_t *history = json_object_get(before, "history"), *old = json_deep_copy(before);
    char when[32];
    rt_ledger_time(when);
    json_object_del(old, "history");
    json_object_set_new(old, "replaced", json_string(when));
    json_object_set_new(old, "changed", json_string(what));
    json_t *list = json_is_array(history) ? json_deep_copy(history) : json_array();
    json_array_append_new(list, old);
    json_object_set_new(now, "history", list);
    rt_warn("a new protocol takes the place of the frozen one: %s changed; both are in %s", what, path);
    RT_TRY(rt_json_save(now, path, err));
done:
    json_decref(now);
    json_decref(before);
    return status;
}

rt_status rt_tune_protocol_check(rt_tune *t, rt_err *err)
{
    static const char *const NEEDED[] = {PROTOCOL, "split.tsv", "families.tsv"};
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++)   /* what is not there is made again first */
        if (!rt_file_exists(rt_tune_path(t, "%s", NEEDED[i]))) return RT_OK;
    if (!rt_dataset_is_there(rt_tune_path(t, "set"))) return RT_OK;
    return rt_tune_protocol_freeze(t, err);
}

void rt_tune_protocol_hash(const rt_tune *t, char out[RT_HASH_TEXT])
{
    json_t *root = NULL;
    *out = 0;
    if (rt_json_load(&root, rt_tune_path(t, PROTOCOL), NULL) != RT_OK) return;
    const char *hash = json_string_value(json_object_get(root, "sha256"));
    if (hash) snprintf(out, RT_HASH_TEXT, "%s", hash);
    json_decref(root);
}

rt_status rt_tune_open_test(rt_tune *t, const char *inputs_sha256, rt_err *err)
{
    rt_status status = RT_OK;
    char path[PATH_MAX], protocol[RT_HASH_TEXT], now[32];
    json_t *root = NULL;
    snprintf(path, sizeof path, "%s", rt_tune_path(t, OPENED));
    if (rt_file_exists(path)) RT_TRY(rt_json_load(&root, path, err));
    else root = json_pack("{s:[]}", "openings");
    json_t *list = json_object_get(root, "openings");
    if (!json_is_array(list)) RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0,
                                             "is no list of openings that rnatune wrote"));
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    const char *had = json_string_value(json_object_get(last, "inputs_sha256"));
    if (json_array_size(list) && had && strcmp(had, inputs_sha256) == 0) goto done;   /* the same look, interrupted */
    rt_tune_protocol_hash(t, protocol);
    rt_ledger_time(now);
    json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "time", now, "protocol_sha256", protocol, "inputs_sha256",
                                          inputs_sha256));
    if (json_array_size(list) > 1)
        rt_warn("the test part is opened again (%zu times by now): what is chosen after the first time is not tested by it",
                json_array_size(list));
    RT_TRY(rt_json_save(root, path, err));
done:
    json_decref(root);
    return status;
}
