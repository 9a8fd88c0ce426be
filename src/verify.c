#include "verify.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "fold.h"
#include "io/mmcif_writer.h"
#include "io/structure.h"
#include "io/template_file.h"
#include "pipeline.h"
#include "verify_internal.h"

/* ---- bounds (the reference's own noise is far below them) ---- */

/* In bf16 the trunk's rounding, amplified by a layer norm or a softmax over large logits, leaves the general bound behind
 * for these, end to end only; the reference under PyTorch's autocast does too (docs/precision.md has its figures). */
static const struct { const char *tensor; double bound; } BF16_END_TO_END[] = {
    {"diffusion_conditioning.z", 0.14}, {"out.pae", 0.065}, {"out.pde", 0.065}, {".contact_probs", 0.33}};

typedef struct { double stage, head, coordinate, score; } bounds;
static const bounds FP32 = {2e-4, 2e-4, 0.02, 1e-4}, BF16 = {2e-2, 4e-2, 0.5, 2e-2};
static const double FEATURE_BOUND = 1e-6, CIF_BOUND = 0.005, CIF_BOUND_BF16 = 0.5;

/* Which part of the network a recorded name belongs to: the first prefix that fits. */
static const struct { const char *prefix, *stage; bool head; } STAGES[] = {
    {"input_embedder", "input embedder", false},
    {"ribonanza.", "RibonanzaNet2", false},
    {"projection_", "RibonanzaNet2 injection", false},
    {"s_inputs", "s_inputs", false},
    {"s_init", "s_inputs", false},
    {"relative_position", "z_init", false},
    {"token_bond", "z_init", false},
    {"z_init", "z_init", false},
    {"template_embedder", "template", false},
    {"msa_module", "MSA", false},
    {"pairformer_stack", "pairformer", false},
    {"diffusion_conditioning", "diffusion conditioning", false},
    {"diffusion_module", "denoiser", true},
    {"x_denoised", "denoiser", true},
    {"x_noisy", "sampler", true},
    {"t_hat", "sampler", true},
    {"noise_schedule", "sampler", false},
    {"out.coordinate", "sampler", true},
    {"distogram", "distogram", true},
    {"confidence_head", "confidence head", true},
    {"out.", "confidence logits", true},
    {"full_data", "confidence scores", true},
    {"rand.", "random draws", false},
};

static int find_stage(const char *name)
{
    for (int i = 0; i < (int)(sizeof STAGES / sizeof *STAGES); i++)
        if (strncmp(name, STAGES[i].prefix, strlen(STAGES[i].prefix)) == 0) return i;
    return -1;
}

typedef struct {
    const rt_verify_options *options;
    rt_verify_table *table;
    rt_err *err;
    rt_status status;
    const bounds *bound;
    rt_model *model;
    rt_ctx *ctx;
    rt_conformers conformers;
    rt_inputs inputs;
    rt_template_file *templates;
    json_t *cases;

    /* the case at hand */
    const char *case_name, *mode;
    rt_weights *golden;
    bool fed;
    int64_t first_row;          /* rows of this case and mode begin here */
} verifier;

const char *rt_verdict_name(rt_verdict verdict)
{
    static const char *const NAMES[] = {"ok", "MISS", "NOT COMPARED"};
    return NAMES[verdict];
}

rt_verify_row *rt_verify_add(rt_verify_table *table, const char *case_name, const char *mode, const char *stage,
                             const char *tensor, const char *measure, double error, double bound, rt_err *err)
{
    void *rows = table->row;
    rt_status status = rt_grow(&rows, &table->capacity, table->n_row + 1, sizeof *table->row, err);
    table->row = rows;
    if (status != RT_OK) return NULL;
    rt_verify_row *row = &table->row[table->n_row++];
    *row = (rt_verify_row){.mode = mode, .measure = measure, .error = error, .bound = bound};
    snprintf(row->case_name, sizeof row->case_name, "%s", case_name);
    snprintf(row->stage, sizeof row->stage, "%s", stage);
    snprintf(row->tensor, sizeof row->tensor, "%s", tensor);
    row->verdict = error <= bound ? RT_VERDICT_OK : RT_VERDICT_MISS;   /* a NaN is a miss */
    return row;
}

