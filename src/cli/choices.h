/* choices.h - options that several verbs share: precision, backend, threads
 * Room: cli.  Uses: cli/options, layer/bind, op/backend.
 */
#ifndef RT_CLI_CHOICES_H
#define RT_CLI_CHOICES_H

#include "cli/options.h"
#include "layer/bind.h"
#include "op/backend.h"

#define RT_CHOICE_PRECISION                                                                                              \
    {.name = "precision", .type = RT_OPTION_CHOICE, .choices = "fp32|reference|bf16", .fallback = "fp32",                 \
     .help = "of matrix products: all in fp32; bf16 in the trunk and RibonanzaNet2 only, as the reference; bf16 everywhere"}
#define RT_CHOICE_BACKEND                                                                                                \
    {.name = "device", .type = RT_OPTION_CHOICE, .choices = "cpu|cuda|auto|plain|double", .fallback = "cpu",              \
     .help = "cpu: oneDNN; cuda: a GPU; auto: a GPU if one can be used; plain: the slow reference in float; double: the "  \
             "same in double"}
#define RT_CHOICE_THREADS                                                                                                \
    {.name = "threads", .type = RT_OPTION_INT, .value = "N", .otherwise = "all processors", .low = 1, .high = 1024,       \
     .help = "worker threads, of each process under mpirun; the results do not depend on it"}

rt_precision rt_choice_precision(const char *name);
/* What --device says, "cpu" or "cuda" for auto: said aloud once. */
const char *rt_choice_device(const rt_options *options);
rt_backend_kind rt_choice_backend(const rt_options *options);
/* Says aloud when the context computes bf16 products in fp32. */
void rt_choice_say_bf16(const rt_ctx *ctx, rt_precision precision);
int rt_choice_threads(const rt_options *options);

/* "64,128": numbers from low to high, at most `most`.  RT_ERR_USAGE names the option. */
rt_status rt_choice_numbers(const rt_options *options, const char *name, int64_t low, int64_t high, int64_t *out_numbers,
                            int most, int *out_count, rt_err *err);
/* "20G", "22GiB", "512M", "1.5T" (powers of 1024), or bytes.  0 when the option has no value. */
rt_status rt_choice_bytes(const rt_options *options, const char *name, int64_t *out_bytes, rt_err *err);
/* "8h30m", "90m", "45s", "1h30m20s", or seconds.  0 when the option has no value. */
rt_status rt_choice_duration(const rt_options *options, const char *name, double *out_seconds, rt_err *err);
/* The same of a text; false for what is none. */
bool rt_choice_read_bytes(const char *text, int64_t *out_bytes);
bool rt_choice_read_duration(const char *text, double *out_seconds);

#endif
