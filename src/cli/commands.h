/* commands.h - the verbs, and what main gives to each
 * Room: cli.  Uses: cli/options, cli/run_record.
 */
#ifndef RT_CLI_COMMANDS_H
#define RT_CLI_COMMANDS_H

#include "cli/options.h"
#include "cli/run_record.h"

/* What a verb's run function gets.  It returns a status: RT_OK exits 0, RT_ERR_USAGE 2, any other failure 1. */
struct rt_cli {
    rt_options *options;
    rt_run_record *record;
    bool check_failed;      /* set when the check that the user asked for did not hold: exit 3 */
    const rt_command *(*find)(const char *name);   /* the verb of that name, NULL when this build has none */
    const rt_command *const *all;                  /* every verb, in the overview's order; ends with NULL */
};

extern const rt_command rt_cmd_doctor, rt_cmd_import;
extern const rt_command rt_cmd_families, rt_cmd_split, rt_cmd_audit, rt_cmd_templates, rt_cmd_augment, rt_cmd_export;
extern const rt_command rt_cmd_train, rt_cmd_lora;
extern const rt_command rt_cmd_predict, rt_cmd_score, rt_cmd_selection, rt_cmd_compare, rt_cmd_results, rt_cmd_verify;
extern const rt_command rt_cmd_bench, rt_cmd_init, rt_cmd_convert, rt_cmd_inspect, rt_cmd_version, rt_cmd_pairs;
extern const rt_command rt_cmd_select, rt_cmd_package;
extern const rt_command rt_cmd_report, rt_cmd_completion;

extern const rt_command rt_cmd_devices, rt_cmd_tune;

/* "0.1.0" and the commit it was built from (cmd_version.c, which the Makefile tells). */
const char *rt_version_text(void);
const char *rt_version_commit(void);

#endif
