#include "cli/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"


static const rt_option COMMON[] = {
    {.name = "quiet", .letter = 'q', .type = RT_OPTION_FLAG, .help = "no progress and no messages, only warnings"},
    {.name = "verbose", .type = RT_OPTION_FLAG, .help = "more messages"},
    {.name = "help", .letter = 'h', .type = RT_OPTION_FLAG, .help = "this text"},
    {.name = "man", .type = RT_OPTION_FLAG, .help = "the same as a man page (roff): pipe it into 'man -l -'"},
};

typedef struct {
    const rt_option *option;
    char **texts;            /* one, or several of a repeated option */
    int64_t count, capacity;
    const char *source;      /* NULL: no value; "default", "command line", "config" */
    int64_t integer;
    double real;
} value;

struct rt_options {
    const rt_command *command;
    value values[RT_MOST_OPTIONS];
    int count;
    char **operands;
    int64_t operand_count, operand_capacity;
};

int rt_options_list(const rt_command *command, const rt_option *out_list[RT_MOST_OPTIONS])
{
    int count = 0;
    for (const rt_option *o = command->options; o && o->name; o++) {
        if (count == RT_MOST_OPTIONS) RT_BUG("verb %s has too many options", command->name);
        out_list[count++] = o;
    }
    for (size_t i = 0; i < sizeof COMMON / sizeof *COMMON; i++) {
        if (count == RT_MOST_OPTIONS) RT_BUG("verb %s has too many options", command->name);
        out_list[count++] = &COMMON[i];
    }
    return count;
}

const char *rt_option_value_name(const rt_option *option)
{
    if (option->type == RT_OPTION_FLAG) return "";
    if (option->type == RT_OPTION_CHOICE) return option->choices;
    if (option->value) return option->value;
    switch (option->type) {
    case RT_OPTION_INT: return "N";
    case RT_OPTION_DOUBLE: return "X";
    case RT_OPTION_FILE:
    case RT_OPTION_OUT_FILE: return "FILE";
    case RT_OPTION_FOLDER:
    case RT_OPTION_OUT_FOLDER: return "DIR";
    case RT_OPTION_PATH: return "PATH";
    default: return "TEXT";
    }
}

/* ---- checks of one value ---------------------------------------------------------------------------------------- */

static rt_status check_number(value *v, const char *text, const char *what, rt_err *err)
{
    const rt_option *o = v->option;
    bool limited = o->low != 0 || o->high != 0;
    double number;
    if (o->type == RT_OPTION_INT) {
        if (!rt_parse_int(text, (int64_t)strlen(text), &v->integer))
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s: '%.80s' is not a whole number", what, text);
        number = (double)v->integer;
    } else {
        if (!rt_parse_double(text, (int64_t)strlen(text), &v->real))
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s: '%.80s' is not a number", what, text);
        number = v->real;
    }
    if (limited && (number < o->low || number > o->high))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s: %.80s is out of range; %.15g to %.15g was expected", what, text,
                       o->low, o->high);
    return RT_OK;
}

static rt_status check_choice(const rt_option *o, const char *text, const char *what, rt_err *err)
{
    char copy[256], *next = NULL;
    const char *words[32];
    int64_t count = 0;
    snprintf(copy, sizeof copy, "%s", o->choices);
    for (char *word = strtok_r(copy, "|", &next); word && count < 32; word = strtok_r(NULL, "|", &next)) {
        if (strcmp(word, text) == 0) return RT_OK;
        words[count++] = word;
    }
    rt_text list = {0};
    for (int64_t i = 0; i < count; i++) rt_text_add(&list, "%s%s", i ? ", " : "", words[i]);
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s: '%.80s' is not one of %s", what, text, list.data ? list.data : o->choices);
    rt_text_free(&list);
    const char *near = rt_nearest_word(text, words, count);
    if (near) rt_hint(err, "did you mean '%s'?", near);
    return RT_ERR_USAGE;
}

static rt_status check_value(value *v, const char *text, const char *what, rt_err *err)
{
    const rt_option *o = v->option;
    if (!*text && o->type != RT_OPTION_TEXT) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s: the value is empty", what);
    if (o->type == RT_OPTION_INT || o->type == RT_OPTION_DOUBLE) return check_number(v, text, what, err);
    if (o->type == RT_OPTION_CHOICE) return check_choice(o, text, what, err);
    return rt_option_check_path(o, text, what, err);
}