static rt_verify_row *add_row(verifier *v, const char *stage, const char *tensor, const char *measure, double error,
                              double bound)
{
    rt_verify_row *row = rt_verify_add(v->table, v->case_name, v->mode, stage, tensor, measure, error, bound, v->err);
    if (!row) v->status = RT_ERR_MEMORY;
    return row;
}

/* The row of a tensor that is compared part by part; NULL the first time. */
static rt_verify_row *find_row(verifier *v, const char *tensor)
{
    for (int64_t i = v->table->n_row - 1; i >= v->first_row; i--)
        if (strcmp(v->table->row[i].tensor, tensor) == 0) return &v->table->row[i];
    return NULL;
}

static void merge_error(rt_verify_row *row, double error)
{
    if (!(error <= row->error)) row->error = error;
    if (!(row->error <= row->bound)) row->verdict = RT_VERDICT_MISS;
}

/* ---- measures ---- */

static double largest(rt_tensor t)
{
    double top = 0;
    for (int64_t i = 0; i < rt_count(t); i++) top = fmax(top, fabs(rt_get(t, i)));
    return top;
}

static double largest_difference(rt_tensor a, rt_tensor b)
{
    double top = 0;
    for (int64_t i = 0; i < rt_count(a); i++) {
        double d = fabs(rt_get(a, i) - rt_get(b, i));
        if (!(d <= top)) top = d;   /* a NaN stays */
    }
    return top;
}

/* Root mean square distance of points, in the same frame. */
static double point_rmsd(rt_tensor a, rt_tensor b)
{
    double sum = 0;
    for (int64_t i = 0; i < rt_count(a); i++) sum += (rt_get(a, i) - rt_get(b, i)) * (rt_get(a, i) - rt_get(b, i));
    return sqrt(sum * 3 / (double)rt_count(a));
}

static double bound_of(const verifier *v, const char *name, int stage)
{
    for (int i = 0; !v->fed && v->bound == &BF16 && i < (int)(sizeof BF16_END_TO_END / sizeof *BF16_END_TO_END); i++)
        if (strstr(name, BF16_END_TO_END[i].tensor)) return BF16_END_TO_END[i].bound;
    return stage >= 0 && STAGES[stage].head ? v->bound->head : v->bound->stage;
}

static void compare_stage(verifier *v, const char *name, rt_tensor ours, int64_t part, rt_tensor whole)
{
    int stage = find_stage(name);
    rt_tensor golden = part >= 0 ? rt_at(whole, part) : whole;
    double top = largest(whole), bound = bound_of(v, name, stage);
    const char *measure = "max/max";
    double error = INFINITY;
    if (rt_count(golden) == rt_count(ours)) {
        if (strcmp(name, "out.coordinate") == 0 || strstr(name, ".atom_coordinate")) {
            measure = "rmsd";
            bound = v->bound->coordinate;
            error = point_rmsd(ours, golden);
        } else {
            error = largest_difference(ours, golden) / (top > 0 ? top : 1);
        }
    }
    rt_verify_row *row = part > 0 ? find_row(v, name) : NULL;
    if (row) merge_error(row, error);
    else add_row(v, stage >= 0 ? STAGES[stage].stage : "other", name, measure, error, bound);
}

static void probe(void *user, rt_ctx *ctx, rt_tensor tensor, int64_t part, const char *name)
{
    (void)ctx;
    verifier *v = user;
    const rt_weight *golden = rt_weights_find(v->golden, name);
    if (!golden) return;
    compare_stage(v, name, tensor, part, golden->tensor);
    rt_tensor value = part >= 0 ? rt_at(golden->tensor, part) : golden->tensor;
    if (v->fed && rt_count(value) == rt_count(tensor))
        rt_convert(tensor.data, tensor.dtype, value.data, value.dtype, rt_count(tensor));
}

/* ---- features ---- */

static void compare_features(verifier *v, const rt_features *features, const rt_weights *golden)
{
    int64_t mark = rt_arena_mark(v->ctx->step);
    for (int64_t i = 0; i < rt_weights_count(golden) && v->status == RT_OK; i++) {
        const rt_weight *expected = rt_weights_at(golden, i);
        rt_tensor ours;
        bool whole = expected->tensor.dtype != RT_F32 && expected->tensor.dtype != RT_F64;
        rt_err unknown;
        if (rt_features_named(&ours, v->ctx->step, features, expected->name, &unknown) != RT_OK) {
            rt_verify_row *row = add_row(v, "features", expected->name, "exact", NAN, 0);
            if (row) row->verdict = RT_VERDICT_NOT_COMPARED;
            continue;
        }
        double error = rt_count(ours) == rt_count(expected->tensor) ? largest_difference(ours, expected->tensor) : INFINITY;
        add_row(v, "features", expected->name, whole ? "exact" : "abs", error, whole ? 0 : FEATURE_BOUND);
        rt_arena_reset(v->ctx->step, mark);
    }
}

