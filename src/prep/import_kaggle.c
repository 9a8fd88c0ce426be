/* import_kaggle.c - the competition's files: survey, sequences, labels, what is left, done */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "io/template_file.h"
#include "prep/import_internal.h"

static const char *const ROLES[] = {[RT_IMPORT_SEQUENCES] = "sequences", [RT_IMPORT_ALLATOM] = "allatom",
                                    [RT_IMPORT_LABELS] = "labels"};

/* Inputs and options as one text: a run goes on only with what the interrupted one began with. */
static rt_status print_plan(char **ret_plan, const rt_import_options *options, const rt_import_survey *survey,
                            rt_err *err)
{
    json_t *plan = json_object(), *files = json_array();
    for (int i = 0; i < survey->n_file; i++) {
        struct stat info = {0};
        stat(survey->file[i].path, &info);
        json_array_append_new(files, json_pack("{s:s, s:I, s:I}", "path", survey->file[i].path, "size",
                                               (json_int_t)info.st_size, "mtime", (json_int_t)info.st_mtime));
    }
    json_object_set_new(plan, "import", json_string("kaggle"));
    json_object_set_new(plan, "files", files);
    json_object_set_new(plan, "before", options->before ? json_string(options->before) : json_null());
    json_object_set_new(plan, "max_resolution", json_real(options->max_resolution));
    json_object_set_new(plan, "min_completeness", json_real(options->min_completeness));
    json_object_set_new(plan, "max_breaks", json_integer(options->max_breaks));
    *ret_plan = rt_json_print(plan, err);
    json_decref(plan);
    return *ret_plan ? RT_OK : RT_ERR_MEMORY;
}

static rt_status check_survey(const rt_import_survey *survey, const char *folder, rt_err *err)
{
    bool sequences[5] = {false}, labels = false;
    for (int i = 0; i < survey->n_file; i++) {
        const rt_import_file *file = &survey->file[i];
        if (file->kind == RT_IMPORT_SEQUENCES) sequences[file->origin] = true;
        else labels = labels || file->origin == RT_ORIGIN_TRAIN;
    }
    if (!sequences[RT_ORIGIN_TRAIN] && !sequences[RT_ORIGIN_VALIDATION] && !sequences[RT_ORIGIN_TEST]) {
        rt_fail(err, RT_ERR_IO, folder, 0, "has no train_sequences, validation_sequences or test_sequences table");
        return rt_hint(err, "'rnatune doctor --kaggle DIR' says what is there and where the rest comes from");
    }
    if (sequences[RT_ORIGIN_TRAIN] && !labels) {
        rt_fail(err, RT_ERR_IO, folder, 0, "has train_sequences, but neither train_allatom nor train_labels");
        return rt_hint(err, "'rnatune doctor --kaggle DIR' says where they come from");
    }
    return RT_OK;
}

/* Targets that no table of labels had. */
static rt_status add_unlabelled(rt_import *import, rt_err *err)
{
    rt_status status = RT_OK;
    char msa[PATH_MAX];
    bool labelled[5] = {false};
    for (int i = 0; i < import->survey->n_file; i++)
        if (import->survey->file[i].kind != RT_IMPORT_SEQUENCES) labelled[import->survey->file[i].origin] = true;
    for (int64_t i = 0; i < import->n_row; i++) {
        rt_import_row *row = &import->row[i];
        bool missing = labelled[row->file->origin];   /* a table of test sequences has none */
        if (row->state != RT_ROW_WAITING) continue;
        if (rt_import_is_filtered(row->origin)) {
            RT_TRY(rt_import_note(import->writer, "refused", "missing_labels", row->id, row->origin, row->file->path,
                                  row->line, err, "no table of labels has it"));
            continue;
        }
        rt_target target = rt_import_target(import, row, msa);
        RT_TRY(rt_dataset_writer_add(import->writer, &target, NULL, err));
        if (missing)
            RT_TRY(rt_import_note(import->writer, "kept", "missing_labels", row->id, row->origin, row->file->path,
                                  row->line, err, "kept without labels"));
    }
done:
    return status;
}

