#include "ship/candidates.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "io/structure.h"
#include "score/set.h"

typedef struct {
    char *name;
    rt_text sequence;
} entry;

struct rt_candidates {
    entry *entry;
    int64_t n_entry, entry_capacity;
    rt_candidates_source *source;
    rt_score_set *pool;       /* (n_source) empty for folders of ours */
    int n_source;
};

/* ---- targets ---- */

static entry *find_entry(const rt_candidates *c, const char *name)
{
    for (int64_t i = 0; i < c->n_entry; i++)
        if (strcmp(c->entry[i].name, name) == 0) return &c->entry[i];
    return NULL;
}

static rt_status add_entry(rt_candidates *c, entry **out_entry, const char *name, rt_err *err)
{
    void *entries = c->entry;
    rt_status status = rt_grow(&entries, &c->entry_capacity, c->n_entry + 1, sizeof *c->entry, err);
    c->entry = entries;
    if (status != RT_OK) return status;
    *out_entry = &c->entry[c->n_entry];
    (*out_entry)->name = rt_copy_text(name, -1, err);
    if (!(*out_entry)->name) return RT_ERR_MEMORY;
    c->n_entry++;
    return RT_OK;
}

/* A target's rows are read: it is new, or has the sequence that an earlier folder said. */
static rt_status end_target(rt_candidates *c, const char *name, const rt_text *sequence, const char *path, rt_err *err)
{
    entry *e = find_entry(c, name);
    rt_status status = RT_OK;
    if (!name[0]) return RT_OK;
    if (e) {
        if (strcmp(e->sequence.data, sequence->data) == 0) return RT_OK;
        rt_fail(err, RT_ERR_MISMATCH, path, 0, "%s has another sequence here (%lld residues) than in %s (%lld)", name,
                (long long)sequence->length, c->source[0].path, (long long)e->sequence.length);
        return rt_hint(err, "the folders must be predictions of the same sequences");
    }
    RT_TRY(add_entry(c, &e, name, err));
    rt_text_add_bytes(&e->sequence, sequence->data, sequence->length);
    if (e->sequence.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the sequences"));
done:
    return status;
}

/* Targets and sequences of DIR/submission.csv. */
static rt_status read_targets(rt_candidates *c, const char *folder, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    rt_text sequence = {0};
    char path[4200], name[RT_SCORE_NAME] = "";
    int64_t id, resname;
    bool more;
    rt_path_join(path, sizeof path, folder, "submission.csv");
    if (!rt_file_exists(path)) {
        rt_fail(err, RT_ERR_IO, path, 0, "is not there");
        return rt_hint(err, "--pred is the --out of 'rnatune predict'; other predictions are given with --pool");
    }
    RT_TRY(rt_csv_open(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &id, "ID", err));
    RT_TRY(rt_csv_require(csv, &resname, "resname", err));
    while ((status = rt_csv_next(csv, &more, err)) == RT_OK && more) {
        const char *text = rt_csv_text(csv, id), *mark = strrchr(text, '_');
        if (!mark || mark == text || mark - text >= RT_SCORE_NAME)
            RT_TRY(rt_csv_fail(csv, err, "the ID '%.60s' is not <target>_<number>", text));
        if (rt_csv_length(csv, resname) != 1) RT_TRY(rt_csv_fail(csv, err, "resname is not one letter"));
        if (strncmp(text, name, (size_t)(mark - text)) != 0 || name[mark - text]) {
            RT_TRY(end_target(c, name, &sequence, path, err));
            rt_text_clear(&sequence);
            snprintf(name, sizeof name, "%.*s", (int)(mark - text), text);
        }
        rt_text_add_bytes(&sequence, rt_csv_text(csv, resname), 1);
        if (sequence.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the sequences"));
    }
    RT_TRY(status);
    RT_TRY(end_target(c, name, &sequence, path, err));
    if (!c->n_entry) RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "has no rows"));
done:
    rt_csv_close(csv);
    rt_text_free(&sequence);
    return status;
}