/* ---- scores ---- */

static void compare_score(verifier *v, const char *name, const json_t *ours, const json_t *golden)
{
    char path[192];
    if (json_is_object(golden)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)golden, key, value) {
            snprintf(path, sizeof path, "%.120s.%s", name, key);
            compare_score(v, path, json_object_get(ours, key), value);
        }
    } else if (json_is_array(golden)) {
        for (size_t i = 0; i < json_array_size(golden); i++) {
            snprintf(path, sizeof path, "%.150s.%zu", name, i);
            compare_score(v, path, json_array_get(ours, i), json_array_get(golden, i));
        }
    } else if (json_is_boolean(golden)) {
        add_row(v, "summary scores", name, "exact", json_equal(ours, golden) ? 0 : 1, 0);
    } else {
        double a = ours && json_is_number(ours) ? json_number_value(ours) : NAN, b = json_number_value(golden);
        add_row(v, "summary scores", name, "relative", fabs(a - b) / fmax(fabs(b), 1e-12), v->bound->score);
    }
}

static void compare_summaries(verifier *v, const rt_fold_result *result, int64_t n_sample, const json_t *golden)
{
    const json_t *list = json_object_get(golden, "summary_confidence");
    for (int64_t s = 0; s < n_sample && v->status == RT_OK; s++) {
        char name[64], *text = rt_summary_json(&result->summary[s], v->err);
        json_t *ours = text ? json_loads(text, 0, NULL) : NULL;
        snprintf(name, sizeof name, "summary_confidence.%lld", (long long)s);
        compare_score(v, name, ours, json_array_get(list, (size_t)s));
        json_decref(ours);
        free(text);
    }
}

static void compare_full_data(verifier *v, const rt_fold_result *result, const rt_features *features, int64_t n_sample)
{
    int64_t mark = rt_arena_mark(v->ctx->step);
    rt_tensor polymer = RT_NEW_HOST(v->ctx, RT_I64, features->n_atom);
    if (!polymer.data) return;
    for (int64_t a = 0; a < features->n_atom; a++) ((int64_t *)polymer.data)[a] = 1;
    for (int64_t s = 0; s < n_sample; s++) {
        const struct { const char *name; rt_tensor tensor; } fields[] = {
            {"atom_plddt", result->summary[s].atom_plddt},
            {"token_pair_pae", result->summary[s].token_pair_pae},
            {"token_pair_pde", result->summary[s].token_pair_pde},
            {"contact_probs", result->contact_probs},
            {"atom_coordinate", rt_at(result->coordinate, s)},
            {"token_has_frame", features->has_frame},
            {"token_asym_id", features->asym_id},
            {"atom_to_token_idx", features->atom_to_token_idx},
            {"atom_is_polymer", polymer},
        };
        for (int i = 0; i < (int)(sizeof fields / sizeof *fields); i++) {
            char name[96];
            snprintf(name, sizeof name, "full_data.%lld.%s", (long long)s, fields[i].name);
            const rt_weight *golden = rt_weights_find(v->golden, name);
            if (golden) compare_stage(v, name, fields[i].tensor, -1, golden->tensor);
        }
    }
    rt_arena_reset(v->ctx->step, mark);
}

/* ---- the reference's own mmCIF ---- */

