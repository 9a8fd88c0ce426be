/* predict_files.c - what a target leaves behind: structures, scores, confidences, plots, and its rows of the submission */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/mmcif_writer.h"
#include "io/plot.h"
#include "io/safetensors.h"
#include "predict_run.h"

static const char CONFIDENCE[] = "confidence.safetensors";

static int64_t count_kept(const rt_samples *samples) { return samples->n < samples->keep ? samples->n : samples->keep; }

/* ---- mmCIF ---- */

/* Chains of the input under the names A, B, ...; free() what is returned. */
static rt_mmcif_chain *list_chains(const rt_input *input, rt_err *err)
{
    int64_t n = input->n_chain;
    rt_mmcif_chain *chain = rt_alloc(1, (size_t)(n * (int64_t)(sizeof *chain + 8) + input->length + n), err);
    if (!chain) return NULL;
    char *name = (char *)(chain + n), *letters = name + 8 * n;
    for (int64_t c = 0; c < n; c++, name += 8) {
        rt_mmcif_asym_id(name, c);
        memcpy(letters, input->sequence + input->chain[c].first, (size_t)input->chain[c].length);
        chain[c] = (rt_mmcif_chain){.asym_id = name, .sequence = letters};
        letters += input->chain[c].length + 1;
    }
    return chain;
}

rt_status rt_predict_mmcif(rt_text *out_text, const rt_input *input, const rt_features *features, rt_tensor xyz,
                           rt_tensor plddt, rt_err *err)
{
    /* IUPAC numbers of the elements that nucleotides have */
    static const char *const ELEMENTS[16] = {[0] = "H", [5] = "C", [6] = "N", [7] = "O", [14] = "P"};
    rt_status status = RT_OK;
    rt_mmcif_chain *chain = NULL;
    rt_mmcif_atom *atom;
    RT_TRY_ALLOC(atom, features->n_atom);
    chain = list_chains(input, err);
    if (!chain) RT_TRY(RT_ERR_MEMORY);
    for (int64_t a = 0; a < features->n_atom; a++) {
        const uint8_t *name = (const uint8_t *)features->ref_atom_name_chars.data + 4 * a;
        uint8_t element = ((const uint8_t *)features->ref_element.data)[a];
        if (element >= 16 || !ELEMENTS[element]) RT_BUG("an atom of element number %d in RNA", element + 1);
        atom[a].residue = ((const int64_t *)features->atom_to_token_idx.data)[a];
        snprintf(atom[a].element, sizeof atom[a].element, "%s", ELEMENTS[element]);
        for (int c = 0; c < 4 && name[c]; c++) atom[a].name[c] = (char)(name[c] + 32);
    }
    rt_mmcif_model model = {.target = input->target, .chain = chain, .n_chain = input->n_chain, .atom = atom,
                            .n_atom = features->n_atom, .xyz = xyz.data, .plddt = plddt.data};
    RT_TRY(rt_mmcif_print(out_text, &model, err));
done:
    free(chain);
    free(atom);
    return status;
}

/* ---- the submission ---- */

rt_status rt_predict_files_submit(rt_predict_run *r, const rt_input *input, const rt_features *features,
                                  const rt_samples *samples, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = features->n_token, kept = count_kept(samples);
    if (kept > RT_SUBMISSION_MODELS) kept = RT_SUBMISSION_MODELS;
    const float *model[RT_SUBMISSION_MODELS];
    float *c1;
    RT_TRY_ALLOC(c1, RT_SUBMISSION_MODELS * n * 3);
    for (int64_t m = 0; m < kept; m++) {
        for (int64_t i = 0; i < n; i++)
            memcpy(c1 + (m * n + i) * 3, samples->item[m].xyz + 3 * ((const int64_t *)features->centre_atom.data)[i],
                   3 * sizeof *c1);
        model[m] = c1 + m * n * 3;
    }
    RT_TRY(rt_submission_add(r->submission, input->target, input->sequence, model, kept, err));
done:
    free(c1);
    return status;
}

/* ---- scores ---- */

static void sample_name(char file[300], const char *target, int64_t rank, const char *ending)
{
    snprintf(file, 300, "%s_sample_%lld.%s", target, (long long)rank, ending);
}

