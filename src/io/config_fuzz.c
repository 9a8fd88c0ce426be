/* config_fuzz.c - any bytes as a configuration, JSON or YAML: an error or sizes, never a crash.  Built by `make fuzz`. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/yaml.h"
#include "io/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_config config;
    rt_err err;
    json_t *root;
    char *text = malloc(size + 1);   /* an exact copy, so that reading beyond the end is noticed */
    memcpy(text, data, size);
    if (rt_config_parse(&config, text, (int64_t)size, "fuzz", &err) == RT_OK) free(rt_config_print(&config, &err));
    if (rt_yaml_parse(&root, text, (int64_t)size, "fuzz", &err) == RT_OK) json_decref(root);
    free(text);
    return 0;
}
