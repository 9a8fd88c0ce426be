#include "io/modified.h"

#include <stdio.h>
#include <string.h>

#include "io/modified_table.h"

/* Names of the standard nucleotides in files that are not the PDB's: R for ribo, 3 and 5 for the ends of a chain. */
static char standard_parent(const char *name)
{
    static const char *const LONG[][2] = {{"ADE", "A"}, {"CYT", "C"}, {"GUA", "G"}, {"URA", "U"}, {"URI", "U"}};
    for (int i = 0; i < 5; i++)
        if (strcmp(name, LONG[i][0]) == 0) return LONG[i][1][0];
    if (name[0] == 'R' && name[1]) name++;
    if (!strchr("ACGUN", name[0])) return 0;
    if (!name[1] || ((name[1] == '3' || name[1] == '5') && !name[2])) return name[0];
    return 0;
}

char rt_modified_parent(const char *component)
{
    char word[16];
    if (!component[0] || strlen(component) > 8 || strchr(component, ' ')) return 0;
    char standard = standard_parent(component);
    if (standard) return standard;
    if (component[0] == 'D' && component[1] && strchr("ACGTUIN", component[1]) && !component[2]) return 0;
    if (strcmp(component, "I") == 0) return 'G';   /* inosine, which the table lacks */
    if (strcmp(component, "NT") == 0) return 'N';
    snprintf(word, sizeof word, " %s ", component);
    for (size_t i = 0; i < sizeof MODIFIED / sizeof *MODIFIED; i++)
        if (strstr(MODIFIED[i].components, word)) return MODIFIED[i].parent == 'T' ? 'U' : MODIFIED[i].parent;
    return 0;
}
