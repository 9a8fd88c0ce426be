#include "cli/print_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

rt_status rt_print_json(const json_t *json, rt_err *err)
{
    char *text = rt_json_print(json, err);
    if (!text) return RT_ERR_MEMORY;
    fputs(text, stdout);
    free(text);
    return RT_OK;
}