/* ---- outside predictions ---- */

/* Targets as a set of natives: what score/set tells models apart by. */
static rt_status name_targets(rt_score_set *out_set, const rt_candidates *c, rt_err *err)
{
    rt_status status = RT_OK;
    rt_score_item *item;
    for (int64_t i = 0; i < c->n_entry; i++) RT_TRY(rt_score_set_add(out_set, &item, c->entry[i].name, "", err));
done:
    return status;
}

static rt_status open_pool(rt_candidates *c, int source, rt_err *err)
{
    rt_status status = RT_OK;
    rt_score_set targets = {0}, *set = &c->pool[source];
    int64_t known = 0;
    RT_TRY(name_targets(&targets, c, err));
    RT_TRY(rt_score_set_models(set, c->source[source].path, &targets, "C1'", err));
    for (int64_t i = 0; i < set->n_item; i++) known += find_entry(c, set->item[i].target) != NULL;
    if (!known) {
        rt_fail(err, RT_ERR_MISMATCH, c->source[source].path, 0, "nothing here belongs to a target of %s", c->source[0].path);
        RT_TRY(rt_hint(err, "names of structure files, or of their folders, begin with their target's, as IDs of a table do"));
    }
done:
    rt_score_set_free_members(&targets);
    return status;
}

rt_status rt_candidates_open(rt_candidates **ret_candidates, const rt_candidates_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_candidates *c;
    *ret_candidates = NULL;
    RT_REQUIRE(options->n_pred > 0);
    RT_TRY_ALLOC(c, 1);
    RT_TRY_ALLOC(c->source, options->n_pred + options->n_pool);
    RT_TRY_ALLOC(c->pool, options->n_pred + options->n_pool);
    for (int i = 0; i < options->n_pred; i++, c->n_source++) {
        c->source[i] = (rt_candidates_source){.path = options->pred[i], .own = true};
        RT_TRY(read_targets(c, options->pred[i], err));
    }
    for (int i = 0; i < options->n_pool; i++) {
        c->source[c->n_source++] = (rt_candidates_source){.path = options->pool[i]};
        RT_TRY(open_pool(c, c->n_source - 1, err));
    }
    *ret_candidates = c;
    c = NULL;
done:
    rt_candidates_close(c);
    return status;
}

void rt_candidates_close(rt_candidates *candidates)
{
    if (!candidates) return;
    for (int64_t i = 0; i < candidates->n_entry; i++) {
        free(candidates->entry[i].name);
        rt_text_free(&candidates->entry[i].sequence);
    }
    for (int i = 0; candidates->pool && i < candidates->n_source; i++) rt_score_set_free_members(&candidates->pool[i]);
    free(candidates->entry);
    free(candidates->source);
    free(candidates->pool);
    free(candidates);
}

int64_t rt_candidates_targets(const rt_candidates *candidates) { return candidates->n_entry; }

const char *rt_candidates_target(const rt_candidates *candidates, int64_t target) { return candidates->entry[target].name; }

const char *rt_candidates_sequence(const rt_candidates *candidates, int64_t target)
{
    return candidates->entry[target].sequence.data;
}

int rt_candidates_sources(const rt_candidates *candidates) { return candidates->n_source; }

const rt_candidates_source *rt_candidates_source_at(const rt_candidates *candidates, int source)
{
    return &candidates->source[source];
}

/* ---- one candidate ---- */

