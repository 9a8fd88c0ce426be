/* options_help.c - a verb's table as help text and as a man page */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "cli/options.h"

#define COLUMNS 100
#define LEFT 30

/* Prints words from `column` on, going on at `indent` in the next lines. */
static void print_wrapped(FILE *out, const char *text, int indent, int column)
{
    bool first = true;
    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (!first && column + 1 + length > COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", length, text);
        column += length + !first;
        first = false;
        text += length;
        while (*text == ' ' || *text == '\n') text++;
    }
    fputc('\n', out);
}

/* Calls back for every paragraph; `fixed` when its lines begin with a blank and stay as they are. */
static void each_paragraph(const char *text, void (*print)(FILE *out, const char *paragraph, bool fixed), FILE *out)
{
    char paragraph[2048];
    while (text && *text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)length, text);
        print(out, paragraph, paragraph[0] == ' ');
        text = end ? end + 2 : NULL;
    }
}

static void print_paragraph(FILE *out, const char *paragraph, bool fixed)
{
    fputc('\n', out);
    if (fixed) fprintf(out, "%s\n", paragraph);
    else print_wrapped(out, paragraph, 0, 0);
}

/* "required", "default: 5 Angstrom", "1 to 10", "may be repeated"; in that order, joined by "; ". */
static void describe_limits(const rt_option *o, char *out, size_t size)
{
    rt_text text = {0};
    if (o->required) rt_text_add(&text, "; required");
    bool limited = o->low != 0 || o->high != 0;
    if (limited && o->high >= 1e15) rt_text_add(&text, "; from %.15g", o->low);
    else if (limited) rt_text_add(&text, "; %.15g to %.15g", o->low, o->high);
    if (o->repeated) rt_text_add(&text, "; may be repeated");
    if (o->fallback) rt_text_add(&text, "; default: %s", o->fallback);
    else if (o->otherwise) rt_text_add(&text, "; default: %s", o->otherwise);
    if (o->unit && (o->fallback || limited)) rt_text_add(&text, " %s", o->unit);
    else if (o->unit) rt_text_add(&text, "; in %s", o->unit);
    if (text.length > 2) snprintf(out, size, " (%s)", text.data + 2);
    else out[0] = 0;
    rt_text_free(&text);
}

static void option_head(const rt_option *o, char *out, size_t size)
{
    const char *value = rt_option_value_name(o);
    char letter[8] = "";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(out, size, "%s--%s%s%s", letter, o->name, *value ? " " : "", value);
}

static void print_entry(FILE *out, const char *head, const char *help, const char *limits)
{
    char text[1400];
    snprintf(text, sizeof text, "%s%s", help, limits);
    int column = fprintf(out, "  %s", head);
    if (column + 2 > LEFT) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", LEFT - column, "");
    print_wrapped(out, text, LEFT, LEFT);
}

/* The words of a usage line; "[--config NAME|FILE]" is kept together by print_usage's caller with a no-break mark. */
static void add_usage(rt_text *text, const rt_command *command)
{
    const rt_option *list[RT_MOST_OPTIONS];
    int count = rt_options_list(command, list);
    for (const rt_operand *o = command->operands; o && o->name; o++)
        rt_text_add(text, o->required ? " %s%s" : " [%s%s]", o->name, o->repeated ? "..." : "");
    for (int pass = 0; pass < 2; pass++)   /* what is required stands first */
        for (int i = 0; i < count; i++) {
            const rt_option *o = list[i];
            if (o->required != (pass == 0) || strcmp(o->name, "help") == 0 || strcmp(o->name, "man") == 0 ||
                strcmp(o->name, "quiet") == 0 || strcmp(o->name, "verbose") == 0)
                continue;
            const char *value = rt_option_value_name(o);
            rt_text_add(text, " %s--%s%s%s%s%s", o->required ? "" : "[", o->name, *value ? "\001" : "", value,
                        o->required ? "" : "]", o->repeated ? "..." : "");
        }
}

