/* tune_run.c - the steps one after another: skipped, gone on with, or begun anew; their commands as processes */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/tune.h"
#include "op/backend.h"
#include "tune/child.h"

enum { PATHS = 16, EXIT_CHECK = 3 };

/* ---- command lines ------------------------------------------------------------------------------------------ */

const char *rt_tune_path(const rt_tune *t, const char *format, ...)
{
    static char ring[PATHS][PATH_MAX];
    static int next;
    char *out = ring[next++ % PATHS];
    va_list arguments;
    int n = snprintf(out, PATH_MAX, "%s/", t->out);
    va_start(arguments, format);
    vsnprintf(out + n, (size_t)(PATH_MAX - n), format, arguments);
    va_end(arguments);
    return out;
}

static void words_clear(rt_words *w)
{
    for (int i = 0; i < w->n; i++) free(w->word[i]);
    w->n = 0;
}

static void words_add(rt_words *w, const char *text)
{
    void *list = w->word;
    if (rt_grow(&list, &w->capacity, w->n + 2, sizeof *w->word, NULL) != RT_OK) w->failed = true;
    w->word = list;
    if (w->failed) return;
    w->word[w->n] = rt_copy_text(text, -1, NULL);
    if (!w->word[w->n]) w->failed = true;
    else w->word[++w->n] = NULL;
}

void rt_tune_begin(rt_tune *t, const char *verb, const char *opt_operand)
{
    words_clear(&t->words);
    words_add(&t->words, t->program);
    words_add(&t->words, verb);
    if (opt_operand) words_add(&t->words, opt_operand);
}

void rt_tune_add(rt_tune *t, const char *option, const char *opt_value)
{
    words_add(&t->words, option);
    if (opt_value) words_add(&t->words, opt_value);
}

const char *rt_tune_device(const rt_tune *t)
{
    const char *device = rt_plan_text(t->plan, "device");
    return strcmp(device, "auto") != 0 ? device : rt_cuda_unavailable() ? "cpu" : "cuda";
}

static bool verb_has(const rt_command *verb, const char *option)
{
    for (const rt_option *o = verb->options; o->name; o++)
        if (strcmp(o->name, option) == 0) return true;
    return false;
}

void rt_tune_add_keys(rt_tune *t, unsigned uses)
{
    char option[80];
    const rt_command *verb = t->find(t->words.word[1]);
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++) {
        if (!(key->uses & uses) || !key->verb || !verb_has(verb, key->option)) continue;
        snprintf(option, sizeof option, "--%s", key->option);
        if (rt_plan_key_option(key)->type == RT_OPTION_FLAG) {
            if (rt_plan_is(t->plan, key->name)) rt_tune_add(t, option, NULL);
            continue;
        }
        for (int i = 0; i < rt_plan_count(t->plan, key->name); i++)
            rt_tune_add(t, option, rt_plan_at(t->plan, key->name, i));
    }
    if ((uses & (RT_PLAN_PHASE1 | RT_PLAN_PHASE2 | RT_PLAN_PREDICT)) && verb_has(verb, "device"))
        rt_tune_add(t, "--device", rt_tune_device(t));
}

/* ---- commands ----------------------------------------------------------------------------------------------- */

