/* import_structures.c - a folder of mmCIF and PDB files: a target per RNA chain */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "io/polymer.h"
#include "io/structure.h"
#include "prep/import_internal.h"
#include "prep/residue_place.h"

#define CHECKPOINT_SECONDS 2.0
#define CHAINS_PER_FILE 100000   /* ranks of a file's chains */

typedef struct {
    const rt_import_options *options;
    rt_dataset_writer *writer;
    char **name;                /* of the files, sorted */
    int64_t n_name;
    char **wanted;              /* lines of the list; NULL: everything */
    bool *wanted_found;
    int64_t n_wanted;
} importer;

/* ---- which files ---- */

static rt_status list_folder(char ***ret_name, int64_t *out_count, const char *folder, rt_err *err)
{
    rt_status status = rt_list_folder(ret_name, out_count, folder, rt_structure_is_name, err);
    if (status != RT_OK || *out_count) return status;
    rt_free_names(*ret_name, 0);
    *ret_name = NULL;
    rt_fail(err, RT_ERR_IO, folder, 0, "holds no structure files");
    return rt_hint(err, "names that end in .cif, .mmcif, .pdb or .ent, and the same with .gz, are read");
}

/* Lines of the list; blank ones and those that begin with # say nothing. */
static rt_status read_list(importer *m, rt_err *err)
{
    rt_map map;
    int64_t capacity = 0;
    if (!m->options->list) return RT_OK;
    rt_status status = rt_map_open(&map, m->options->list, err);
    if (status != RT_OK) return status;
    const char *at = (const char *)map.data, *end = at + map.size;
    while (at < end) {
        const char *line = at, *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        at = stop + 1;
        while (stop > line && isspace((unsigned char)stop[-1])) stop--;
        while (line < stop && isspace((unsigned char)*line)) line++;
        if (line == stop || *line == '#') continue;
        void *wanted = m->wanted;
        RT_TRY(rt_grow(&wanted, &capacity, m->n_wanted + 1, sizeof *m->wanted, err));
        m->wanted = wanted;
        m->wanted[m->n_wanted] = rt_copy_text(line, stop - line, err);
        if (!m->wanted[m->n_wanted++]) RT_TRY(RT_ERR_MEMORY);
    }
    if (!m->n_wanted) RT_TRY(rt_fail(err, RT_ERR_FORMAT, m->options->list, 0, "the list is empty"));
    RT_TRY_ALLOC(m->wanted_found, m->n_wanted);
done:
    rt_map_close(&map);
    return status;
}

/* "1evv" of "1evv.cif.gz", upper case when it is an entry of the PDB. */
static void stem_of(char out[64], const char *name)
{
    int64_t n = (int64_t)strcspn(name, ".");
    snprintf(out, 64, "%.*s", (int)(n < 63 ? n : 63), name);
    if (n == 4 && isdigit((unsigned char)out[0]))
        for (char *c = out; *c; c++) *c = (char)toupper((unsigned char)*c);
}

/* Does the list want this file, or (opt_id) this target?  Names of files with or without endings, and targets; case
 * does not matter. */
static bool is_wanted(importer *m, const char *file, const char *opt_id)
{
    char stem[64];
    bool wanted = !m->wanted;
    stem_of(stem, file);
    size_t length = strlen(stem);
    for (int64_t i = 0; i < m->n_wanted; i++) {
        const char *line = m->wanted[i];
        bool whole = strcasecmp(line, file) == 0 || strcasecmp(line, stem) == 0;
        bool chain = opt_id ? strcasecmp(line, opt_id) == 0
                            : strncasecmp(line, stem, length) == 0 && line[length] == '_';
        if (!whole && !chain) continue;
        wanted = true;
        if (opt_id) m->wanted_found[i] = true;
    }
    return wanted;
}

