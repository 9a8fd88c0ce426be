#include "cli/choices.h"

#include <stdlib.h>

#include <string.h>

#include "base/log.h"
#include "base/ranks.h"

rt_precision rt_choice_precision(const char *name)
{
    if (strcmp(name, "bf16") == 0) return RT_PRECISION_BF16;
    return strcmp(name, "reference") == 0 ? RT_PRECISION_REFERENCE : RT_PRECISION_FP32;
}

const char *rt_choice_device(const rt_options *options)
{
    static bool said;
    const char *name = rt_option_text(options, "device"), *why = NULL;
    if (strcmp(name, "auto") != 0) return name;
    why = rt_cuda_unavailable();
    if (!said && why) rt_info("--device auto: the processor computes, because no CUDA device can be used: %s", why);
    else if (!said) rt_info("--device auto: the GPU computes");
    said = true;
    return why ? "cpu" : "cuda";
}

rt_backend_kind rt_choice_backend(const rt_options *options)
{
    const char *name = rt_choice_device(options);
    static const struct { const char *name; rt_backend_kind kind; } KINDS[] = {
        {"plain", RT_BACKEND_REF}, {"double", RT_BACKEND_REF64}, {"cuda", RT_BACKEND_CUDA}};
    for (int i = 0; i < 3; i++)
        if (strcmp(KINDS[i].name, name) == 0) return KINDS[i].kind;
    return RT_BACKEND_CPU;
}

void rt_choice_say_bf16(const rt_ctx *ctx, rt_precision precision)
{
    if (precision == RT_PRECISION_FP32 || rt_ctx_has_bf16(ctx)) return;
    rt_warn("this %s has no bf16 instructions: weights are kept in bf16, products are computed in fp32",
            ctx->on_device ? "GPU" : "processor");
}

int rt_choice_threads(const rt_options *options)
{
    return rt_option_has(options, "threads") ? (int)rt_option_int(options, "threads") : rt_ranks_cpus();
}

rt_status rt_choice_numbers(const rt_options *options, const char *name, int64_t low, int64_t high, int64_t *out_numbers,
                            int most, int *out_count, rt_err *err)
{
    const char *text = rt_option_text(options, name);
    *out_count = 0;
    for (const char *at = text; *out_count == 0 || at[-1] == ',';) {
        size_t length = strcspn(at, ",");
        int64_t value;
        if (!rt_parse_int(at, (int64_t)length, &value) || value < low || value > high || *out_count == most)
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s '%s': expected up to %d numbers from %lld to %lld, as 1,2,3", name,
                           text, most, (long long)low, (long long)high);
        out_numbers[(*out_count)++] = value;
        at += length + 1;
        if (!at[-1]) break;
    }
    return RT_OK;
}

bool rt_choice_read_bytes(const char *text, int64_t *out_bytes)
{
    static const char UNITS[] = "KMGT";
    size_t length = strlen(text);
    bool named = length > 2 && strcmp(text + length - 2, "iB") == 0;   /* "22GiB" is "22G" */
    if (named) length -= 2;
    const char *unit = length ? strchr(UNITS, text[length - 1]) : NULL;
    double value, factor = 1;
    for (const char *u = UNITS; unit && u <= unit; u++) factor *= 1024;
    if (named && !unit) return false;
    if (!rt_parse_double(text, (int64_t)(length - (unit ? 1 : 0)), &value) || !(value * factor >= 1) || value * factor > 1e15)
        return false;
    *out_bytes = (int64_t)(value * factor);
    return true;
}

rt_status rt_choice_bytes(const rt_options *options, const char *name, int64_t *out_bytes, rt_err *err)
{
    const char *text = rt_option_text(options, name);
    *out_bytes = 0;
    if (!text || rt_choice_read_bytes(text, out_bytes)) return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s '%s': expected a number of bytes, as 20G, 22GiB or 512M", name, text);
}

bool rt_choice_read_duration(const char *text, double *out_seconds)
{
    static const struct { char unit; double seconds; } UNITS[] = {{'h', 3600}, {'m', 60}, {'s', 1}};
    const char *at = text;
    double value;
    *out_seconds = 0;
    int unit = 0;
    if (rt_parse_double(text, (int64_t)strlen(text), &value)) *out_seconds = value;
    else
        for (; *at && unit < 3; unit++) {   /* each unit at most once, in this order */
            size_t length = strspn(at, "0123456789.");
            if (at[length] != UNITS[unit].unit) continue;
            if (!rt_parse_double(at, (int64_t)length, &value)) break;
            *out_seconds += value * UNITS[unit].seconds;
            at += length + 1;
        }
    bool rest = *out_seconds == 0 || (at != text && *at);
    return !rest && *out_seconds > 0 && *out_seconds <= 1e9;
}

rt_status rt_choice_duration(const rt_options *options, const char *name, double *out_seconds, rt_err *err)
{
    const char *text = rt_option_text(options, name);
    *out_seconds = 0;
    if (!text || rt_choice_read_duration(text, out_seconds)) return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s '%s': expected a time, as 8h30m, 90m or 45s", name, text);
}