rt_status rt_option_check(const rt_option *option, const char *text, const char *what, rt_err *err)
{
    value v = {.option = option};
    return check_value(&v, text, what, err);
}

/* ---- parsing ---------------------------------------------------------------------------------------------------- */

static rt_status take(value *v, const char *text, const char *source, rt_err *err)
{
    rt_status status = RT_OK;
    char what[128];
    snprintf(what, sizeof what, "--%s", v->option->name);
    RT_TRY(check_value(v, text, what, err));
    /* the last one counts, as users of GNU tools expect; a list that is given replaces the default list */
    bool replaces = !v->option->repeated || (v->source && strcmp(v->source, source) != 0);
    while (replaces && v->count) free(v->texts[--v->count]);
    void *texts = v->texts;
    status = rt_grow(&texts, &v->capacity, v->count + 1, sizeof *v->texts, err);
    v->texts = texts;
    RT_TRY(status);
    v->texts[v->count] = rt_copy_text(text, -1, err);
    if (!v->texts[v->count]) return RT_ERR_MEMORY;
    v->count++;
    v->source = source;
done:
    return status;
}

static value *value_find(const rt_options *options, const char *name)
{
    for (int i = 0; i < options->count; i++)
        if (strcmp(options->values[i].option->name, name) == 0) return (value *)(uintptr_t)&options->values[i];
    return NULL;
}

static value *value_get(const rt_options *options, const char *name)
{
    value *v = value_find(options, name);
    if (!v) RT_BUG("verb %s has no option --%s", options->command->name, name);
    return v;
}

/* Why getopt_long refused argv[index]: unknown, ambiguous, or a flag with a value. */
static rt_status refused(const rt_options *options, const char *argument, int letter, rt_err *err)
{
    const char *names[RT_MOST_OPTIONS];
    char name[128];
    rt_text list = {0};
    int matches = 0;
    if (strncmp(argument, "--", 2) != 0)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "unknown option '-%c'", letter);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    for (int i = 0; i < options->count; i++) {
        names[i] = options->values[i].option->name;
        if (strncmp(names[i], name, strlen(name)) == 0) rt_text_add(&list, "%s--%s", matches++ ? ", " : "", names[i]);
    }
    const value *v = value_find(options, name);
    if (!v && matches == 1) v = value_find(options, list.data + 2);
    const char *near = rt_nearest_word(name, names, options->count);
    if (v && strchr(argument, '=')) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s takes no value, but '%.80s' was given", v->option->name,
                strchr(argument, '=') + 1);
    } else if (matches > 1) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "'--%s' may mean %s", name, list.data ? list.data : "several options");
    } else {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "unknown option '--%s'", name);
        if (near) rt_hint(err, "did you mean '--%s'?", near);
    }
    rt_text_free(&list);
    return RT_ERR_USAGE;
}

static rt_status add_operand(rt_options *options, const char *text, rt_err *err)
{
    void *list = options->operands;
    rt_status status = rt_grow(&list, &options->operand_capacity, options->operand_count + 1, sizeof(char *), err);
    options->operands = list;
    if (status != RT_OK) return status;
    options->operands[options->operand_count] = rt_copy_text(text, -1, err);
    return options->operands[options->operand_count++] ? RT_OK : RT_ERR_MEMORY;
}

