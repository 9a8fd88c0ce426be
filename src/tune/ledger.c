#include "tune/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

void rt_ledger_time(char out[32])
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static json_t *waiting(const char *name)
{
    return json_pack("{s:s, s:s, s:n, s:{}, s:[], s:n, s:f, s:n, s:n, s:n, s:n, s:[]}", "name", name, "state",
                     "waiting",
                     "inputs_sha256", "inputs", "outputs", "exit", "seconds", 0.0, "started", "ended", "log", "error",
                     "commands");
}

static json_t *find(const json_t *steps, const char *name)
{
    size_t i;
    json_t *step;
    json_array_foreach((json_t *)(uintptr_t)steps, i, step) {
        const char *its = json_string_value(json_object_get(step, "name"));
        if (its && strcmp(its, name) == 0) return step;
    }
    return NULL;
}

rt_status rt_ledger_open(rt_ledger *out_ledger, const char *folder, const char *const *name, int n, rt_err *err)
{
    rt_status status = RT_OK;
    rt_ledger *l = out_ledger;
    *l = (rt_ledger){0};
    rt_path_join(l->path, sizeof l->path, folder, "steps.json");
    if (rt_file_exists(l->path)) {
        RT_TRY(rt_json_load(&l->root, l->path, err));
        if (!json_is_array(json_object_get(l->root, "steps"))) {
            rt_fail(err, RT_ERR_FORMAT, l->path, 0, "is no list of steps that rnatune wrote");
            RT_TRY(rt_hint(err, "remove it and every step looks at its inputs anew, or give another --out"));
        }
    } else l->root = json_object();
    l->steps = json_array();
    for (int i = 0; i < n; i++) {
        json_t *had = find(json_object_get(l->root, "steps"), name[i]);
        if (had) json_array_append(l->steps, had);
        else json_array_append_new(l->steps, waiting(name[i]));
    }
    json_object_set_new(l->root, "steps", l->steps);
done:
    if (status != RT_OK) rt_ledger_close(l);
    return status;
}

void rt_ledger_close(rt_ledger *ledger)
{
    json_decref(ledger->root);
    ledger->root = ledger->steps = NULL;
}

rt_status rt_ledger_save(const rt_ledger *ledger, rt_err *err) { return rt_json_save(ledger->root, ledger->path,
                                                                                     err); }

json_t *rt_ledger_step(const rt_ledger *ledger, const char *name)
{
    json_t *step = find(ledger->steps, name);
    if (!step) RT_BUG("no step %s", name);
    return step;
}

const char *rt_ledger_state(const rt_ledger *ledger, const char *name)
{
    const char *state = json_string_value(json_object_get(rt_ledger_step(ledger, name), "state"));
    return state ? state : "waiting";
}

rt_status rt_ledger_begin(rt_ledger *ledger, const char *name, const json_t *inputs, const char *hash, const char *log,
                          const json_t *outputs, rt_err *err)
{
    char now[32];
    json_t *step = rt_ledger_step(ledger, name);
    const char *had = json_string_value(json_object_get(step, "inputs_sha256"));
    bool goes_on = had && strcmp(had, hash) == 0;
    rt_ledger_time(now);
    if (!goes_on) {
        json_t *fresh = waiting(name);
        json_object_update(step, fresh);
        json_decref(fresh);
        json_object_set_new(step, "started", json_string(now));
    }
    json_object_set_new(step, "state", json_string("running"));
    json_object_set_new(step, "inputs_sha256", json_string(hash));
    json_object_set_new(step, "inputs", json_deep_copy(inputs));
    json_object_set_new(step, "outputs", json_deep_copy(outputs));
    json_object_set_new(step, "log", json_string(log));
    json_object_set_new(step, "error", json_null());
    json_object_set_new(step, "exit", json_null());
    json_object_set_new(step, "ended", json_null());
    ledger->began = rt_clock();
    ledger->before = json_number_value(json_object_get(step, "seconds"));
    return rt_ledger_save(ledger, err);
}

static json_t *list_words(const char *const *argv)
{
    json_t *list = json_array();
    for (; *argv; argv++) {
        json_t *word = json_string(*argv);
        json_array_append_new(list, word ? word : json_string("(not UTF-8)"));
    }
    return list;
}

static json_t *find_command(const json_t *step, const char *const *argv)
{
    size_t i;
    json_t *command, *found = NULL, *words = list_words(argv);
    json_array_foreach(json_object_get(step, "commands"), i, command)
        if (json_equal(json_object_get(command, "command"), words)) found = command;
    json_decref(words);
    return found;
}

rt_status rt_ledger_command(rt_ledger *ledger, const char *name, const char *const *argv, int exit_code,
                            double seconds,
                            rt_err *err)
{
    json_t *step = rt_ledger_step(ledger, name), *had = find_command(step, argv);
    if (had) {
        seconds += json_number_value(json_object_get(had, "seconds"));
        json_object_set_new(had, "exit", json_integer(exit_code));
        json_object_set_new(had, "seconds", json_real(seconds));
    } else {
        json_array_append_new(json_object_get(step, "commands"),
                              json_pack("{s:o, s:i, s:f}", "command", list_words(argv), "exit", exit_code, "seconds",
                                        seconds));
    }
    json_object_set_new(step, "seconds", json_real(ledger->before + rt_clock() - ledger->began));
    return rt_ledger_save(ledger, err);
}

bool rt_ledger_has(const rt_ledger *ledger, const char *name, const char *const *argv, int *out_code)
{
    const json_t *command = find_command(rt_ledger_step(ledger, name), argv), *code = json_object_get(command, "exit");
    if (!json_is_integer(code)) return false;
    *out_code = (int)json_integer_value(code);
    return *out_code == 0 || *out_code == 3;
}

rt_status rt_ledger_end(rt_ledger *ledger, const char *name, const char *state, int exit_code, const rt_err *opt_why,
                        rt_err *err)
{
    char now[32], why[2048];
    json_t *step = rt_ledger_step(ledger, name);
    rt_ledger_time(now);
    json_object_set_new(step, "state", json_string(state));
    json_object_set_new(step, "ended", json_string(now));
    json_object_set_new(step, "exit", json_integer(exit_code));
    json_object_set_new(step, "seconds", json_real(ledger->before + rt_clock() - ledger->began));
    if (opt_why) {
        rt_err_print(opt_why, why, sizeof why);
        json_t *text = json_string(why);
        json_object_set_new(step, "error", text ? text : json_string("(not UTF-8)"));
    }
    return rt_ledger_save(ledger, err);
}