static json_t *sample_record(const rt_predict_run *r, const rt_input *input, const rt_sample *s, int64_t rank, bool kept)
{
    char file[300];
    sample_name(file, input->target, rank, "cif");
    json_t *record = json_pack("{s:I, s:I, s:o, s:I, s:I, s:o, s:I, s:I}", "rank", (json_int_t)rank, "sample",
                               (json_int_t)s->origin.sample, "file", kept ? json_string(file) : json_null(), "seed",
                               (json_int_t)s->origin.seed, "trunk_pass", (json_int_t)s->origin.trunk_pass, "template_idx",
                               s->origin.template_idx < 0 ? json_null() : json_integer(s->origin.template_idx), "cycles",
                               (json_int_t)s->origin.n_cycle, "steps", (json_int_t)s->origin.n_step);
    const char *path = r->options->checkpoint[s->origin.checkpoint];
    json_object_set_new(record, "checkpoint", json_string(rt_path_name(path)));
    if (r->options->model.n_adapter > 0) {
        json_t *adapters = json_array();
        for (int i = 0; i < r->options->model.n_adapter; i++)
            json_array_append_new(adapters, json_string(r->options->model.adapter[i]));
        json_object_set_new(record, "adapters", adapters);
    }
    json_object_update(record, s->scores);
    return record;
}

/* ---- confidences and plots, on request ---- */

static rt_status write_confidence(const char *folder, const rt_input *input, const rt_features *features,
                                  const rt_samples *samples, rt_err *err)
{
    static const char *const NAMES[] = {"plddt", "pae", "pde", "contact_probs"};
    rt_status status = RT_OK;
    rt_safetensors_writer *writer = NULL;
    char path[4600], name[64];
    int64_t n = features->n_token, kept = count_kept(samples);
    rt_path_join(path, sizeof path, folder, CONFIDENCE);
    RT_TRY(rt_safetensors_create(&writer, path, err));
    RT_TRY(rt_safetensors_metadata(writer, "target", input->target, err));
    RT_TRY(rt_safetensors_metadata(writer, "units", "plddt 0..1 per atom in the mmCIF file's order; pae, pde Angstrom and "
                                   "contact_probs 0..1 per pair of residues", err));
    for (int declared = 0; declared < 2; declared++)
        for (int64_t k = 0; k < kept; k++)
            for (int i = 0; i < 4; i++) {
                const rt_sample *s = &samples->item[k];
                float *const data[] = {s->plddt, s->pae, s->pde, s->contacts};
                rt_tensor t = i == 0 ? RT_WRAP(data[i], RT_F32, features->n_atom) : RT_WRAP(data[i], RT_F32, n, n);
                snprintf(name, sizeof name, "sample_%lld.%s", (long long)k, NAMES[i]);
                RT_TRY(declared ? rt_safetensors_write(writer, t, err) : rt_safetensors_declare(writer, name, t, err));
            }
    status = rt_safetensors_commit(writer, err);
    return status;
done:
    rt_safetensors_abandon(writer);
    return status;
}

static rt_status write_plot(const char *folder, const rt_input *input, const rt_features *features, const rt_sample *s,
                            int64_t rank, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = features->n_token;
    char path[4600], file[300], title[300];
    float *residue, *count = NULL;
    rt_text text = {0};
    int64_t *ends = NULL;
    RT_TRY_ALLOC(residue, n);
    RT_TRY_ALLOC(count, n);
    RT_TRY_ALLOC(ends, input->n_chain);
    for (int64_t a = 0; a < features->n_atom; a++) {
        int64_t i = ((const int64_t *)features->atom_to_token_idx.data)[a];
        residue[i] += s->plddt[a];
        count[i]++;
    }
    for (int64_t i = 0; i < n; i++) residue[i] *= 100 / count[i];
    for (int64_t c = 0; c < input->n_chain; c++) ends[c] = input->chain[c].first + input->chain[c].length;
    snprintf(title, sizeof title, "%.200s, rank %lld", input->target, (long long)rank);
    RT_TRY(rt_plot_confidence(&text, title, residue, s->pae, n, ends, input->n_chain, err));
    sample_name(file, input->target, rank, "svg");
    rt_path_join(path, sizeof path, folder, file);
    RT_TRY(rt_write_text(path, text.data, text.length, err));
done:
    free(residue);
    free(count);
    free(ends);
    rt_text_free(&text);
    return status;
}

/* ---- all of it ---- */

