/* main.c - rnatune VERB: finds the verb, reads its options, runs it, and says what went wrong */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "base/text.h"
#include "cli/commands.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_CHECK };

/* In the pipeline's order. */
static const rt_command *const COMMANDS[] = {
    &rt_cmd_doctor,
    &rt_cmd_import,
    &rt_cmd_templates,
    &rt_cmd_families,
    &rt_cmd_split,
    &rt_cmd_audit,
    &rt_cmd_export,
    &rt_cmd_pairs,
    &rt_cmd_augment,
    &rt_cmd_train,
    &rt_cmd_lora,
    &rt_cmd_predict,
    &rt_cmd_score,
    &rt_cmd_selection,
    &rt_cmd_select,
    &rt_cmd_compare,
    &rt_cmd_results,
    &rt_cmd_package,
    &rt_cmd_tune,
    &rt_cmd_report,
    &rt_cmd_verify,
    &rt_cmd_bench,
    &rt_cmd_init,
    &rt_cmd_convert,
    &rt_cmd_inspect,
    &rt_cmd_devices,
    &rt_cmd_completion,
    &rt_cmd_version,
    NULL,
};
#define N_COMMANDS ((int)(sizeof COMMANDS / sizeof *COMMANDS) - 1)

static const char ABOUT[] =
    "rnatune runs RNAPro, the RNA 3D structure model, without Python: from sequences, alignments and "
    "templates to structures.";

static const rt_command *command_find(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(COMMANDS[i]->name, name) == 0) return COMMANDS[i];
    return NULL;
}

static void print_overview(FILE *out)
{
    fprintf(out, "usage: rnatune VERB [options]\n\n%s\n\n", ABOUT);
    for (int i = 0; i < N_COMMANDS; i++) fprintf(out, "  %-12s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    fprintf(
        out,
        "\n'rnatune VERB --help' explains a verb, 'rnatune VERB --man' prints its man page.\n"
        "Results go to stdout, progress and messages to stderr.\n"
        "Exit status: 0 done, 1 failed, 2 the command line makes no sense, 3 the check asked for did not hold.\n");
}

static void print_overview_man(FILE *out)
{
    fprintf(
        out,
        ".TH RNATUNE 1 \"\" \"rnatune %s\" \"rnatune\"\n.SH NAME\nrnatune \\- run the RNA 3D structure model RNAPro\n"
        ".SH SYNOPSIS\n.B rnatune\n.I VERB\n[options]\n.SH DESCRIPTION\n%s\n.SH VERBS\n",
        rt_version_text(), ABOUT);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, ".TP\n.BR rnatune\\-%s (1)\n%s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    fputs(".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nfailed\n.TP\n2\nthe command line makes no sense\n"
          ".TP\n3\nthe check that was asked for did not hold\n", out);
}

static int unknown_verb(const char *name)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) names[i] = COMMANDS[i]->name;
    const char *near = rt_nearest_word(name, names, N_COMMANDS);
    fprintf(stderr, "rnatune: unknown verb '%s'\n", name);
    if (near) fprintf(stderr, "  hint: did you mean '%s'?\n", near);
    else fprintf(stderr, "  hint: 'rnatune --help' lists the verbs\n");
    return EXIT_USAGE;
}

static int report(const char *verb, const rt_err *err)
{
    char text[2048];
    const int code = err->code == RT_ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
    rt_progress_clear();
    if (rt_ranks_agreed() && !rt_ranks_lead()) return code;
    rt_err_print(err, text, sizeof text);
    for (char *at = text; *at; at++)   /* a name from a file cannot move the cursor; a list has lines of its own */
        if (((unsigned char)*at < ' ' && *at != '\n') || *at == 127) *at = '?';
    const bool alone = rt_ranks_count() > 1 && !rt_ranks_agreed(); /* the others would wait for this one for ever */
    if (alone) fprintf(stderr, "rnatune %s: rank %d: %s\n", verb, rt_ranks_self(), text);
    else fprintf(stderr, "rnatune %s: %s\n", verb, text);
    if (err->hint[0]) fprintf(stderr, "  hint: %s\n", err->hint);
    if (alone) rt_ranks_abort(code);
    return code;
}