/* What keeps a molecule from standing for the target, "" for nothing. */
static void find_reason(char *out, size_t size, const rt_molecule *m, const char *sequence, int64_t length)
{
    bool spread = false;
    out[0] = 0;
    if (m->n_residue != length) {
        snprintf(out, size, "has %lld residues, the target %lld", (long long)m->n_residue, (long long)length);
        return;
    }
    for (int64_t r = 0; r < length; r++) {
        const rt_molecule_residue *residue = &m->residue[r];
        char letter = (char)toupper((unsigned char)sequence[r]);
        bool finite = residue->resolved;
        for (int d = 0; d < 3; d++) {
            finite = finite && isfinite(residue->xyz[d]);
            spread |= residue->xyz[d] != m->residue[0].xyz[d];
        }
        if (!finite) snprintf(out, size, "residue %lld has no C1' coordinates", (long long)r + 1);
        else if (residue->letter != 'N' && strchr("ACGU", letter) && residue->letter != letter)
            snprintf(out, size, "residue %lld is %c, in the target's sequence %c", (long long)r + 1, residue->letter, letter);
        else if (r > 0 && residue->chain == m->residue[r - 1].chain && residue->number < m->residue[r - 1].number)
            snprintf(out, size, "residue numbers go down after residue %lld", (long long)r);
        if (out[0]) return;
    }
    if (!spread && length > 1) snprintf(out, size, "all residues lie at one point");
}

static bool repeats(const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) < 0.002f)) return false;
    return true;
}

static void leave_out(rt_candidates_source *s, const char *target, const char *model, const char *reason)
{
    if (!s->n_left_out++) snprintf(s->reason, sizeof s->reason, "%.127s, model %.127s: %.300s", target, model, reason);
}

/* Adds a molecule to the list; *out_candidate is NULL when it is left out or was there before. */
static rt_status add_molecule(rt_candidates *c, rt_candidate_list *list, rt_candidate **out_candidate, int source,
                              const char *model, const rt_molecule *m, rt_err *err)
{
    rt_status status = RT_OK;
    char reason[160];
    float *c1 = NULL;
    *out_candidate = NULL;
    find_reason(reason, sizeof reason, m, list->sequence, list->length);
    if (reason[0]) {
        leave_out(&c->source[source], list->target, model, reason);
        return RT_OK;
    }
    RT_TRY_ALLOC(c1, 3 * list->length);
    for (int64_t i = 0; i < 3 * list->length; i++) c1[i] = (float)m->residue[i / 3].xyz[i % 3];
    for (int64_t i = 0; i < list->n; i++)
        if (repeats(list->item[i].c1, c1, 3 * list->length)) {
            c->source[source].n_repeated++;
            goto done;
        }
    void *items = list->item;
    status = rt_grow(&items, &list->capacity, list->n + 1, sizeof *list->item, err);
    list->item = items;
    RT_TRY(status);
    rt_candidate *added = &list->item[list->n++];
    *added = (rt_candidate){.source = source, .c1 = c1, .own = {.sample = -1, .clash = NAN, .consensus = NAN}};
    for (int s = 0; s < RT_SELECT_SCORES; s++) added->own.score[s] = NAN;
    snprintf(added->model, sizeof added->model, "%s", model);
    c->source[source].n_used++;
    *out_candidate = added;
    c1 = NULL;
done:
    free(c1);
    return status;
}

/* ---- a folder of ours ---- */

static rt_status add_sample(rt_candidates *c, rt_candidate_list *list, int source, const char *folder, const json_t *sample,
                            const char *summary, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4600];
    rt_structure structure = {0};
    rt_molecule molecule = {0};
    rt_candidate *added;
    rt_err why;
    const char *file = NULL, *checkpoint = "";
    bool found;
    if (json_is_null(json_object_get(sample, "file"))) {
        c->source[source].n_not_kept++;
        return RT_OK;
    }
    RT_TRY(rt_json_read_text(sample, &file, NULL, "file", summary, err));
    RT_TRY(rt_json_read_text(sample, &checkpoint, &found, "checkpoint", summary, err));
    rt_path_join(path, sizeof path, folder, file);
    status = rt_structure_open(&structure, path, &why);
    if (status == RT_OK) status = rt_molecule_build(&molecule, &structure, 0, "C1'", path, &why);
    if (status == RT_ERR_MEMORY) *err = why;
    if (status == RT_ERR_MEMORY) goto done;
    if (status != RT_OK) {
        status = RT_OK;
        leave_out(&c->source[source], list->target, file, why.what);
        goto done;
    }
    RT_TRY(add_molecule(c, list, &added, source, file, &molecule, err));
    if (!added) goto done;
    RT_TRY(rt_selection_read_sample(&added->own, sample, summary, err));
    snprintf(added->checkpoint, sizeof added->checkpoint, "%s", checkpoint);
