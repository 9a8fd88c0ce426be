/* plan_seed.c - the seed plan: every key of the table with its default and what it means (examples/rtx4090.yaml) */
#include <stdio.h>
#include <string.h>

#include "cli/plan.h"

enum { COLUMNS = 110 };

static const char TITLE[] =
    "# The seed plan: RNAPro on one RTX 4090 (24 GB), a week from download to submission.\n"
    "#     rnatune tune rtx4090.yaml --dry-run     hours, disk, and what the validation set can show\n"
    "#     rnatune tune rtx4090.yaml               everything; stopped at any time, the same command goes on\n"
    "# Every key is here with its default; a plan needs only those that differ, and the files.  Paths count\n"
    "# from this file's folder.  docs/tune.md says what the steps do and leave.\n"
    "#\n"
    "# What the plan expects, of TM-score 0.361 and a target of 0.45:\n"
    "#     Phase 1, the confidence head    2-3 days (3-6 hours an epoch)    +0.01 to +0.03, by better choices\n"
    "#     Phase 2, low-rank adapters      3-5 days                         +0.02 to +0.05, by better structures\n"
    "#     Phase 3, validate and upload    1 day                            its own largest sum is 0.441, not 0.45\n"
    "# OUT/summary.json says what was measured instead.\n";

static const struct {
    const char *section, *text;
} SECTIONS[] = {
    {"data", "What is imported, once."},
    {"families", "Rfam families and similar sequences: what must stay on one side of the split."},
    {"split", "Whole components to train, validation and test; never at random."},
    {"audit", "The split is proved to leak nothing; what leaks in 3D is joined, and the split made again."},
    {"pairs", "Base pairs of the training sequences."},
    {"augment", "More examples of the same folds; which of them a phase draws is phase1.augment and phase2.augment."},
    {"phase1", "Phase 1: the confidence head alone, from each base. It moves no coordinates: it chooses better."},
    {"phase2", "Phase 2: low-rank adapters in trunk and denoiser, from the best of Phase 1."},
    {"validation", "The held-out targets that checkpoints, rule and ensemble are chosen on."},
    {"test", "The held-out targets that are opened once, at the end."},
    {"predict", "The same budget for every arm, on validation and on test."},
    {"compare", "How arms are held against each other."},
    {"goal", "The last row of the summary."},
    {"select", "Which five of a target's samples are submitted."},
    {"ensemble", "Checkpoints whose samples compete, chosen on validation among single ones, an average, and pairs."},
    {"package", "What goes to Kaggle."},
};

/* Words of `text` in lines of comments. */
static void print_comment(FILE *out, const char *indent, const char *text)
{
    int column = fprintf(out, "%s#", indent);
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column + 1 + length > COLUMNS) {
            fputc('\n', out);
            column = fprintf(out, "%s#", indent);
        }
        column += fprintf(out, " %.*s", length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* "(1 to 1000)" or "(one of cpu, cuda)". */
static void add_limits(char *out, size_t size, const rt_option *option)
{
    size_t length = strlen(out);
    if (option->type == RT_OPTION_CHOICE) {
        length += (size_t)snprintf(out + length, size - length, " (");
        for (const char *at = option->choices; *at && length < size; at++)
            length += (size_t)snprintf(out + length, size - length, *at == '|' ? ", " : "%c", *at);
        if (length < size) snprintf(out + length, size - length, ")");
    } else if (option->low != 0 || option->high != 0) {
        snprintf(out + length, size - length, " (%.15g to %.15g)", option->low, option->high);
    }
}

static void print_section(FILE *out, const char *name)
{
    fputc('\n', out);
    for (size_t i = 0; i < sizeof SECTIONS / sizeof *SECTIONS; i++)
        if (strcmp(SECTIONS[i].section, name) == 0) print_comment(out, "", SECTIONS[i].text);
    fprintf(out, "%s:\n", name);
}

void rt_plan_print_seed(FILE *out)
{
    char section[64] = "", help[1024];
    fputs(TITLE, out);
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++) {
        const rt_option *option = rt_plan_key_option(key);
        const char *dot = strchr(key->name, '.');
        int length = dot ? (int)(dot - key->name) : 0;
        if (dot && (strncmp(section, key->name, (size_t)length) != 0 || section[length])) {
            snprintf(section, sizeof section, "%.*s", length, key->name);
            print_section(out, section);
        } else if (!dot) fputc('\n', out);
        snprintf(help, sizeof help, "%s", key->help ? key->help : option->help);
        add_limits(help, sizeof help, option);
        print_comment(out, dot ? "  " : "", help);
        const char *value = key->example ? key->example : key->fallback;
        fprintf(out, "%s%s:%s%s\n", dot ? "  " : "", dot ? dot + 1 : key->name, *value == '\n' ? "" : " ", value);
    }
}