/* Fills values and operands from argv; stops at the first thing that makes no sense. */
static rt_status scan(rt_options *options, rt_options_action *out_action, int argc, char **argv, rt_err *err)
{
    struct option table[RT_MOST_OPTIONS + 1];
    char letters[2 * RT_MOST_OPTIONS + 2] = ":";
    memset(table, 0, sizeof table);
    for (int i = 0; i < options->count; i++) {
        const rt_option *o = options->values[i].option;
        bool flag = o->type == RT_OPTION_FLAG;
        table[i] = (struct option){o->name, flag ? no_argument : required_argument, NULL, 1000 + i};
        if (o->letter) snprintf(letters + strlen(letters), 3, "%c%s", o->letter, flag ? "" : ":");
    }
    optind = 0;   /* 0, not 1: glibc then forgets the call before */
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
        int index = code - 1000;
        for (int i = 0; code < 1000 && i < options->count; i++)
            if (options->values[i].option->letter == code) index = i;
        if (code == '?') return refused(options, argv[optind - 1], optopt, err);
        if (code == ':') {
            const rt_option *o = NULL;
            for (int i = 0; i < options->count; i++)
                if (1000 + i == optopt || options->values[i].option->letter == optopt) o = options->values[i].option;
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s needs a value: --%s %s", o ? o->name : "?",
                           o ? o->name : "?", o ? rt_option_value_name(o) : "");
        }
        value *v = &options->values[index];
        if (v->option->type == RT_OPTION_FLAG) {
            v->source = "command line";
            v->integer = 1;
            if (strcmp(v->option->name, "help") == 0) *out_action = RT_OPTIONS_HELP;
            if (strcmp(v->option->name, "man") == 0) *out_action = RT_OPTIONS_MAN;
            if (*out_action != RT_OPTIONS_RUN) return RT_OK;
            continue;
        }
        if (strncmp(optarg, "--", 2) == 0 && optarg == argv[optind - 1])   /* not --name=--value */
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s needs a value, but '%.80s' follows", v->option->name,
                           optarg);
        rt_status status = take(v, optarg, "command line", err);
        if (status != RT_OK) return status;
    }
    rt_status status = RT_OK;
    while (optind < argc && status == RT_OK) status = add_operand(options, argv[optind++], err);
    return status;
}

static rt_status check_operands(rt_options *options, rt_err *err)
{
    const rt_operand *o = options->command->operands;
    for (int64_t i = 0; i < options->operand_count; i++) {
        if (!o || !o->name) {
            if (!options->command->operands)
                return rt_fail(err, RT_ERR_USAGE, NULL, 0, "unexpected '%.80s': only options were expected",
                               options->operands[i]);
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "unexpected '%.80s' after %s", options->operands[i], o[-1].name);
        }
        rt_option check = {.name = o->name, .type = o->type, .help = o->help, .choices = o->choices};
        value v = {.option = &check};
        rt_status status = check_value(&v, options->operands[i], o->name, err);
        if (status != RT_OK) return status;
        if (!o->repeated) o++;
    }
    bool seen = o && o->name && o->repeated && options->operand_count > o - options->command->operands;
    if (o && o->name && o->required && !seen) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s is missing", o->name);
    return RT_OK;
}

static rt_status check_required(const rt_options *options, rt_err *err)
{
    rt_text list = {0};
    int count = 0;
    for (int i = 0; i < options->count; i++) {
        const value *v = &options->values[i];
        if (v->option->required && !v->source)
            rt_text_add(&list, "%s--%s %s", count++ ? ", " : "", v->option->name, rt_option_value_name(v->option));
    }
    if (count) rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s %s required", list.data, count > 1 ? "are" : "is");
    rt_text_free(&list);
    return count ? RT_ERR_USAGE : RT_OK;
}

rt_status rt_options_parse(rt_options **ret_options, rt_options_action *out_action, const rt_command *command, int argc,
                           char **argv, rt_err *err)
{
    const rt_option *list[RT_MOST_OPTIONS];
    *out_action = RT_OPTIONS_RUN;
    *ret_options = rt_alloc(1, sizeof **ret_options, err);
    rt_options *options = *ret_options;
    if (!options) return RT_ERR_MEMORY;
    rt_status status = RT_OK;
    options->command = command;
    options->count = rt_options_list(command, list);
    for (int i = 0; i < options->count; i++) {
        options->values[i].option = list[i];
        if (!list[i]->fallback) continue;
        status = take(&options->values[i], list[i]->fallback, "default", err);
        if (status != RT_OK && status != RT_ERR_MEMORY)
            RT_BUG("the default of --%s is refused: %s", list[i]->name, err ? err->what : "");
        RT_TRY(status);
    }
    RT_TRY(scan(options, out_action, argc, argv, err));
    if (*out_action != RT_OPTIONS_RUN) return RT_OK;
    RT_TRY(check_operands(options, err));
    RT_TRY(check_required(options, err));
done:
    if (status == RT_ERR_USAGE && err && !err->hint[0])
        rt_hint(err, "'rnatune %s --help' lists what there is", command->name);
    if (status != RT_OK) {
        rt_options_free(options);
        *ret_options = NULL;
    }
    return status;
}

void rt_options_free(rt_options *options)
{
    if (!options) return;
    for (int i = 0; i < options->count; i++) {
        for (int64_t k = 0; k < options->values[i].count; k++) free(options->values[i].texts[k]);
        free(options->values[i].texts);
    }
    for (int64_t i = 0; i < options->operand_count; i++) free(options->operands[i]);
    free(options->operands);
    free(options);
}