rt_status rt_import_structures_plan(char **ret_plan, const rt_import_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    char **name = NULL, *root = realpath(options->folder, NULL), path[PATH_MAX], digest[RT_HASH_TEXT],
         list[RT_HASH_TEXT] = "";
    int64_t n = 0;
    rt_hash *hash = NULL;
    json_t *plan = NULL;
    *ret_plan = NULL;
    if (!root) return rt_fail(err, RT_ERR_IO, options->folder, 0, "cannot open: %s", strerror(errno));
    RT_TRY(list_folder(&name, &n, root, err));
    RT_TRY(rt_hash_create(&hash, err));
    for (int64_t i = 0; i < n; i++) {
        struct stat info = {0};
        rt_path_join(path, sizeof path, root, name[i]);
        stat(path, &info);
        int64_t numbers[2] = {info.st_size, (int64_t)info.st_mtime};
        rt_hash_add(hash, name[i], (int64_t)strlen(name[i]) + 1);
        rt_hash_add(hash, numbers, sizeof numbers);
    }
    rt_hash_finish(hash, digest);
    if (options->list) RT_TRY(rt_hash_file(list, NULL, options->list, err));
    plan = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s?, s:f, s:f, s:I, s:I}", "import", "structures", "folder", root,
                     "files", (json_int_t)n, "names_sizes_dates", digest, "list", list, "before", options->before,
                     "max_resolution", options->max_resolution, "min_completeness", options->min_completeness,
                     "max_breaks", (json_int_t)options->max_breaks, "max_models", (json_int_t)options->max_models);
    *ret_plan = rt_json_print(plan, err);
    if (!*ret_plan) status = RT_ERR_MEMORY;
done:
    json_decref(plan);
    rt_free_names(name, n);
    free(root);
    return status;
}

/* ---- one chain ---- */

/* The chain's atoms of one model into (L, RT_SLOT_COUNT, 3); *out_any: there was one. */
static rt_status fill_model(float *xyz, bool *out_any, const rt_structure *structure, const rt_polymer *polymer,
                            const rt_polymer_chain *chain, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *place = NULL;
    *out_any = false;
    RT_TRY_ALLOC(place, chain->n_residue);
    RT_TRY(rt_residue_place(place, structure, polymer, chain, file, err));
    for (int64_t i = 0; i < chain->n_residue; i++) {
        const rt_polymer_residue *residue = &polymer->residue[chain->first_residue + i];
        for (int64_t a = residue->first_atom; a < residue->first_atom + residue->n_atom; a++) {
            const rt_atom *atom = &structure->atom[polymer->atom[a]];
            int slot = rt_atom_slot_find(atom->name, (int64_t)strlen(atom->name));
            if (slot < 0) continue;
            for (int k = 0; k < 3; k++) xyz[(place[i] * RT_SLOT_COUNT + slot) * 3 + k] = (float)atom->xyz[k];
            *out_any = true;
        }
    }
done:
    free(place);
    return status;
}

/* A conformation per model that has the chain with the same sequence.  free() *ret_xyz. */
static rt_status fill_models(float **ret_xyz, int64_t *out_count, const importer *m, const rt_structure *structure,
                             const rt_polymer *first, const rt_polymer_chain *chain, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t models = structure->n_model, size = chain->length * RT_SLOT_COUNT * 3, total, n = 0;
    float *xyz = NULL;
    if (m->options->max_models && models > m->options->max_models) models = m->options->max_models;
    if (!rt_multiply(size, models, &total)) return rt_fail(err, RT_ERR_MEMORY, file, 0, "is too large");
    RT_TRY_ALLOC(xyz, total);
    for (int64_t i = 0; i < total; i++) xyz[i] = NAN;
    for (int32_t model = 0; model < models; model++) {
        rt_polymer other = {0};
        const rt_polymer *polymer = first;
        if (model > 0) RT_TRY(rt_polymer_build(&other, structure, model, err));
        if (model > 0) polymer = &other;
        for (int64_t c = 0; c < polymer->n_chain && status == RT_OK; c++) {
            bool any = false;
            if (strcmp(polymer->chain[c].label, chain->label) != 0 ||
                strcmp(polymer->chain[c].sequence, chain->sequence) != 0)
                continue;
            status = fill_model(xyz + n * size, &any, structure, polymer, &polymer->chain[c], file, err);
            n += any;
            break;
        }
        rt_polymer_free_members(&other);
        if (status != RT_OK) goto done;
    }
done:
    *ret_xyz = xyz;
    *out_count = n;
    return status;
}