/* Each command stands in the log as it can be copied. */
static rt_status log_command(const rt_tune *t, const char *log, rt_err *err)
{
    char now[32];
    FILE *file = fopen(log, "a");
    if (!file) return rt_fail(err, RT_ERR_IO, log, 0, "cannot be written");
    rt_ledger_time(now);
    fprintf(file, "# %s\n$", now);
    for (int i = 0; i < t->words.n; i++) {
        const char *word = t->words.word[i];
        bool plain = *word && word[strspn(word,
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+%@")] == 0;
        fprintf(file, plain ? " %s" : " '", word);
        for (; !plain && *word; word++) fputs(*word == '\'' ? "'\\''" : (char[]){*word, 0}, file);
        if (!plain) fputc('\'', file);
    }
    fputc('\n', file);
    if (fclose(file) == 0) return RT_OK;
    return rt_fail(err, RT_ERR_IO, log, 0, "cannot be written");
}

/* Why a verb failed, in one line. */
static rt_status blame(const rt_tune *t, const char *log, int code, rt_err *err)
{
    char said[700], verb[40];
    snprintf(verb, sizeof verb, "%s", t->words.word[1]);
    rt_child_last_error(said, sizeof said, log, verb);
    if (code >= 128)
        rt_fail(err, RT_ERR_IO, NULL, 0, "step %s: rnatune %s was ended by signal %d%s", t->step, verb, code - 128,
                code == 128 + 9 ? " (killed: perhaps for memory)" : "");
    else rt_fail(err, RT_ERR_IO, NULL, 0, "step %s: %s", t->step, said[0] ? said
                 : "a verb failed and did not say why");
    return rt_hint(err, "what it said is in %s; put it right and give the same command again: what is done stays done",
                   log);
}

/* Many short commands would drown the long ones: what they say is in the log. */
static bool is_worth_showing(const char *verb)
{
    static const char *const SHORT[] = {"score", "compare", "export", "lora", "doctor"};
    for (size_t i = 0; i < sizeof SHORT / sizeof *SHORT; i++)
        if (strcmp(SHORT[i], verb) == 0) return false;
    return true;
}

rt_status rt_tune_command(rt_tune *t, const char *opt_stdout, const char *opt_last, int *out_code, rt_err *err)
{
    rt_status status = RT_OK;
    char log[PATH_MAX];
    int code = 0, n = t->words.n;
    snprintf(log, sizeof log, "%s", rt_tune_path(t, "logs/%s.log", t->step));
    if (t->words.failed) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for a command line");
    const char *const *argv = (const char *const *)t->words.word;
    if (rt_ledger_has(&t->ledger, t->step, argv, &code) && (!opt_stdout || rt_path_exists(opt_stdout))) {
        if (out_code) *out_code = code;
        return RT_OK;
    }
    if (rt_stop_requested()) return rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped");
    RT_TRY(log_command(t, log, err));
    if (opt_last) words_add(&t->words, opt_last);
    if (t->quiet) words_add(&t->words, "--quiet");
    argv = (const char *const *)t->words.word;
    double began = rt_clock();
    const rt_child_options options = {.log = log, .opt_data = opt_stdout ? opt_stdout : "/dev/null",
                                      .show = is_worth_showing(argv[1])};
    status = rt_child_run(&code, argv, &options, err);
    while (t->words.n > n) free(t->words.word[--t->words.n]), t->words.word[t->words.n] = NULL;
    RT_TRY(status);
    argv = (const char *const *)t->words.word;
    RT_TRY(rt_ledger_command(&t->ledger, t->step, argv, code, rt_clock() - began, err));
    if (out_code) *out_code = code;
    if (code != 0 && !(out_code && code == EXIT_CHECK)) status = blame(t, log, code, err);
done:
    return status;
}

rt_status rt_tune_copy(const char *from, const char *to, rt_err *err)
{
    rt_map map;
    rt_status status = rt_map_open(&map, from, err);
    if (status != RT_OK) return status;
    status = rt_write_text(to, (const char *)map.data, map.size, err);
    rt_map_close(&map);
    return status;
}

/* ---- inputs ------------------------------------------------------------------------------------------------- */

/* A key's value: of a file what is in it. */
static rt_status add_key(rt_tune *t, const rt_plan_key *key, rt_err *err)
{
    rt_status status = RT_OK;
    char name[512];
    rt_option_type type = rt_plan_key_option(key)->type;
    for (int i = 0; i < rt_plan_count(t->plan, key->name); i++) {
        const char *text = rt_plan_at(t->plan, key->name, i);
        if (key->kind == RT_PLAN_FILES_BY_NAME)
            snprintf(name, sizeof name, "%s.%s", key->name, rt_plan_name_at(t->plan, key->name, i));
        else snprintf(name, sizeof name, i ? "%s.%d" : "%s", key->name, i);
        if (rt_folder_exists(text) && (type == RT_OPTION_FOLDER || type == RT_OPTION_PATH))
            RT_TRY(rt_inputs_folder(t->inputs, &t->hashes, name, text, err));
        else if (type == RT_OPTION_FILE || type == RT_OPTION_PATH)
            RT_TRY(rt_inputs_file(t->inputs, &t->hashes, name, text, err));
        else rt_inputs_text(t->inputs, name, strcmp(key->name, "device") == 0 ? rt_tune_device(t) : text);
    }
done:
    return status;
}

static rt_status find_inputs(rt_tune *t, const rt_tune_step *step, rt_err *err)
{
    rt_status status = RT_OK;
    char code[200];
    json_decref(t->inputs);
    t->inputs = json_object();
    snprintf(code, sizeof code, "%s %s", rt_version_text(), rt_version_commit());
    rt_inputs_text(t->inputs, "program", code);
    /* a commit's name says which code it is, unless there is none or the code was changed since */
    if (strstr(code, "dirty") || strstr(code, "unknown"))
        RT_TRY(rt_inputs_file(t->inputs, &t->hashes, "program's file", t->program, err));
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++)
        if ((key->uses & step->uses) && !key->free) RT_TRY(add_key(t, key, err));
    if (step->find_inputs) RT_TRY(step->find_inputs(t, err));
done:
    return status;
}

/* ---- steps -------------------------------------------------------------------------------------------------- */

static bool outputs_there(const rt_tune *t, const rt_tune_step *step)
{
    for (const char *const *output = step->output; *output; output++)
        if (**output != RT_TUNE_MAYBE && !rt_path_exists(rt_tune_path(t, "%s", *output))) return false;
    return true;
}

/* What the step made of other inputs goes out of the way: nothing is lost, and nothing of it is taken for new. */
static rt_status set_aside(rt_tune *t, const rt_tune_step *step, rt_err *err)
{
    rt_status status = RT_OK;
    char folder[PATH_MAX], to[PATH_MAX], from[PATH_MAX];
    int k = 1, moved = 0;
    while (rt_path_exists(rt_tune_path(t, "replaced/%d", k))) k++;
    for (const char *const *output = step->output; *output; output++) {
        const char *name = *output + (**output == RT_TUNE_MAYBE);
        snprintf(from, sizeof from, "%s", rt_tune_path(t, "%s", name));
        if (!rt_path_exists(from)) continue;
        snprintf(to, sizeof to, "%s", rt_tune_path(t, "replaced/%d/%s", k, name));
        snprintf(folder, sizeof folder, "%s", to);
        *strrchr(folder, '/') = 0;
        RT_TRY(rt_make_folder(folder, err));
        if (rename(from, to) != 0) RT_TRY(rt_fail(err, RT_ERR_IO, from, 0, "cannot be moved to %s", to));
        moved++;
    }
    if (moved) rt_info("step %s: what it made before is now in %s", step->name, rt_tune_path(t, "replaced/%d", k));
done:
    return status;
}

static json_t *outputs_json(const rt_tune_step *step)
{
    json_t *list = json_array();
    for (const char *const *output = step->output; *output; output++)
        if (**output != RT_TUNE_MAYBE) json_array_append_new(list, json_string(*output));
    return list;
}

/* Runs a step that must run, and writes down how it ended. */
static rt_status execute(rt_tune *t, const rt_tune_step *step, const char *hash, rt_err *err)
{
    rt_status status = RT_OK;
    char log[80];
    json_t *outputs = outputs_json(step);
    rt_err ignored;
    snprintf(log, sizeof log, "logs/%s.log", step->name);
    RT_TRY(rt_ledger_begin(&t->ledger, step->name, t->inputs, hash, log, outputs, err));
    double began = rt_clock();
    status = step->run(t, err);
    if (status == RT_OK) {
        RT_TRY(rt_ledger_end(&t->ledger, step->name, "done", 0, NULL, err));
        rt_info("step %s: done in %.1f s", step->name, rt_clock() - began);
    } else {
        bool stopped = status == RT_ERR_STOPPED;
        if (stopped) {
            rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped in step %s; what is done stays done", step->name);
            rt_hint(err, "the same command goes on");
        }
        rt_ledger_end(&t->ledger, step->name, stopped ? "stopped" : "failed", 1, err, &ignored);
    }
done:
    json_decref(outputs);
    return status;
}

static rt_status run_step(rt_tune *t, const rt_tune_step *step, rt_err *err)
{
    rt_status status = RT_OK;
    char hash[RT_HASH_TEXT], what[400];
    json_t *record = rt_ledger_step(&t->ledger, step->name);
    t->step = step->name;
    if (step->verb && !t->find(step->verb)) {
        rt_warn("step %s: this build has no such verb ('rnatune %s'); it is left out", step->name, step->verb);
        json_object_set_new(record, "state", json_string("absent"));
        return rt_ledger_save(&t->ledger, err);
    }
    if (step->needs && !rt_plan_text(t->plan, step->needs)) {
        rt_info("step %s: the plan has no %s; it is left out", step->name, step->needs);
        json_object_set_new(record, "state", json_string("absent"));
        return rt_ledger_save(&t->ledger, err);
    }
    RT_TRY(find_inputs(t, step, err));
    RT_TRY(rt_inputs_hash(hash, t->inputs, err));
    const char *had = json_string_value(json_object_get(record, "inputs_sha256")),
               *state = rt_ledger_state(&t->ledger, step->name);
    bool same = had && strcmp(had, hash) == 0;
    if (same && strcmp(state, "done") == 0 && outputs_there(t, step)) {
        rt_info("step %s: its inputs have not changed, skipped", step->name);
        return RT_OK;
    }
    if (same && strcmp(state, "done") == 0) {
        rt_info("step %s: not all that it made is there, so it runs again", step->name);
        json_object_set_new(record, "inputs_sha256", json_null());
    } else if (same) rt_info("step %s: goes on", step->name);
    else if (had) {
        rt_inputs_differ(what, sizeof what, json_object_get(record, "inputs"), t->inputs);
        rt_info("step %s: runs again: %s changed", step->name, what);
    } else rt_info("step %s: %s", step->name, step->help);
    if (!same) RT_TRY(set_aside(t, step, err));
    RT_TRY(execute(t, step, hash, err));
done:
    return status;
}

rt_status rt_tune_run(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    bool begun = !t->from;
    for (int i = 0; i < rt_tune_step_count(); i++) {
        const rt_tune_step *step = &RT_TUNE_STEPS[i];
        const char *state = rt_ledger_state(&t->ledger, step->name);
        if (t->from && strcmp(step->name, t->from) == 0) begun = true;
        if (t->only && strcmp(step->name, t->only) != 0) continue;
        if (!begun) {
            if (strcmp(state, "done") == 0 || strcmp(state, "absent") == 0) continue;
            rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "--from %s: step %s before it is not done (%s)", t->from,
                    step->name, state);
            RT_TRY(rt_hint(err, "leave --from out: steps that are done are skipped anyway"));
        }
        RT_TRY(run_step(t, step, err));
        if (t->to && strcmp(step->name, t->to) == 0) break;
    }
done:
    return status;
}

void rt_tune_close(rt_tune *t)
{
    words_clear(&t->words);
    free(t->words.word);
    json_decref(t->inputs);
    rt_hashes_close(&t->hashes);
    rt_ledger_close(&t->ledger);
}