/* How many templates each target has; a file that cannot be read is said and left out. */
static rt_status count_templates(rt_import *import, rt_err *err)
{
    rt_template_file *file;
    const char *path = import->survey->templates;
    rt_err problem = {0};
    if (!path[0]) return RT_OK;
    rt_status status = rt_template_file_open(&file, path, &problem);
    if (status == RT_ERR_MEMORY) return rt_fail(err, status, path, 0, "%s", problem.what);
    if (status != RT_OK)
        return rt_import_note(import->writer, "ignored", "unreadable_file", "", 0, path, problem.line, err, "%s",
                              problem.what);
    for (int64_t i = 0; i < rt_template_file_count(file) && status == RT_OK; i++) {
        const rt_template *template = rt_template_file_at(file, i);
        if (rt_dataset_writer_has(import->writer, template->target))
            status = rt_dataset_writer_set_templates(import->writer, template->target, template->n_template, err);
    }
    rt_template_file_close(file);
    return status;
}

static rt_status add_sources(rt_import *import, rt_err *err)
{
    rt_status status = RT_OK;
    for (int i = 0; i < import->survey->n_file; i++)
        RT_TRY(rt_dataset_writer_source(import->writer, ROLES[import->survey->file[i].kind],
                                        import->survey->file[i].path, err));
    if (import->survey->templates[0])
        RT_TRY(rt_dataset_writer_source(import->writer, "templates", import->survey->templates, err));
done:
    return status;
}

static int64_t megabytes_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size / 1000000 : 0;
}

static rt_status read_all_labels(rt_import *import, rt_import_position *position, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_import_survey *survey = import->survey;
    int64_t total = 1;
    for (int i = 0; i < survey->n_file; i++)
        if (survey->file[i].kind != RT_IMPORT_SEQUENCES) total += megabytes_of(survey->file[i].path);
    rt_progress_start("MB", total);
    for (int i = 0; i < survey->n_file; i++) {
        if (survey->file[i].kind == RT_IMPORT_SEQUENCES) continue;
        if (i >= position->file) {
            if (i > position->file) *position = (rt_import_position){.file = i, .pass = 1};
            rt_progress_label("%s", rt_path_name(survey->file[i].path));
            RT_TRY(rt_import_read_labels(import, position, err));
            *position = (rt_import_position){.file = i + 1, .pass = 1};
            RT_TRY(rt_import_checkpoint(import, position, err));
        }
        import->megabytes += megabytes_of(survey->file[i].path);
        rt_progress_step(import->megabytes);
    }
    rt_progress_end();
done:
    return status;
}

rt_status rt_import_kaggle(const rt_import_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_import_survey survey;
    rt_import import = {.options = options, .survey = &survey};
    rt_import_position position = {.pass = 1};
    char *plan = NULL;
    RT_TRY(rt_import_survey_folder(&survey, options->folder, err));
    RT_TRY(check_survey(&survey, options->folder, err));
    RT_TRY(print_plan(&plan, options, &survey, err));
    RT_TRY(rt_dataset_writer_open(&import.writer, options->out, plan, err));
    import.resumed = rt_dataset_writer_state(import.writer)[0] != 0;
    if (import.resumed) rt_info("going on with the unfinished import in %s", options->out);
    RT_TRY(rt_import_read_sequences(&import, err));
    if (import.resumed) {
        RT_TRY(rt_import_restore(&import, &position, err));
    } else {
        RT_TRY(add_sources(&import, err));
        RT_TRY(rt_import_checkpoint(&import, &position, err));
    }
    RT_TRY(read_all_labels(&import, &position, err));
    /* what follows takes no time worth a checkpoint: after a kill it is done again */
    RT_TRY(add_unlabelled(&import, err));
    RT_TRY(count_templates(&import, err));
    status = rt_dataset_writer_commit(import.writer, err);
    import.writer = NULL;
done:
    rt_dataset_writer_close(import.writer);
    rt_import_free_rows(&import);
    free(plan);
    return status;
}

rt_status rt_import_is_done(const rt_import_options *options, bool kaggle, bool *out_done, rt_err *err)
{
    rt_status status = RT_OK;
    rt_import_survey survey;
    rt_dataset *set = NULL;
    char *plan = NULL;
    *out_done = false;
    if (!rt_dataset_is_there(options->out)) return RT_OK;
    if (kaggle) {
        RT_TRY(rt_import_survey_folder(&survey, options->folder, err));
        RT_TRY(print_plan(&plan, options, &survey, err));
    } else {
        RT_TRY(rt_import_structures_plan(&plan, options, err));
    }
    RT_TRY(rt_dataset_open(&set, options->out, err));
    *out_done = strcmp(plan, rt_dataset_plan(set)) == 0;
done:
    rt_dataset_close(set);
    free(plan);
    return status;
}
