/* cmd_report.c - rnatune report: a tune run as one HTML page */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/commands.h"
#include "report/report.h"
#include "tune/child.h"

/* Mol* lies beside the program, where 'make viewer' and 'make install' put it, or where --molstar says. */
static rt_status find_molstar(const char **out_folder, char *beside, int64_t size, const rt_options *o, rt_err *err)
{
    char program[4096];
    const char *viewer = rt_option_text(o, "viewer"), *folder = rt_option_text(o, "molstar");
    *out_folder = NULL;
    if (viewer && strcmp(viewer, "canvas") == 0) return RT_OK;
    if (!folder) {
        rt_status status = rt_child_program(program, sizeof program, err);
        if (status != RT_OK) return status;
        *strrchr(program, '/') = 0;
        rt_path_join(beside, size, program, "molstar");
        folder = beside;
    }
    if (rt_report_has_molstar(folder)) {
        *out_folder = folder;
        return RT_OK;
    }
    if (viewer || rt_option_given(o, "molstar")) {
        rt_fail(err, RT_ERR_IO, folder, 0, "holds no Mol*: there is no molstar.js");
        return rt_hint(err, "'make viewer' fetches it into build/molstar; --viewer canvas takes the page's own 3D view");
    }
    rt_info("Mol* is not at hand, and the 3D views are the page's own; 'make viewer' fetches it");
    return RT_OK;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status;
    const rt_options *o = cli->options;
    const char *folder = rt_operand_at(o, 0), *out = rt_option_text(o, "out");
    char path[4200];
    char beside[4200] = "";
    rt_text page = {0};
    rt_report_options options = {
        .folder = folder, .title = rt_option_text(o, "title"), .n_page = rt_option_int(o, "targets")};
    RT_TRY(find_molstar(&options.opt_molstar, beside, sizeof beside, o, err));
    RT_TRY(rt_report_write(&page, &options, err));
    if (!out) rt_path_join(path, sizeof path, folder, "report.html");
    RT_TRY(rt_write_text(out ? out : path, page.data, page.length, err));
    rt_info("%s: %.1f MB", out ? out : path, (double)page.length / 1e6);
done:
    rt_text_free(&page);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "FOLDER", .type = RT_OPTION_FOLDER, .required = true, .help = "the output folder of 'rnatune tune'"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "out", .type = RT_OPTION_OUT_FILE, .value = "FILE", .otherwise = "FOLDER/report.html", .help = "the page"},
    {.name = "title", .type = RT_OPTION_TEXT, .value = "TEXT", .fallback = "Fine-tuning report", .help = "its heading"},
    {.name = "targets",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "60",
     .low = 0,
     .high = 10000,
     .help = "targets with a page of their own: the largest losses, then the worst, the best and the middle; the table "
             "has all"},
    {.name = "viewer",
     .type = RT_OPTION_CHOICE,
     .choices = "molstar|canvas",
     .otherwise = "molstar where 'make viewer' has put it, else canvas",
     .help = "3D views: Mol*, 5 MB in the page once, with all atoms; or the page's own, backbones and bases"},
    {.name = "molstar", .type = RT_OPTION_FOLDER, .value = "DIR", .otherwise = "molstar beside the program",
     .help = "where tools/molstar.sh has put Mol*"},
    {0},
};

const rt_command rt_cmd_report = {
    .name = "report",
    .summary = "show a tune run as one HTML page",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description = "One file that opens from disk and needs no network: base against Phase 1 and Phase 2 on held-out "
                   "components with "
                   "intervals and what may be claimed, calibration, rules of choosing, training curves, data and split "
                   "with the audit's verdict, "
                   "the plan, hashes and every command with its time, and a page per target: predictions over the "
                   "native in 3D, pLDDT, expected "
                   "errors, base pairs.\n\n"
                   "It shows what the folder has. A part that has not run, failed or cannot be read is a line that "
                   "says so. The same files give "
                   "the same page, byte for byte.",
    .output = "Nothing on stdout; the page's path and size go to stderr.",
    .examples = "  rnatune report runs/first\n"
                "  rnatune report runs/first --out first.html --title \"First run\" --targets 20\n",
    .run = run,
};