/* Data that did not reach its reader is a failure like any other. */
static int finish_stdout(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    perror("rnatune: cannot write to stdout");
    return EXIT_FAILED;
}

static void stop_handler(int signal_number)
{
    (void)signal_number;
    rt_stop_request();
}

/* The first Ctrl-C asks the work to end between two steps; the second one ends the program. */
static void install_stop_handler(void)
{
    struct sigaction action = {.sa_handler = stop_handler, .sa_flags = SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (rt_ranks_count() > 1) sigaction(SIGUSR1, &action, NULL); /* the one that mpirun hands on without killing after it */
}

static void say_what_it_took(const rt_command *command, const rt_run_record *record)
{
    char text[32];
    double seconds = rt_run_record_seconds(record);
    if (seconds < 60) snprintf(text, sizeof text, "%.1f s", seconds);
    else rt_progress_print_time(text, sizeof text, seconds);
    rt_info("rnatune %s %s: %s, peak memory %.1f MB", rt_version_text(), command->name, text,
            (double)rt_memory_peak_rss() / 1e6);
}

/* One of several processes that mpirun started: rank 0's results are those of all. */
static rt_status join_ranks(const rt_command *command, rt_err *err)
{
    if (!command->ranks && command->long_work && rt_ranks_expected() > 1) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "this verb is one process, and mpirun started %d", rt_ranks_expected());
        return rt_hint(err, "start it without mpirun; 'train' and 'predict' share their work");
    }
    if (!command->ranks) return RT_OK;
    rt_status status = rt_ranks_begin(err);
    if (status == RT_OK && !rt_ranks_lead() && !freopen("/dev/null", "w", stdout))
        status = rt_fail(err, RT_ERR_IO, "/dev/null", 0, "cannot be opened");
    return status;
}

/* argv[0] is the verb. */
static int run_command(const rt_command *command, int argc, char **argv, rt_run_record *record)
{
    rt_cli cli = {.record = record, .find = command_find, .all = COMMANDS};
    rt_options_action action;
    rt_err err = {0};
    if (join_ranks(command, &err) != RT_OK) return report(command->name, &err);
    if (rt_ranks_agree(rt_options_parse(&cli.options, &action, command, argc, argv, &err), &err) != RT_OK)
        return report(command->name, &err);
    int code = EXIT_DONE;
    if (action == RT_OPTIONS_HELP) rt_options_print_help(command, stdout);
    if (action == RT_OPTIONS_MAN) rt_options_print_man(command, rt_version_text(), stdout);
    if (action == RT_OPTIONS_RUN) {
        if (rt_option_flag(cli.options, "verbose")) rt_log_set_level(RT_LOG_DEBUG);
        if (rt_option_flag(cli.options, "quiet")) rt_log_set_level(RT_LOG_WARN);
        if (command->long_work) install_stop_handler();
        if (command->run(&cli, &err) != RT_OK) {
            rt_options_explain(cli.options, &err);
            code = report(command->name, &err);
        }
        else if (cli.check_failed) code = EXIT_CHECK;
        if (command->long_work && code == EXIT_DONE) say_what_it_took(command, record);
    }
    rt_options_free(cli.options);
    return code;
}

static int help_verb(int argc, char **argv)
{
    const rt_command *command = argc > 0 ? command_find(argv[0]) : NULL;
    if (argc > 0 && !command) return unknown_verb(argv[0]);
    if (command) rt_options_print_help(command, stdout);
    else print_overview(stdout);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    const char *verb = argv[1];
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0)
        return finish_stdout(help_verb(argc - 2, argv + 2));
    if (strcmp(verb, "--man") == 0) {
        print_overview_man(stdout);
        return finish_stdout(EXIT_DONE);
    }
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0) {
        printf("rnatune %s\n", rt_version_text());
        return finish_stdout(EXIT_DONE);
    }
    const rt_command *command = command_find(verb);
    if (!command) return unknown_verb(verb);
    rt_err err = {0};
    rt_run_record *record;
    if (rt_run_record_create(&record, argc, argv, &err) != RT_OK) return report(verb, &err);
    int code = finish_stdout(run_command(command, argc - 1, argv + 1, record));
    rt_run_record_free(record);
    rt_ranks_end();
    return code;
}