void rt_options_print_usage(const rt_command *command, FILE *out)
{
    rt_text text = {0};
    add_usage(&text, command);
    int column = fprintf(out, "usage: rnatune %s", command->name), indent = column + 1;
    for (const char *at = text.data ? text.data : ""; *at;) {
        at++;   /* the blank before each word */
        int length = (int)strcspn(at, " ");
        if (column + 1 + length > COLUMNS) column = fprintf(out, "\n%*s", indent - 1, "") - 1;
        fputc(' ', out);
        for (int i = 0; i < length; i++) fputc(at[i] == '\001' ? ' ' : at[i], out);
        column += 1 + length;
        at += length;
    }
    fputc('\n', out);
    rt_text_free(&text);
}

void rt_options_print_help(const rt_command *command, FILE *out)
{
    const rt_option *list[RT_MOST_OPTIONS];
    char head[160], limits[300];
    int count = rt_options_list(command, list);
    fprintf(out, "rnatune %s: %s\n\n", command->name, command->summary);
    rt_options_print_usage(command, out);
    each_paragraph(command->description, print_paragraph, out);
    fputc('\n', out);
    for (const rt_operand *o = command->operands; o && o->name; o++) print_entry(out, o->name, o->help, "");
    for (int i = 0; i < count; i++) {
        option_head(list[i], head, sizeof head);
        describe_limits(list[i], limits, sizeof limits);
        print_entry(out, head, list[i]->help, limits);
    }
    if (command->output) {
        fputs("\noutput:\n", out);
        each_paragraph(command->output, print_paragraph, out);
    }
    if (command->examples) {
        fputs("\nexamples:\n", out);
        each_paragraph(command->examples, print_paragraph, out);
    }
}

/* ---- roff ------------------------------------------------------------------------------------------------------- */

static void roff_text(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '\\') fputs("\\e", out);
        else if (*text == '-') fputs("\\-", out);
        else fputc(*text, out);
        line_start = *text == '\n';
    }
}

static void roff_paragraph(FILE *out, const char *paragraph, bool fixed)
{
    fputs(fixed ? ".PP\n.nf\n" : ".PP\n", out);
    roff_text(out, paragraph);
    fputs(fixed ? "\n.fi\n" : "\n", out);
}

static void roff_section(FILE *out, const char *title, const char *text)
{
    if (!text) return;
    fprintf(out, ".SH %s\n", title);
    each_paragraph(text, roff_paragraph, out);
}

static void roff_entry(FILE *out, const char *head, const char *help, const char *limits)
{
    fputs(".TP\n.B ", out);
    roff_text(out, head);
    fputc('\n', out);
    roff_text(out, help);
    roff_text(out, limits);
    fputc('\n', out);
}

void rt_options_print_man(const rt_command *command, const char *version, FILE *out)
{
    const rt_option *list[RT_MOST_OPTIONS];
    char head[160], limits[300], upper[64];
    int count = rt_options_list(command, list);
    snprintf(upper, sizeof upper, "%s", command->name);
    for (char *at = upper; *at; at++) *at = (char)toupper((unsigned char)*at);
    fprintf(out, ".TH RNATUNE\\-%s 1 \"\" \"rnatune %s\" \"rnatune\"\n.SH NAME\nrnatune\\-%s \\- ", upper, version,
            command->name);
    roff_text(out, command->summary);
    fprintf(out, "\n.SH SYNOPSIS\n.B rnatune %s\n", command->name);
    rt_text usage = {0};
    add_usage(&usage, command);
    for (char *at = usage.data; at && *at; at++)
        if (*at == '\001') *at = ' ';
    if (usage.data) roff_text(out, usage.data + (usage.length > 0));
    rt_text_free(&usage);
    fputc('\n', out);
    roff_section(out, "DESCRIPTION", command->description);
    fputs(".SH OPTIONS\n", out);
    for (const rt_operand *o = command->operands; o && o->name; o++) roff_entry(out, o->name, o->help, "");
    for (int i = 0; i < count; i++) {
        option_head(list[i], head, sizeof head);
        describe_limits(list[i], limits, sizeof limits);
        roff_entry(out, head, list[i]->help, limits);
    }
    roff_section(out, "OUTPUT", command->output);
    fputs(".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nfailed\n.TP\n2\nthe command line makes no sense\n"
          ".TP\n3\nthe check that was asked for did not hold\n", out);
    roff_section(out, "EXAMPLES", command->examples);
    fputs(".SH SEE ALSO\n.BR rnatune (1)\n", out);
}