static rt_status refuse(importer *m, const char *reason, const char *target, const char *file, const char *detail,
                        rt_err *err)
{
    return rt_import_note(m->writer, "refused", reason, target, RT_ORIGIN_STRUCTURES, file, 0, err, "%s", detail);
}

/* Why a chain is refused before its coordinates are looked at; "" when it is not. */
static const char *refusal(const importer *m, const rt_structure *structure, const rt_polymer_chain *chain,
                           const char *id, char *detail, int64_t size)
{
    int64_t bad = rt_import_bad_letter(chain->sequence);
    if (rt_dataset_writer_has(m->writer, id)) {
        char *source = rt_dataset_writer_source_of(m->writer, id);
        snprintf(detail, (size_t)size, "also in %s", source ? rt_path_name(source) : "");
        free(source);
        return "duplicate_target";
    }
    if (bad) {
        snprintf(detail, (size_t)size, "residue %lld of %lld has no parent among A, C, G and U", (long long)bad,
                 (long long)chain->length);
        return "unknown_residue";
    }
    if (m->options->before && structure->released[0] && strcmp(structure->released, m->options->before) >= 0) {
        snprintf(detail, (size_t)size, "%s is not before %s", structure->released, m->options->before);
        return "after_cutoff";
    }
    return "";
}

static rt_status import_chain(importer *m, const char *file, const char *path, const rt_structure *structure,
                              const rt_polymer *polymer, const rt_polymer_chain *chain, int64_t rank, rt_err *err)
{
    rt_status status = RT_OK;
    rt_target target = rt_target_empty();
    char id[96], stem[64], detail[256];
    float *xyz = NULL;
    bool refused;
    rt_err problem = {0};
    stem_of(stem, file);
    snprintf(id, sizeof id, "%s_%s", stem, chain->name);
    if (!is_wanted(m, file, id)) return RT_OK;
    const char *reason = refusal(m, structure, chain, id, detail, sizeof detail);
    if (reason[0]) return refuse(m, reason, id, path, detail, err);
    status = fill_models(&xyz, &target.n_conformation, m, structure, polymer, chain, path, &problem);
    if (status == RT_ERR_MISMATCH) RT_TRY(refuse(m, "label_mismatch", id, path, problem.what, err));
    else if (status != RT_OK && err) *err = problem;
    else if (!target.n_conformation) RT_TRY(refuse(m, "no_resolved_residue", id, path, "no atom has coordinates", err));
    if (status != RT_OK || problem.code || !target.n_conformation) goto done;
    target.number = rank;
    target.id = id;
    target.sequence = chain->sequence;
    target.length = chain->length;
    target.origin = RT_ORIGIN_STRUCTURES;
    target.cutoff = structure->released;
    target.description = structure->title;
    target.source = path;
    target.resolution = structure->resolution > 0 ? structure->resolution : NAN;
    target.n_slot = RT_SLOT_COUNT;
    target.slots = RT_SLOTS_ALL;
    RT_TRY(rt_import_filter(m->writer, m->options, &target, xyz, 0, &refused, err));
    if (refused) goto done;
    RT_TRY(rt_dataset_writer_add(m->writer, &target, xyz, err));
    if (m->options->before && !structure->released[0])
        RT_TRY(rt_import_note(m->writer, "kept", "no_date", id, RT_ORIGIN_STRUCTURES, path, 0, err,
                              "the file does not say when it was released"));
done:
    free(xyz);
    return status;
}

/* ---- all files ---- */

