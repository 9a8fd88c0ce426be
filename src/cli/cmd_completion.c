/* cmd_completion.c - rnatune completion: what the shell offers for a half-typed command line, from the verbs' tables */
#include <stdio.h>
#include <string.h>

#include "base/embed.h"
#include "cli/commands.h"

/* What looks things up in the table that is printed before it. */
RT_EMBED(rt_completion_bash, "src/cli/completion.bash");

/* What may stand for a value: "a|b|c", files (@f), folders (@d), or "" for what only the user knows. */
static const char *kind_of(rt_option_type type, const char *choices, const char *shown)
{
    if (choices) return choices;
    switch (type) {
    case RT_OPTION_FILE:
    case RT_OPTION_PATH:
    case RT_OPTION_OUT_FILE: return "@f";
    case RT_OPTION_FOLDER:
    case RT_OPTION_OUT_FOLDER: return "@d";
    case RT_OPTION_TEXT: return strstr(shown, "FILE") || strstr(shown, "TABLE") || strstr(shown, "ARM") ? "@f" : "";
    default: return "";
    }
}

static void print_verb(const rt_command *command)
{
    const rt_option *list[RT_MOST_OPTIONS];
    int n = rt_options_list(command, list);
    printf("    [%s]='", command->name);
    for (const rt_operand *o = command->operands; o && o->name; o++)
        printf("<%s%s ", kind_of(o->type, o->choices, o->name), o->repeated ? "+" : "");
    for (int i = 0; i < n; i++) {
        bool flag = list[i]->type == RT_OPTION_FLAG;
        const char *kind = flag ? "" : kind_of(list[i]->type, list[i]->choices, rt_option_value_name(list[i]));
        printf("%s--%s%s%s", i ? " " : "", list[i]->name, flag ? "" : "=", kind);
    }
    puts("'");
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    (void)err;
    printf("# bash completion of rnatune %s: 'rnatune completion bash' prints it from the verbs' own tables\n"
           "declare -gA _rnatune_words=(\n", rt_version_text());
    for (int i = 0; cli->all[i]; i++) print_verb(cli->all[i]);
    puts(")");
    fputs(rt_completion_bash, stdout);
    return RT_OK;
}

static const rt_operand OPERANDS[] = {
    {.name = "SHELL", .type = RT_OPTION_CHOICE, .choices = "bash", .required = true, .help = "bash 4 or newer"},
    {0},
};

const rt_command rt_cmd_completion = {
    .name = "completion",
    .summary = "print what makes the shell complete rnatune's command lines",
    .operands = OPERANDS,
    .description =
        "Verbs, options, the choices of an option, files and folders are completed; the words come from the same tables as "
        "--help. 'make install' puts it where bash looks for it.",
    .output = "A bash script that is to be sourced.",
    .examples = "  source <(rnatune completion bash)\n"
                "  rnatune completion bash >~/.local/share/bash-completion/completions/rnatune\n",
    .run = run,
};