static void compare_structures(verifier *v, const char *name, const rt_structure *ours, const rt_structure *golden)
{
    double worst = ours->n_atom == golden->n_atom ? 0 : INFINITY, b_factor = worst, names = worst;
    for (int64_t i = 0; i < golden->n_atom && ours->n_atom == golden->n_atom; i++) {
        const rt_atom *a = &ours->atom[i], *b = &golden->atom[i];
        for (int x = 0; x < 3; x++) worst = fmax(worst, fabs(a->xyz[x] - b->xyz[x]));
        b_factor = fmax(b_factor, fabs((double)a->b_factor - (double)b->b_factor));
        names += strcmp(a->name, b->name) != 0 || strcmp(a->residue, b->residue) != 0 || a->label_number != b->label_number;
    }
    char tensor[160];
    snprintf(tensor, sizeof tensor, "%.120s: atoms and residues", name);
    add_row(v, "mmCIF", tensor, "exact", names, 0);
    snprintf(tensor, sizeof tensor, "%.120s: coordinates", name);
    add_row(v, "mmCIF", tensor, "abs", worst, v->bound == &FP32 ? CIF_BOUND : CIF_BOUND_BF16);
    snprintf(tensor, sizeof tensor, "%.120s: B factors", name);
    add_row(v, "mmCIF", tensor, "abs", b_factor, v->bound == &FP32 ? 0.0101 : 100 * v->bound->score);   /* two decimals */
}

static void compare_cif(verifier *v, const rt_input *input, const rt_features *features, const rt_fold_result *result,
                        int64_t n_sample)
{
    for (int64_t rank = 0; rank < n_sample && v->status == RT_OK; rank++) {
        char path[4096], name[160];
        snprintf(name, sizeof name, "%.60s.dump.%.60s_sample_%lld.cif", v->case_name, input->target, (long long)rank);
        snprintf(path, sizeof path, "%s/infer/%s", v->options->golden, name);
        if (!rt_file_exists(path)) continue;
        rt_structure golden = {0}, ours = {0};
        rt_text text = {0};
        rt_cif *cif = NULL;
        int64_t sample = result->order[rank];
        rt_status status = rt_structure_load(&golden, path, v->err);
        if (status == RT_OK)
            status = rt_predict_mmcif(&text, input, features, rt_at(result->coordinate, sample),
                                      result->summary[sample].atom_plddt, v->err);
        if (status == RT_OK) status = rt_cif_open(&cif, text.data, text.length, "our mmCIF", v->err);
        if (status == RT_OK) status = rt_structure_read(&ours, cif, 0, v->err);
        if (status == RT_OK) compare_structures(v, name, &ours, &golden);
        else v->status = status;
        rt_cif_close(cif);
        rt_text_free(&text);
        rt_structure_free_members(&golden);
        rt_structure_free_members(&ours);
    }
}

/* ---- one case ---- */

/* What the golden recorded and nothing was compared with: inputs aside, a miss. */
static void find_not_compared(verifier *v)
{
    for (int64_t i = 0; i < rt_weights_count(v->golden) && v->status == RT_OK; i++) {
        const char *name = rt_weights_at(v->golden, i)->name;
        if (strncmp(name, "rand.", 5) == 0 || find_row(v, name)) continue;
        int stage = find_stage(name);
        rt_verify_row *row = add_row(v, stage >= 0 ? STAGES[stage].stage : "other", name, "max/max", NAN, v->bound->stage);
        if (row) row->verdict = RT_VERDICT_NOT_COMPARED;
    }
}

static rt_status recorded_draws(verifier *v, rt_sampler_draws *out_draws, rt_tensor *out_rows, int64_t n_cycle)
{
    const struct { const char *name; rt_tensor *to; } draws[] = {{"rand.init_noise", &out_draws->init_noise},
                                                                 {"rand.rot", &out_draws->rotation},
                                                                 {"rand.trans", &out_draws->translation},
                                                                 {"rand.step_noise", &out_draws->step_noise}};
    for (int i = 0; i < 4; i++) {
        const rt_weight *w = rt_weights_find(v->golden, draws[i].name);
        if (!w) return rt_fail(v->err, RT_ERR_FORMAT, rt_weights_path(v->golden), 0, "lacks the draws '%s'", draws[i].name);
        *draws[i].to = w->tensor;
    }
    for (int64_t c = 0; c < n_cycle; c++) {
        char name[64] = "rand.msa_indices";
        if (c > 0) snprintf(name, sizeof name, "rand.msa_indices#%lld", (long long)c);
        const rt_weight *w = rt_weights_find(v->golden, name);
        if (!w) return rt_fail(v->err, RT_ERR_FORMAT, rt_weights_path(v->golden), 0, "lacks the draws '%s'", name);
        out_rows[c] = w->tensor;
    }
    return RT_OK;
}

