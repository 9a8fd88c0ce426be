#include "io/structure_header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* The smallest sensible number of an item over all rows (several data sets of one crystal). */
static double best_number(const rt_cif *cif, int64_t block, const char *category, const char *item)
{
    rt_cif_table table;
    double best = 0, value;
    if (!rt_cif_find(&table, cif, block, category)) return 0;
    int64_t column = rt_cif_column(&table, item);
    for (int64_t row = 0; row < table.n_row; row++)
        if (rt_cif_parse_double(rt_cif_get(&table, row, column), &value) && value > 0 && value < 1000 &&
            (best == 0 || value < best))
            best = value;
    return best;
}

static bool is_date(const char *text)
{
    for (int i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char)text[i])) return false;
    return text[10] == 0;
}

/* The earliest date of an item. */
static void earliest_date(char out[11], const rt_cif *cif, int64_t block, const char *category, const char *item)
{
    rt_cif_table table;
    char date[16];
    if (!rt_cif_find(&table, cif, block, category)) return;
    int64_t column = rt_cif_column(&table, item);
    for (int64_t row = 0; row < table.n_row; row++)
        if (rt_cif_copy(date, sizeof date, rt_cif_get(&table, row, column)) && is_date(date) &&
            (!out[0] || strcmp(date, out) < 0))
            memcpy(out, date, 11);
}

static void copy_title(char *out, int64_t size, const char *text, int64_t length)
{
    int64_t n = (int64_t)strlen(out);
    while (length > 0 && isspace((unsigned char)*text)) text++, length--;
    while (length > 0 && isspace((unsigned char)text[length - 1])) length--;
    if (length > 0)
        snprintf(out + n, (size_t)(size - n), "%s%.*s", n ? " " : "", (int)(length < size ? length : size), text);
    rt_tame_text(out);
}

void rt_structure_header_cif(rt_structure *structure, const rt_cif *cif, int64_t block)
{
    static const char *const PLACES[][2] = {{"_refine", "ls_d_res_high"}, {"_em_3d_reconstruction", "resolution"},
                                            {"_reflns", "d_resolution_high"}};
    rt_cif_table table;
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES && structure->resolution == 0; i++)
        structure->resolution = best_number(cif, block, PLACES[i][0], PLACES[i][1]);
    earliest_date(structure->released, cif, block, "_pdbx_audit_revision_history", "revision_date");
    earliest_date(structure->released, cif, block, "_database_PDB_rev", "date");
    if (rt_cif_find(&table, cif, block, "_struct")) {
        rt_cif_value title = rt_cif_get(&table, 0, rt_cif_column(&table, "title"));
        if (!rt_cif_is_null(title)) copy_title(structure->title, sizeof structure->title, title.text, title.length);
    }
}

/* "18-JUN-01" */
static void read_pdb_date(char out[11], const char *text)
{
    static const char MONTHS[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    int64_t day, year;
    int month = -1;
    for (int i = 0; i < 12; i++)
        if (memcmp(MONTHS + 3 * i, text + 3, 3) == 0) month = i + 1;
    if (month < 0 || text[2] != '-' || text[6] != '-' ||
        !rt_parse_int(text + (text[0] == ' '), 2 - (text[0] == ' '), &day) || !rt_parse_int(text + 7, 2, &year) ||
        day < 1 || day > 31 || year < 0)
        return;
    year += year >= 70 ? 1900 : 2000;   /* the bank began in 1971 */
    char date[40];
    snprintf(date, sizeof date, "%04d-%02d-%02d", (int)year, month, (int)day);
    memcpy(out, date, 11);
}

void rt_structure_header_pdb(rt_structure *structure, const char *line, int64_t length)
{
    int64_t number;
    double value;
    if (length >= 27 && memcmp(line, "REMARK   2 RESOLUTION.", 22) == 0) {
        const char *from = line + 22, *end = line + length;
        while (from < end && *from == ' ') from++;
        int64_t n = 0;
        while (from + n < end && from[n] != ' ') n++;
        if (rt_parse_double(from, n, &value) && value > 0 && value < 1000) structure->resolution = value;
    } else if (length >= 22 && memcmp(line, "REVDAT", 6) == 0) {
        int64_t n = 10, at = 7;
        while (at < n && line[at] == ' ') at++;
        if (rt_parse_int(line + at, n - at, &number) && number == 1) read_pdb_date(structure->released, line + 13);
    } else if (length > 10 && memcmp(line, "TITLE ", 6) == 0) {
        copy_title(structure->title, sizeof structure->title, line + 10, length - 10);
    }
}
