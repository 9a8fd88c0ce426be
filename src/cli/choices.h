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
    {.name = "device", .type = RT_OPTION_CHOICE, .choices = "cpu|plain|double|cuda", .fallback = "cpu",                   \
     .help = "cpu: oneDNN; plain: the slow reference in float; double: the same in double; cuda: a GPU"}
#define RT_CHOICE_THREADS                                                                                                \
    {.name = "threads", .type = RT_OPTION_INT, .value = "N", .otherwise = "all processors", .low = 1, .high = 1024,       \
     .help = "worker threads; the results do not depend on it"}

rt_precision rt_choice_precision(const char *name);
rt_backend_kind rt_choice_backend(const char *name);
int rt_choice_threads(const rt_options *options);

#endif