/* Is `file` what was given, or in the folder that was given?  "NAME=PATH" gives a path, too. */
static bool gives(const char *given, const char *file)
{
    const char *named = strchr(given, '=');
    size_t length = strlen(given);
    if (strncmp(given, file, length) == 0 && (!file[length] || file[length] == '/')) return true;
    return named && gives(named + 1, file);
}

void rt_options_explain(const rt_options *options, rt_err *err)
{
    if (err->hint[0] || !err->file[0]) return;
    const rt_operand *o = options->command->operands;
    for (int64_t i = 0; i < options->operand_count && o && o->name; i++, o += !o->repeated)
        if (gives(options->operands[i], err->file)) {
            rt_hint(err, "%s: %s", o->name, o->help);
            return;
        }
    for (int i = 0; i < options->count; i++) {
        const rt_option *option = options->values[i].option;
        if (option->type == RT_OPTION_CHOICE) continue;
        for (int64_t k = 0; k < options->values[i].count; k++)
            if (gives(options->values[i].texts[k], err->file)) {
                rt_hint(err, "--%s: %s", option->name, option->help);
                return;
            }
    }
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

bool rt_option_flag(const rt_options *options, const char *name) { return value_get(options, name)->integer != 0; }
int64_t rt_option_int(const rt_options *options, const char *name) { return value_get(options, name)->integer; }
double rt_option_double(const rt_options *options, const char *name) { return value_get(options, name)->real; }
const char *rt_option_text(const rt_options *options, const char *name) { return rt_option_at(options, name, 0); }
bool rt_option_has(const rt_options *options, const char *name) { return value_get(options, name)->source != NULL; }
int rt_option_count(const rt_options *options, const char *name) { return (int)value_get(options, name)->count; }

bool rt_option_given(const rt_options *options, const char *name)
{
    const char *source = value_get(options, name)->source;
    return source && strcmp(source, "command line") == 0;
}

const char *rt_option_at(const rt_options *options, const char *name, int index)
{
    const value *v = value_get(options, name);
    return index >= 0 && index < v->count ? v->texts[index] : NULL;
}

int rt_operand_count(const rt_options *options) { return (int)options->operand_count; }

const char *rt_operand_at(const rt_options *options, int index)
{
    return index >= 0 && index < options->operand_count ? options->operands[index] : NULL;
}

void rt_option_resolve(rt_options *options, const char *name, const char *text, const char *source)
{
    rt_err err;
    value *v = value_get(options, name);
    if (take(v, text, source, &err) != RT_OK) RT_BUG("--%s cannot be '%s': %s", name, text, err.what);
}

static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);   /* NULL for a path that is not UTF-8 */
    return json ? json : json_string("(not UTF-8)");
}

static json_t *value_json(const value *v)
{
    if (v->option->type == RT_OPTION_FLAG) return json_boolean(v->integer != 0);
    if (!v->source) return json_null();
    if (v->option->repeated) {
        json_t *list = json_array();
        for (int64_t i = 0; i < v->count; i++) json_array_append_new(list, text_json(v->texts[i]));
        return list;
    }
    if (v->option->type == RT_OPTION_INT) return json_integer(v->integer);
    if (v->option->type == RT_OPTION_DOUBLE) return json_real(v->real);
    return text_json(v->texts[0]);
}

json_t *rt_options_json(const rt_options *options)
{
    json_t *root = json_object();
    for (const rt_operand *o = options->command->operands; o && o->name; o++) {
        json_t *list = json_array();
        int64_t first = o - options->command->operands, last = o->repeated ? options->operand_count : first + 1;
        for (int64_t i = first; i < last && i < options->operand_count; i++)
            json_array_append_new(list, text_json(options->operands[i]));
        json_object_set_new(root, o->name, json_pack("{s:o, s:s}", "value", list, "from", "command line"));
    }
    for (int i = 0; i < options->count; i++) {
        const value *v = &options->values[i];
        if (strcmp(v->option->name, "help") == 0 || strcmp(v->option->name, "man") == 0) continue;
        json_object_set_new(root, v->option->name,
                            json_pack("{s:o, s:s}", "value", value_json(v), "from", v->source ? v->source : "default"));
    }
    return root;
}
