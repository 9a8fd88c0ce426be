/* import_test.h - for tests of import alone: tables in "in", the set in "out", its notes
 * Room: prep.  Uses: io/test_files, prep/import.  Included after cmocka.h.
 */
#ifndef RT_PREP_IMPORT_TEST_H
#define RT_PREP_IMPORT_TEST_H

#include "io/test_files.h"
#include "prep/dataset_write.h"
#include "prep/import.h"

static rt_err err;
static rt_dataset *set;
#define OK(call) do { if ((call) != RT_OK) fail_msg("%s:%d: %s", err.file, (int)err.line, err.what); } while (0)

/* An empty folder "in" for what is read, no set in "out". */
static inline int fresh(void **state)
{
    (void)state;
    char command[256];
    rt_dataset_close(set);
    set = NULL;
    snprintf(command, sizeof command, "rm -rf %s/in %s/out && mkdir -p %s/in", test_folder, test_folder, test_folder);
    return system(command);
}

static inline rt_import_options options_of(void)
{
    static char in[128], out[128];
    snprintf(in, sizeof in, "%s/in", test_folder);
    snprintf(out, sizeof out, "%s/out", test_folder);
    return (rt_import_options){.folder = in, .out = out, .max_breaks = -1};
}

typedef rt_status import_function(const rt_import_options *options, rt_err *err);

static inline void import_with(import_function *import_it, const rt_import_options *opt_options)
{
    rt_import_options options = opt_options ? *opt_options : options_of();
    OK(import_it(&options, &err));
    OK(rt_dataset_open(&set, options.out, &err));
    OK(rt_dataset_verify(set, &err));
}

/* A note of that reason about that target ("" for any); NULL when there is none. */
static inline const rt_dataset_note *find_note(const char *reason, const char *target)
{
    for (int64_t i = 0; i < rt_dataset_note_count(set); i++) {
        const rt_dataset_note *note = rt_dataset_note_at(set, i);
        if (strcmp(note->reason, reason) == 0 && (!target[0] || strcmp(note->target, target) == 0)) return note;
    }
    return NULL;
}

#endif