done:
    rt_molecule_free_members(&molecule);
    rt_structure_free_members(&structure);
    return status;
}

static rt_status load_folder(rt_candidates *c, rt_candidate_list *list, int source, rt_err *err)
{
    rt_status status = RT_OK;
    rt_candidates_source *s = &c->source[source];
    char folder[4200], path[4400];
    json_t *summary = NULL;
    const json_t *sample;
    size_t i;
    rt_path_join(folder, sizeof folder, s->path, list->target);
    rt_path_join(path, sizeof path, folder, "summary.json");
    if (!rt_file_exists(path)) {
        if (!s->n_missing++) snprintf(s->missing, sizeof s->missing, "%s", list->target);
        return RT_OK;
    }
    RT_TRY(rt_json_load(&summary, path, err));
    if (!json_is_array(json_object_get(summary, "samples")))
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "has no list of samples"));
    json_array_foreach(json_object_get(summary, "samples"), i, sample)
        RT_TRY(add_sample(c, list, source, folder, sample, path, err));
done:
    json_decref(summary);
    return status;
}

static rt_status load_pool(rt_candidates *c, rt_candidate_list *list, int source, rt_err *err)
{
    rt_status status = RT_OK;
    rt_score_set *set = &c->pool[source];
    rt_candidate *added;
    rt_err why;
    for (int64_t i = 0; i < set->n_item; i++) {
        rt_score_item *item = &set->item[i];
        if (strcmp(item->target, list->target) != 0) continue;
        status = rt_score_item_load(item, "C1'", &why);
        if (status == RT_ERR_MEMORY) *err = why;
        if (status == RT_ERR_MEMORY) goto done;
        if (status != RT_OK) leave_out(&c->source[source], list->target, item->name, why.what);
        status = RT_OK;
        for (int64_t m = 0; m < item->n_molecule; m++)
            RT_TRY(add_molecule(c, list, &added, source, item->molecule[m].name, &item->molecule[m], err));
        rt_score_item_unload(item);
    }
done:
    return status;
}

/* A source's samples as they were drawn, whatever ranked them. */
static int by_draw(const void *a, const void *b)
{
    const rt_candidate *x = a, *y = b;
    int order = (x->source > y->source) - (x->source < y->source);
    if (!order) order = strcmp(x->checkpoint, y->checkpoint);
    if (!order) order = (x->own.sample > y->own.sample) - (x->own.sample < y->own.sample);
    return order ? order : strcmp(x->model, y->model);
}

rt_status rt_candidates_load(rt_candidates *candidates, rt_candidate_list *out_list, int64_t target, rt_err *err)
{
    rt_status status = RT_OK;
    *out_list = (rt_candidate_list){.target = candidates->entry[target].name,
                                    .sequence = candidates->entry[target].sequence.data,
                                    .length = candidates->entry[target].sequence.length};
    for (int s = 0; s < candidates->n_source; s++)
        RT_TRY(candidates->source[s].own ? load_folder(candidates, out_list, s, err)
                                         : load_pool(candidates, out_list, s, err));
    if (out_list->n) qsort(out_list->item, (size_t)out_list->n, sizeof *out_list->item, by_draw);
done:
    if (status != RT_OK) rt_candidate_list_free_members(out_list);
    return status;
}

void rt_candidate_list_free_members(rt_candidate_list *list)
{
    for (int64_t i = 0; i < list->n; i++) free(list->item[i].c1);
    free(list->item);
    list->item = NULL;
    list->n = list->capacity = 0;
}
