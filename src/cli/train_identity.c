#include "cli/train_identity.h"

#include <stdlib.h>
#include <string.h>

rt_status rt_train_identity_plan(char out_hash[RT_HASH_TEXT], const rt_options *options, int64_t accumulation,
                                 json_t *network, rt_err *err)
{
    static const char *const OTHER[] = {"out", "resume", "threads", "dry-run", "checkpoint", "data", "split", "templates",
                                        "conformers", "ribonanza", "families", "seeds", "pairs-cache", "save-minutes",
                                        "keep-epochs", "keep-every", "offload", "quiet", "verbose", "export-pt", "cache-size",
                                        "validation-rollouts", "validation-steps", "adapter", "merged", "memory-limit"};
    json_t *json = rt_options_json(options), *value;
    const char *key;
    for (int i = 0; i < (int)(sizeof OTHER / sizeof *OTHER); i++) json_object_del(json, OTHER[i]);
    json_object_set_new(json, "cache", json_boolean(rt_option_has(options, "cache"))); /* it rounds; where it lies is free */
    json_object_foreach(json, key, value) json_object_del(value, "from"); /* typed or by default: the same plan */
    if (rt_option_int(options, "copies-at-once") == 1) json_object_del(json, "copies-at-once"); /* as before there was a choice */
    /* of all ranks: with half as many and twice the accumulation it is the same plan */
    json_object_set_new(json_object_get(json, "accumulation"), "value", json_integer(accumulation));
    json_object_update(json, network); /* a config's path goes, a preset's name stays */
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(json);
    if (!text) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    rt_status status = rt_hash_bytes(out_hash, text, (int64_t)strlen(text), err);
    free(text);
    return status;
}