/* An earlier run's files are not to stand among this one's: the ranks that it had and this one has not, what is not wanted
 * now, and what a killed run left half-written. */
static void remove_former(const char *folder, const char *target, int64_t kept, const rt_predict_options *o)
{
    char path[4600], file[300];
    int64_t removed = 0;
    rt_path_join(path, sizeof path, folder, RT_PREDICT_SUMMARY);
    remove(path);   /* it comes last: a folder without it is not finished */
    rt_path_join(path, sizeof path, folder, CONFIDENCE);
    if (!o->write_confidence && rt_file_exists(path)) remove(path);
    for (int64_t rank = o->write_plots ? kept : 0;; rank++) {
        sample_name(file, target, rank, "svg");
        rt_path_join(path, sizeof path, folder, file);
        if (!rt_file_exists(path) || remove(path) != 0) break;
    }
    for (int64_t rank = kept;; rank++) {
        sample_name(file, target, rank, "cif");
        rt_path_join(path, sizeof path, folder, file);
        if (!rt_file_exists(path) || remove(path) != 0) break;
        removed++;
    }
    if (removed) rt_info("%s: %lld structures of an earlier run with more samples are removed", target, (long long)removed);
    rt_predict_resume_sweep(folder);
}

static rt_status write_sample(const rt_predict_run *r, const char *folder, const rt_input *input, const rt_features *features,
                              const rt_sample *s, int64_t rank, json_t *files, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4600], file[300];
    rt_text text = {0};
    sample_name(file, input->target, rank, "cif");
    rt_path_join(path, sizeof path, folder, file);
    RT_TRY(rt_predict_mmcif(&text, input, features, RT_WRAP(s->xyz, RT_F32, features->n_atom, 3),
                            RT_WRAP(s->plddt, RT_F32, features->n_atom), err));
    RT_TRY(rt_write_text(path, text.data, text.length, err));
    json_array_append_new(files, json_string(file));
    if (r->options->write_plots) {
        RT_TRY(write_plot(folder, input, features, s, rank, err));
        sample_name(file, input->target, rank, "svg");
        json_array_append_new(files, json_string(file));
    }
done:
    rt_text_free(&text);
    return status;
}

rt_status rt_predict_files_write(rt_predict_run *r, const rt_input *input, const rt_features *features,
                                 const rt_samples *samples, const rt_predict_plan *plan, const char *key, json_t *record,
                                 rt_err *err)
{
    rt_status status = RT_OK;
    char folder[4096], path[4600];
    int64_t kept = count_kept(samples);
    json_t *list = json_array(), *files = json_array(), *summary = json_object();
    rt_path_join(folder, sizeof folder, r->options->out, input->target);
    RT_TRY(rt_make_folder(folder, err));
    remove_former(folder, input->target, kept, r->options);
    for (int64_t rank = 0; rank < kept; rank++)
        RT_TRY(write_sample(r, folder, input, features, &samples->item[rank], rank, files, err));
    if (r->options->write_confidence) {
        RT_TRY(write_confidence(folder, input, features, samples, err));
        json_array_append_new(files, json_string(CONFIDENCE));
    }
    rt_path_join(path, sizeof path, folder, RT_PREDICT_SUBMISSION);
    RT_TRY(rt_submission_write_target(r->submission, input->target, path, err));
    json_array_append_new(files, json_string(RT_PREDICT_SUBMISSION));
    for (int64_t rank = 0; rank < samples->n; rank++)
        json_array_append_new(list, sample_record(r, input, &samples->item[rank], rank, rank < kept));
    if ((int64_t)json_array_size(list) != samples->n)
        RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the scores"));
    json_object_set_new(record, "best_ranking_score", json_real(samples->item[0].ranking_score));
    json_object_set_new(record, "protocol", rt_predict_passes_json(r, plan));
    json_object_update(summary, record);
    json_object_set_new(summary, "inputs_sha256", json_string(key));
    json_object_set(summary, "files", files);
    json_object_set(summary, "samples", list);
    json_object_set(record, "samples", list);
    json_object_set_new(record, "folder", json_string(folder));
    rt_path_join(path, sizeof path, folder, RT_PREDICT_SUMMARY);
    RT_TRY(rt_json_save(summary, path, err));
done:
    json_decref(list);
    json_decref(files);
    json_decref(summary);
    return status;
}
