#define _GNU_SOURCE
#include "prep/import_survey.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "prep/dataset.h"

static const char *const KINDS[] = {[RT_IMPORT_SEQUENCES] = "sequences", [RT_IMPORT_ALLATOM] = "allatom",
                                    [RT_IMPORT_LABELS] = "labels"};
static const char *const ORIGINS[] = {"train", "validation", "test"};

/* The version in what stands between "train_labels" and ".csv": ".v2.1" is 2.1, nothing is 0, anything else ("subset")
 * comes last.  False when the name is no such file. */
static bool parse_name(const char *name, const char *origin, const char *kind, double *out_version)
{
    char stem[64];
    int64_t length = (int64_t)strlen(name), n = snprintf(stem, sizeof stem, "%s_%s", origin, kind);
    if (strncmp(name, stem, (size_t)n) != 0) return false;
    if (rt_ends_with(name, ".gz")) length -= 3;
    if (length < n + 4 || strncmp(name + length - 4, ".csv", 4) != 0) return false;
    const char *tag = name + n;
    int64_t tag_length = length - 4 - n;
    if (tag_length == 0) {
        *out_version = 0;
        return true;
    }
    if (*tag != '.' && *tag != '_') return false;
    *out_version = -1;
    if (tag_length > 2 && tag[1] == 'v' && !rt_parse_double(tag + 2, tag_length - 2, out_version)) *out_version = -1;
    return true;
}

static void look(rt_import_file *file, double *best, const char *folder, const char *name)
{
    double version;
    if (!parse_name(name, ORIGINS[file->origin], KINDS[file->kind], &version)) return;
    bool better = !file->path[0] || version > *best ||
                  (version == *best && strcmp(name, rt_path_name(file->path)) < 0);   /* .csv before .csv.gz */
    const char *worse = better ? file->path : name;
    if (worse[0]) rt_info("%s is not read: %s is", rt_path_name(worse), better ? name : rt_path_name(file->path));
    if (!better) return;
    rt_path_join(file->path, sizeof file->path, folder, name);
    *best = version;
}

/* MSA_v2 before MSA. */
static void find_extras(rt_import_survey *survey, const char *folder)
{
    static const char *const MSA[] = {"MSA_v2", "MSA"};
    int n = 0;
    for (int i = 0; i < 2; i++) {
        rt_path_join(survey->msa[n], sizeof survey->msa[n], folder, MSA[i]);
        if (rt_folder_exists(survey->msa[n])) n++;
        else survey->msa[n][0] = 0;
    }
    rt_path_join(survey->templates, sizeof survey->templates, folder, "template_features.pt");
    if (!rt_file_exists(survey->templates)) survey->templates[0] = 0;
}

rt_status rt_import_survey_folder(rt_import_survey *out_survey, const char *folder, rt_err *err)
{
    rt_import_file found[3][3] = {0};
    double version[3][3] = {0};
    struct dirent **entry;
    char *root = realpath(folder, NULL);
    *out_survey = (rt_import_survey){0};
    if (!root) return rt_fail(err, RT_ERR_IO, folder, 0, "cannot open: %s", strerror(errno));
    int n = scandir(root, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        for (int kind = 0; kind < 3; kind++)
            for (int origin = 0; origin < 3; origin++) {
                found[kind][origin].kind = (rt_import_kind)kind;
                found[kind][origin].origin = origin;
                look(&found[kind][origin], &version[kind][origin], root, entry[i]->d_name);
            }
        free(entry[i]);
    }
    if (n >= 0) free(entry);
    for (int kind = 0; kind < 3; kind++)
        for (int origin = 0; origin < 3; origin++) {
            if (!found[kind][origin].path[0]) continue;
            found[kind][origin].origin = (int64_t)1 << origin;
            out_survey->file[out_survey->n_file++] = found[kind][origin];
        }
    find_extras(out_survey, root);
    free(root);
    return n < 0 ? rt_fail(err, RT_ERR_IO, folder, 0, "cannot read the folder: %s", strerror(errno)) : RT_OK;
}