static rt_status import_file(importer *m, const char *root, int64_t number, rt_err *err)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    rt_structure structure = {0};
    rt_polymer polymer = {0};
    rt_err problem = {0};
    rt_path_join(path, sizeof path, root, m->name[number]);
    status = rt_structure_open(&structure, path, &problem);
    if (status == RT_ERR_MEMORY) {
        if (err) *err = problem;
        return status;
    }
    if (status != RT_OK)
        return rt_import_note(m->writer, "refused", "unreadable_file", "", RT_ORIGIN_STRUCTURES, path, problem.line,
                              err, "%s", problem.what);
    RT_TRY(rt_dataset_writer_source(m->writer, "structure", path, err));
    RT_TRY(rt_polymer_build(&polymer, &structure, 0, err));
    if (!polymer.n_chain) RT_TRY(refuse(m, "no_rna", "", path, "holds no RNA chain", err));
    for (int64_t c = 0; c < polymer.n_chain; c++)
        RT_TRY(import_chain(m, m->name[number], path, &structure, &polymer, &polymer.chain[c],
                            number * CHAINS_PER_FILE + c, err));
done:
    rt_polymer_free_members(&polymer);
    rt_structure_free_members(&structure);
    return status;
}

static rt_status checkpoint(importer *m, int64_t next, rt_err *err)
{
    rt_text state = {0};
    rt_text_add(&state, "%lld ", (long long)next);
    for (int64_t i = 0; i < m->n_wanted; i++) rt_text_add(&state, "%c", m->wanted_found[i] ? '1' : '0');
    rt_status status = state.failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory")
                                    : rt_dataset_writer_checkpoint(m->writer, state.data, err);
    rt_text_free(&state);
    return status;
}

static rt_status import_files(importer *m, const char *root, rt_err *err)
{
    rt_status status = RT_OK;
    double last = rt_clock();
    const char *state = rt_dataset_writer_state(m->writer), *found = strchr(state, ' ');
    int64_t next = strtoll(state, NULL, 10);
    for (int64_t i = 0; found && i < m->n_wanted && found[1 + i]; i++) m->wanted_found[i] = found[1 + i] == '1';
    rt_progress_start("file", m->n_name);
    for (; next < m->n_name; next++) {
        rt_progress_label("%s", m->name[next]);
        if (is_wanted(m, m->name[next], NULL)) RT_TRY(import_file(m, root, next, err));
        rt_progress_step(next + 1);
        bool stop = rt_stop_requested();
        if (!stop && rt_clock() - last < CHECKPOINT_SECONDS) continue;
        RT_TRY(checkpoint(m, next + 1, err));
        last = rt_clock();
        if (!stop) continue;
        rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; what was read is kept");
        RT_TRY(rt_hint(err, "run the same command again: it goes on where it stopped"));
    }
    rt_progress_end();
done:
    return status;
}

/* What the list names and no file has. */
static rt_status note_not_found(importer *m, rt_err *err)
{
    for (int64_t i = 0; i < m->n_wanted; i++) {
        if (m->wanted_found[i]) continue;
        rt_status status = rt_import_note(m->writer, "ignored", "not_found", m->wanted[i], RT_ORIGIN_STRUCTURES,
                                          m->options->list, i + 1, err, "no file or chain of that name");
        if (status != RT_OK) return status;
    }
    return RT_OK;
}

rt_status rt_import_structures(const rt_import_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    importer m = {.options = options};
    char *plan = NULL, *root = realpath(options->folder, NULL);
    if (!root) return rt_fail(err, RT_ERR_IO, options->folder, 0, "cannot open: %s", strerror(errno));
    RT_TRY(read_list(&m, err));
    RT_TRY(list_folder(&m.name, &m.n_name, root, err));
    RT_TRY(rt_import_structures_plan(&plan, options, err));
    RT_TRY(rt_dataset_writer_open(&m.writer, options->out, plan, err));
    if (rt_dataset_writer_state(m.writer)[0]) rt_info("going on with the unfinished import in %s", options->out);
    RT_TRY(import_files(&m, root, err));
    RT_TRY(note_not_found(&m, err));
    status = rt_dataset_writer_commit(m.writer, err);
    m.writer = NULL;
done:
    rt_dataset_writer_close(m.writer);
    rt_free_names(m.name, m.n_name);
    rt_free_names(m.wanted, m.n_wanted);
    free(m.wanted_found);
    free(plan);
    free(root);
    return status;
}
