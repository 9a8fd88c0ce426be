/* options.h - one table per verb: parsing, checks, help, man page and run record come from it
 * Room: cli.  Uses: base/status, jansson.
 *
 *     static const rt_option OPTIONS[] = {
 *         {.name = "samples", .type = RT_OPTION_INT, .value = "N", .fallback = "5", .low = 1, .high = 1000,
 *          .help = "structures to draw per target"},
 *         {0}};
 *
 * GNU long options: --name value, --name=value, unambiguous beginnings, operands anywhere, "--" ends the options.
 */
#ifndef RT_CLI_OPTIONS_H
#define RT_CLI_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

typedef enum {
    RT_OPTION_FLAG,
    RT_OPTION_INT,
    RT_OPTION_DOUBLE,
    RT_OPTION_TEXT,
    RT_OPTION_CHOICE,
    RT_OPTION_FILE,         /* exists */
    RT_OPTION_FOLDER,       /* exists */
    RT_OPTION_PATH,         /* a file or a folder that exists */
    RT_OPTION_OUT_FILE,     /* may be made: its folder exists and it is no folder itself */
    RT_OPTION_OUT_FOLDER    /* may be made, with its parents; no file of that name is in the way */
} rt_option_type;

typedef struct {
    const char *name;       /* without "--" */
    rt_option_type type;
    char letter;            /* 0, or the one-letter form */
    bool required, repeated;
    const char *value;      /* how help calls the value: "N", "FILE"; a choice shows its choices */
    const char *choices;    /* "keep|fp32|bf16"; of a text: what completion offers, the verb itself takes more or fewer */
    const char *fallback;   /* the default as the user would type it; NULL: none */
    const char *otherwise;  /* what happens without the option when there is no fallback: "from the config" */
    const char *unit;       /* "seconds", "Angstrom", ... */
    double low, high;       /* numbers: both 0 means no limit */
    const char *help;
} rt_option;

typedef struct {
    const char *name;       /* "FILE" */
    rt_option_type type;
    bool required, repeated;   /* only the last one may be repeated */
    const char *help;
    const char *choices;    /* as an option's */
} rt_operand;

typedef struct rt_cli rt_cli;

/* A verb.  `description` and `examples` are plain text: a blank line ends a paragraph, a line that begins with a blank
 * stays as it is. */
typedef struct {
    const char *name, *summary;
    const rt_operand *operands;   /* ends with {0}; NULL: none */
    const rt_option *options;     /* ends with {0}; NULL: none */
    const char *description, *output, *examples;
    bool long_work;               /* may take long: obeys Ctrl-C between steps, and says at the end what it took */
    bool ranks;                   /* `mpirun -n K` makes one run of K processes; else only one may be started */
    rt_status (*run)(rt_cli *cli, rt_err *err);
} rt_command;

typedef struct rt_options rt_options;

typedef enum { RT_OPTIONS_RUN, RT_OPTIONS_HELP, RT_OPTIONS_MAN } rt_options_action;

/* argv[0] is the verb.  Every verb also knows -h/--help, --man, -q/--quiet and --verbose; when help or the man page is
 * asked for, nothing else is checked.
 * Errors: RT_ERR_USAGE for what makes no sense (with the nearest known name in the hint), RT_ERR_IO for a path that
 * does not exist or cannot be made. */
rt_status rt_options_parse(rt_options **ret_options, rt_options_action *out_action, const rt_command *command, int argc,
                           char **argv, rt_err *err);
void rt_options_free(rt_options *options);

/* A value by its option's name; a name that is not in the table is a bug.  Text, choice and path: NULL when neither
 * given nor defaulted.  Numbers and flags: 0 then, so ask rt_option_has first when there is no fallback. */
bool rt_option_flag(const rt_options *options, const char *name);
int64_t rt_option_int(const rt_options *options, const char *name);
double rt_option_double(const rt_options *options, const char *name);
const char *rt_option_text(const rt_options *options, const char *name);
bool rt_option_has(const rt_options *options, const char *name);       /* given, defaulted or resolved */
bool rt_option_given(const rt_options *options, const char *name);     /* on the command line */
int rt_option_count(const rt_options *options, const char *name);      /* values of a repeated option */
const char *rt_option_at(const rt_options *options, const char *name, int index);

int rt_operand_count(const rt_options *options);
const char *rt_operand_at(const rt_options *options, int index);       /* NULL beyond the last */

/* Adds to an error about a file that was given, or about one in a folder that was given, what it should be: the help of its
 * option or operand.  A hint that is there stays. */
void rt_options_explain(const rt_options *options, rt_err *err);

/* Says what a value that was left open turned out to be, and where it came from ("config"), for the run record. */
void rt_option_resolve(rt_options *options, const char *name, const char *value, const char *source);

/* {"samples": {"value": 5, "from": "default"}, ...} and the operands under their names; json_decref() it. */
json_t *rt_options_json(const rt_options *options);

/* One line, "usage: rnatune inspect FILE [--all] ..."; wrapped. */
void rt_options_print_usage(const rt_command *command, FILE *out);
void rt_options_print_help(const rt_command *command, FILE *out);
/* The man page rnatune-VERB(1) in roff. */
void rt_options_print_man(const rt_command *command, const char *version, FILE *out);

/* Is `text` a value that the option takes?  `what` names it in the error ("--lr", "phase1.lr").  Errors: as
 * rt_options_parse. */
rt_status rt_option_check(const rt_option *option, const char *text, const char *what, rt_err *err);

/* The same for a value of one of the path types (options_path.c, inside cli/): what is read exists, what is written can be
 * made there, so that nothing is computed for a place that does not take it. */
rt_status rt_option_check_path(const rt_option *option, const char *path, const char *what, rt_err *err);

enum { RT_MOST_OPTIONS = 96 };

/* Every option that `command` knows, with the common ones last (inside cli/). */
int rt_options_list(const rt_command *command, const rt_option *out_list[RT_MOST_OPTIONS]);
/* How an option's value is written in help: "N", "keep|fp32|bf16", "" for a flag (inside cli/). */
const char *rt_option_value_name(const rt_option *option);

#endif