static rt_status run_mode(verifier *v, const rt_input *input, const rt_features *features, const json_t *record, bool fed)
{
    rt_status status = RT_OK;
    int64_t n_cycle = 0, n_step = 0, n_sample = 0, mark = rt_arena_mark(v->ctx->step);
    rt_tensor *rows = NULL;
    rt_sampler_draws draws = {0};
    rt_fold_result result;
    const char *file = rt_weights_path(v->golden);
    v->fed = fed;
    v->mode = fed ? "fed" : "end-to-end";
    v->first_row = v->table->n_row;
    RT_TRY(rt_json_read_int(record, &n_cycle, NULL, "N_cycle", file, v->err));
    RT_TRY(rt_json_read_int(record, &n_step, NULL, "N_step", file, v->err));
    RT_TRY(rt_json_read_int(record, &n_sample, NULL, "N_sample", file, v->err));
    rows = rt_alloc(n_cycle, sizeof *rows, v->err);
    if (!rows) return RT_ERR_MEMORY;
    RT_TRY(recorded_draws(v, &draws, rows, n_cycle));
    rt_fold_options options = {.n_cycle = n_cycle, .n_step = n_step, .n_sample = n_sample, .opt_msa_rows = rows,
                               .opt_draws = &draws};
    v->ctx->probe = probe;
    v->ctx->probe_user = v;
    RT_TRY(rt_fold(v->ctx, v->model, features, &options, &result, v->err));
    compare_full_data(v, &result, features, n_sample);
    compare_summaries(v, &result, n_sample, record);
    if (!fed) compare_cif(v, input, features, &result, n_sample);
    find_not_compared(v);
    status = v->status;
done:
    v->ctx->probe = NULL;
    rt_arena_reset(v->ctx->step, mark);
    free(rows);
    return status;
}

static rt_status prepare_input(verifier *v, rt_input *input, const json_t *setting)
{
    rt_status status = RT_OK;
    char path[4096];
    const char *use = json_string_value(json_object_get(setting, "use_template"));
    if (json_is_true(json_object_get(setting, "msa"))) {
        rt_path_join(path, sizeof path, v->options->golden, "raw/msa");
        RT_TRY(rt_input_load_msa(input, path, v->err));
    }
    if (use && strcmp(use, "ca_precomputed") == 0) {
        const rt_template *entry = rt_template_file_find(v->templates, input->target);
        int64_t index = json_integer_value(json_object_get(setting, "template_idx"));
        rt_path_join(path, sizeof path, v->options->golden, "raw/template_features.pt");
        if (!entry) RT_TRY(rt_fail(v->err, RT_ERR_FORMAT, path, 0, "has no target '%s'", input->target));
        RT_TRY(rt_input_set_templates(input, entry->xyz, entry->length, entry->n_template, entry->sequence, index,
                                      RT_TEMPLATE_MISSING_ORIGIN, path, v->err));
    }
done:
    return status;
}

static rt_status run_case(verifier *v, const char *name, const json_t *setting)
{
    rt_status status = RT_OK;
    char path[4096];
    int64_t mark = rt_arena_mark(v->ctx->step);
    rt_weights *expected = NULL;
    json_t *record = NULL;
    rt_features features;
    const char *target = json_string_value(json_object_get(setting, "target"));
    rt_input *input = NULL;
    v->case_name = name;
    v->mode = "input";
    v->golden = NULL;
    v->first_row = v->table->n_row;
    for (int64_t i = 0; i < v->inputs.n_input; i++)
        if (target && strcmp(v->inputs.input[i].target, target) == 0) input = &v->inputs.input[i];
    if (!input)
        return rt_fail(v->err, RT_ERR_FORMAT, v->options->golden, 0, "raw/sequences.csv has no target of case '%s'", name);
    RT_TRY(prepare_input(v, input, setting));
    snprintf(path, sizeof path, "%s/features/%s.safetensors", v->options->golden, name);
    RT_TRY(rt_weights_open(&expected, path, v->err));
    const rt_weight *rotation = rt_weights_find(expected, "aug.rot"), *translation = rt_weights_find(expected, "aug.trans");
    if (!rotation || !translation || rotation->tensor.dtype != RT_F64 || translation->tensor.dtype != RT_F64 ||
        rt_count(rotation->tensor) != 9 * input->length || rt_count(translation->tensor) != 3 * input->length)
        RT_TRY(rt_fail(v->err, RT_ERR_FORMAT, path, 0, "lacks the recorded rotations aug.rot and aug.trans of %lld residues",
                       (long long)input->length));
    rt_ref_pos_draws draws = {rotation->tensor.data, translation->tensor.data};
    RT_TRY(rt_features_build(&features, v->ctx->step, input, &v->conformers, 0, &draws, v->err));
    compare_features(v, &features, expected);
    snprintf(path, sizeof path, "%s/infer_exact/%s.safetensors", v->options->golden, name);
    if (!rt_file_exists(path)) snprintf(path, sizeof path, "%s/infer/%s.safetensors", v->options->golden, name);
    RT_TRY(rt_weights_open(&v->golden, path, v->err));
    memcpy(path + strlen(path) - strlen("safetensors"), "json", sizeof "json");
    RT_TRY(rt_json_load(&record, path, v->err));
    for (int fed = 0; fed < 2; fed++) RT_TRY(run_mode(v, input, &features, record, fed));
    v->table->n_case++;
done:
    if (input) {
        rt_input_clear_templates(input);
        rt_input_clear_msa(input);
    }
    json_decref(record);
    rt_weights_close(expected);
    rt_weights_close(v->golden);
    v->golden = NULL;
    rt_arena_reset(v->ctx->step, mark);
    return status;
}

