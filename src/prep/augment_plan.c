/* augment_plan.c - "compensatory:p=0.5,min-p=0.9": what the user asked for, read and printed */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prep/augment.h"

enum { LONGEST = 512 };

static int count_keys(const rt_augmentation *a)
{
    int n = 0;
    while (a->key[n].name) n++;
    return n;
}

static int64_t count_names(const char *const *names)
{
    int64_t n = 0;
    while (names[n]) n++;
    return n;
}

/* "did you mean", or all that there are. */
static rt_status hint_words(rt_err *err, const char *word, const char *const *words, int64_t n)
{
    char list[LONGEST] = "";
    const char *near = rt_nearest_word(word, words, n);
    if (near) return rt_hint(err, "did you mean '%s'?", near);
    for (int64_t i = 0; i < n; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", words[i]);
    return rt_hint(err, "there are: %s", list);
}

static bool in_range(const rt_augment_key *key, double value)
{
    return isfinite(value) && value >= key->low && value <= key->high;
}

static bool read_number(const rt_augment_key *key, const char *text, int64_t length, double *out)
{
    return rt_parse_double(text, length, out) && in_range(key, *out);
}

/* A name of a list; several are joined by '+'. */
static rt_status read_names(uint32_t *out, const rt_augmentation *a, const rt_augment_key *key, char *text, rt_err *err)
{
    char *rest = NULL;
    *out = 0;
    for (char *word = strtok_r(text, "+", &rest); word; word = strtok_r(NULL, "+", &rest)) {
        int bit = 0;
        while (key->names[bit] && strcmp(key->names[bit], word) != 0) bit++;
        if (!key->names[bit]) {
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation %s: %s knows no '%.60s'", a->name, key->name, word);
            return hint_words(err, word, key->names, count_names(key->names));
        }
        *out |= 1u << bit;
    }
    return RT_OK;
}

static rt_status set_value(rt_augment_setting *s, const rt_augmentation *a, int k, const char *value, rt_err *err)
{
    const rt_augment_key *key = &a->key[k];
    char text[LONGEST];
    int64_t length = (int64_t)strlen(value), dash = (int64_t)strcspn(value, "-");
    snprintf(text, sizeof text, "%s", value);
    switch (key->type) {
    case RT_AUGMENT_NAMES: return read_names(&s->bits[k], a, key, text, err);
    case RT_AUGMENT_SWITCH:
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) break;
        s->value[k] = strcmp(value, "on") == 0;
        return RT_OK;
    case RT_AUGMENT_RANGE:
        if (dash < length) {
            if (!read_number(key, value, dash, &s->value[k])) break;
            if (!read_number(key, value + dash + 1, length - dash - 1, &s->upper[k]) || s->upper[k] < s->value[k]) break;
            return RT_OK;
        } /* fall through */
    case RT_AUGMENT_NUMBER:
        if (!read_number(key, value, length, &s->value[k])) break;
        s->upper[k] = s->value[k];
        return RT_OK;
    }
    if (key->type == RT_AUGMENT_SWITCH)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation %s: %s=%.60s; on or off was expected", a->name, key->name,
                       value);
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation %s: %s=%.60s; a number from %g to %g%s was expected", a->name,
                   key->name, value, key->low, key->high,
                   key->type == RT_AUGMENT_RANGE ? ", or two as 0.5-1.5," : "");
}

static rt_status set_pair(rt_augment_setting *s, const rt_augmentation *a, char *pair, bool *seen, rt_err *err)
{
    const char *names[RT_AUGMENT_KEYS];
    int n = count_keys(a), k = 0;
    char *equals = strchr(pair, '=');
    if (!equals)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation %s: '%.60s' is not of the form key=value", a->name, pair);
    *equals = 0;
    for (int i = 0; i < n; i++) names[i] = a->key[i].name;
    while (k < n && strcmp(names[k], pair) != 0) k++;
    if (k == n) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation %s has no key '%.60s'", a->name, pair);
        return hint_words(err, pair, names, n);
    }
    if (seen[k]) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation %s: %s is given twice", a->name, pair);
    seen[k] = true;
    return set_value(s, a, k, equals + 1, err);
}

rt_status rt_augment_plan_add(rt_augment_plan *plan, const char *text, rt_err *err)
{
    char copy[LONGEST], *rest = NULL, *colon;
    const char *names[RT_AUGMENTATIONS];
    rt_augment_kind kind;
    rt_augment_setting setting = {0};
    bool seen[RT_AUGMENT_KEYS] = {false};
    rt_status status = RT_OK;
    if (strlen(text) >= sizeof copy)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation '%.60s..' is longer than %d letters", text, LONGEST - 1);
    snprintf(copy, sizeof copy, "%s", text);
    colon = strchr(copy, ':');
    if (colon) *colon = 0;
    if (!rt_augmentation_find(&kind, copy)) {
        for (int k = 0; k < RT_AUGMENTATIONS; k++) names[k] = rt_augmentation_of((rt_augment_kind)k)->name;
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "there is no augmentation '%.60s'", copy);
        return hint_words(err, copy, names, RT_AUGMENTATIONS);
    }
    const rt_augmentation *a = rt_augmentation_of(kind);
    if (plan->on & RT_AUGMENT_BIT(kind))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation %s is given twice", a->name);
    for (int k = 0; a->key[k].name; k++) RT_TRY(set_value(&setting, a, k, a->key[k].fallback, err));
    for (char *pair = colon ? strtok_r(colon + 1, ",", &rest) : NULL; pair; pair = strtok_r(NULL, ",", &rest))
        RT_TRY(set_pair(&setting, a, pair, seen, err));
    plan->setting[kind] = setting;
    plan->on |= RT_AUGMENT_BIT(kind);
done:
    return status;
}

static void print_value(rt_text *out, const rt_augment_key *key, const rt_augment_setting *s, int k)
{
    bool first = true;
    switch (key->type) {
    case RT_AUGMENT_SWITCH: rt_text_add(out, "%s", s->value[k] > 0 ? "on" : "off"); return;
    case RT_AUGMENT_NAMES:
        for (int b = 0; key->names[b]; b++) {
            if (!(s->bits[k] >> b & 1)) continue;
            rt_text_add(out, "%s%s", first ? "" : "+", key->names[b]);
            first = false;
        }
        return;
    case RT_AUGMENT_RANGE:
        if (s->upper[k] > s->value[k]) {
            rt_text_add(out, "%.12g-%.12g", s->value[k], s->upper[k]);
            return;
        } /* fall through */
    case RT_AUGMENT_NUMBER: rt_text_add(out, "%.12g", s->value[k]); return;
    }
}

void rt_augment_plan_print(rt_text *out, const rt_augment_plan *plan)
{
    for (int kind = 0; kind < RT_AUGMENTATIONS; kind++) {
        const rt_augmentation *a = rt_augmentation_of((rt_augment_kind)kind);
        if (!(plan->on & RT_AUGMENT_BIT(kind))) continue;
        rt_text_add(out, "%s", a->name);
        for (int k = 0; a->key[k].name; k++) {
            rt_text_add(out, "%c%s=", k ? ',' : ':', a->key[k].name);
            print_value(out, &a->key[k], &plan->setting[kind], k);
        }
        rt_text_add(out, "\n");
    }
}