static rt_status open_folder(verifier *v)
{
    rt_status status = RT_OK;
    const char *folder = v->options->golden;
    char path[4096], config[4096], checkpoint[4096], ribonanza[4096];
    rt_path_join(path, sizeof path, folder, "cases.json");
    RT_TRY(rt_json_load(&v->cases, path, v->err));
    rt_path_join(checkpoint, sizeof checkpoint, folder, "tiny/tiny.pt");
    rt_path_join(config, sizeof config, folder, "tiny/tiny_config.json");
    rt_path_join(ribonanza, sizeof ribonanza, folder, "tiny/ribonanzanet2");
    rt_model_options options = {.checkpoint = checkpoint, .opt_ribonanza = rt_folder_exists(ribonanza) ? ribonanza : NULL,
                                .opt_config = config, .precision = v->options->precision, .real = v->ctx->real,
                                .opt_ctx = v->ctx};
    RT_TRY(rt_model_open(&v->model, &options, v->err));
    v->conformers = *rt_conformers_default();
    rt_path_join(path, sizeof path, folder, "ccd_reference_conformers.json");
    if (rt_file_exists(path)) RT_TRY(rt_conformers_read(&v->conformers, path, v->err));
    rt_path_join(path, sizeof path, folder, "raw/sequences.csv");
    RT_TRY(rt_inputs_read(&v->inputs, path, v->err));
    rt_path_join(path, sizeof path, folder, "raw/template_features.pt");
    RT_TRY(rt_template_file_open(&v->templates, path, v->err));
done:
    return status;
}

rt_status rt_verify_run(rt_verify_table *out_table, const rt_verify_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    *out_table = (rt_verify_table){0};
    verifier v = {.options = options, .table = out_table, .err = err,
                  .bound = options->precision == RT_PRECISION_FP32 ? &FP32 : &BF16};
    const char *name;
    json_t *setting;
    if (options->training) {
        status = rt_verify_training(out_table, options, err);
        goto count;
    }
    RT_TRY(rt_ctx_create(&v.ctx, options->backend, options->threads, rt_backend_memory(options->backend), err));
    RT_TRY(open_folder(&v));
    json_object_foreach(v.cases, name, setting) {
        if (options->opt_case && strcmp(options->opt_case, name) != 0) continue;
        RT_TRY(run_case(&v, name, setting));
    }
    if (out_table->n_case == 0)
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, options->golden, 0, options->opt_case ? "cases.json has no case '%s'" : "no cases%s",
                       options->opt_case ? options->opt_case : ""));
count:
    for (int64_t i = 0; i < out_table->n_row; i++) out_table->n_miss += out_table->row[i].verdict != RT_VERDICT_OK;
done:
    json_decref(v.cases);
    rt_template_file_close(v.templates);
    rt_inputs_free_members(&v.inputs);
    rt_model_close(v.model);
    rt_ctx_free(v.ctx);
    return status;
}

void rt_verify_free_members(rt_verify_table *table)
{
    free(table->row);
    *table = (rt_verify_table){0};
}
