/* verify_loader.c - what the reference's training loader and label permutation gave, against ours
 *
 * The competition's tables in <golden>/raw/train_data are imported into a folder of their own, and a sample is built from
 * each target as training builds it.  Where the reference drew without saying what (the crop's start, four of the
 * file's templates, the conformers' rotations) the draw is looked for: the crop by its sequence, a template among
 * the file's, and a conformer by its distances, which no rotation changes.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "prep/import.h"
#include "train/permutation.h"
#include "train/sample.h"
#include "verify_internal.h"

enum { CROP = 40, MOST_RESIDUES = 4096 };
static const double TEMPLATE_BOUND = 0, FLOAT_BOUND = 1e-6, DISTANCE_BOUND = 2e-5; /* Angstrom; conformers are float32 */

typedef struct {
    const rt_verify_options *options;
    rt_verify_table *table;
    rt_err *err;
    rt_status status;
    rt_arena *arena;
    rt_dataset *set;
    rt_template_file *templates;
    rt_conformers conformers;
    rt_weights *golden;
    char name[64]; /* of the case */
} walk;

static void add(walk *w, const char *stage, const char *tensor, const char *measure, double error, double bound)
{
    if (!rt_verify_add(w->table, w->name, "input", stage, tensor, measure, error, bound, w->err))
        w->status = RT_ERR_MEMORY;
}

static rt_tensor recorded(walk *w, const char *name)
{
    const rt_weight *found = rt_weights_find(w->golden, name);
    if (found) return found->tensor;
    if (w->status == RT_OK)
        w->status = rt_fail(w->err, RT_ERR_FORMAT, rt_weights_path(w->golden), 0, "lacks '%s'", name);
    return RT_ABSENT;
}

static double largest_difference(rt_tensor a, rt_tensor b)
{
    double worst = 0;
    if (rt_count(a) != rt_count(b)) return INFINITY;
    for (int64_t i = 0; i < rt_count(a); i++) {
        double d = fabs(rt_get(a, i) - rt_get(b, i));
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

/* ---- one target ---------------------------------------------------------------------------------------------------
 */

/* Where in the sequence the recorded crop begins; -1: nowhere. */
static int64_t find_start(walk *w, const char *sequence, int64_t *out_count)
{
    rt_tensor restype = recorded(w, "restype");
    char crop[MOST_RESIDUES + 1] = {0};
    if (w->status != RT_OK || restype.dim[0] > MOST_RESIDUES) return -1;
    *out_count = restype.dim[0];
    for (int64_t i = 0; i < restype.dim[0]; i++)
        for (int k = 0; k < 4; k++)
            if (rt_get(restype, 32 * i + 21 + k) == 1) crop[i] = "AGCU"[k];
    const char *at = strstr(sequence, crop);
    return at ? at - sequence : -1;
}

/* Draws that begin the crop where the reference's did. */
static bool find_key(rt_draw_key *key, int64_t length, int64_t start)
{
    for (key->number = 0; key->number < 100000; key->number++)
        if (rt_draws_crop_start(key, length, CROP, 0) == start) return true;
    return false;
}

/* The distance of each atom from the one before it in its residue. */
static double conformer_error(const rt_features *f, rt_tensor golden)
{
    const int64_t *token = f->atom_to_token_idx.data;
    double worst = rt_count(golden) == rt_count(f->ref_pos) ? 0 : INFINITY;
    for (int64_t a = 1; a < f->n_atom && isfinite(worst); a++) {
        double ours = 0, theirs = 0;
        if (token[a] != token[a - 1]) continue;
        for (int d = 0; d < 3; d++) {
            ours += pow(rt_get(f->ref_pos, 3 * a + d) - rt_get(f->ref_pos, 3 * a - 3 + d), 2);
            theirs += pow(rt_get(golden, 3 * a + d) - rt_get(golden, 3 * a - 3 + d), 2);
        }
        worst = fmax(worst, fabs(sqrt(ours) - sqrt(theirs)));
    }
    return worst;
}

/* How far template t of (T,N,3) is from the nearest of the file's, or from zeros when none were drawn. */
static double template_error(const rt_sample *s, const rt_template *file, rt_tensor coords, int64_t t)
{
    int64_t n = s->features.n_token;
    double nearest = INFINITY;
    for (int64_t k = 0; k < (s->has_templates ? file->n_template : 1); k++) {
        double worst = 0;
        for (int64_t i = 0; i < n; i++)
            for (int d = 0; d < 3; d++) {
                double want = s->has_templates ? file->xyz[3 * ((s->start + i) * file->n_template + k) + d] : 0;
                worst = fmax(worst, fabs(rt_get(coords, 3 * (t * n + i) + d) - want));
            }
        nearest = fmin(nearest, worst);
    }
    return nearest;
}

static void compare_templates(walk *w, const rt_sample *s)
{
    const rt_template *file = rt_template_file_find(w->templates, s->target->id);
    rt_tensor golden = recorded(w, "template_coords"), mask = recorded(w, "template_coords_mask");
    rt_tensor n = recorded(w, "n_templates"), ours = s->features.template_coords;
    if (w->status != RT_OK) return;
    bool same = file && rt_count(golden) == rt_count(ours) && rt_get(n, 0) == (double)s->features.n_template;
    double worst = same ? 0 : INFINITY;
    for (int64_t t = 0; same && t < s->features.n_template; t++)
        worst = fmax(worst, fmax(template_error(s, file, golden, t), template_error(s, file, ours, t)));
    add(w, "loader", "template_coords", "abs", worst, TEMPLATE_BOUND);
    add(w, "loader", "template_coords_mask", "exact", largest_difference(s->features.template_coords_mask, mask), 0);
    add(w, "loader", "n_templates", "exact", fabs(rt_get(n, 0) - (double)s->features.n_template), 0);
}

static void compare_label(walk *w, const rt_sample *s)
{
    rt_tensor xyz = recorded(w, "coordinate"), mask = recorded(w, "coordinate_mask");
    if (w->status != RT_OK) return;
    double worst = rt_count(xyz) == 3 * s->label.n_atom ? 0 : INFINITY;
    for (int64_t i = 0; isfinite(worst) && i < rt_count(xyz); i++)
        if (rt_get(mask, i / 3) != 0) worst = fmax(worst, fabs(rt_get(s->label.coordinate, i) - rt_get(xyz, i)));
    add(w, "loader", "coordinate", "exact", worst, 0);
    add(w, "loader", "coordinate_mask", "exact", largest_difference(s->label.coordinate_mask, mask), 0);
}

static bool is_drawn(const char *name)
{
    return strncmp(name, "template_", 9) == 0 || strcmp(name, "n_templates") == 0 || strcmp(name, "ref_pos") == 0 ||
           strncmp(name, "coordinate", 10) == 0;
}

static void compare_features(walk *w, const rt_sample *s)
{
    for (int64_t i = 0; i < rt_weights_count(w->golden) && w->status == RT_OK; i++) {
        const rt_weight *want = rt_weights_at(w->golden, i);
        rt_tensor ours;
        rt_err why;
        if (is_drawn(want->name)) continue;
        rt_status status = rt_features_named(&ours, w->arena, &s->features, want->name, &why);
        add(w, "loader", want->name, "abs", status == RT_OK ? largest_difference(ours, want->tensor) : NAN, FLOAT_BOUND);
        if (status != RT_OK && w->status == RT_OK) w->table->row[w->table->n_row - 1].verdict = RT_VERDICT_NOT_COMPARED;
    }
    add(w, "loader", "ref_pos", "abs", conformer_error(&s->features, recorded(w, "ref_pos")), DISTANCE_BOUND);
}

static rt_status walk_target(walk *w, const rt_target *set_target)
{
    rt_status status = RT_OK;
    char path[PATH_MAX], msa[PATH_MAX];
    rt_target target = *set_target;
    rt_sample sample = {0};
    rt_draw_key key = {.seed = 1, .stream = rt_hash_text(target.id)};
    int64_t mark = rt_arena_mark(w->arena), count = 0;
    snprintf(w->name, sizeof w->name, "loader/%.50s", target.id);
    snprintf(path, sizeof path, "%s/dataset/%s.safetensors", w->options->golden, target.id);
    if (!rt_file_exists(path)) return RT_OK;
    RT_TRY(rt_weights_open(&w->golden, path, w->err));
    snprintf(msa, sizeof msa, "%s/raw/msa/%s.MSA.fasta", w->options->golden, target.id);
    if (rt_file_exists(msa)) target.msa = msa;
    int64_t start = find_start(w, target.sequence, &count);
    RT_TRY(w->status);
    bool found = start >= 0 && count == (target.length < CROP ? target.length : CROP) && find_key(&key, target.length, start);
    add(w, "loader", "crop", "exact", found ? 0 : NAN, 0);
    if (!found) goto done;
    double drawn = 0;
    rt_tensor coords = recorded(w, "template_coords");
    for (int64_t i = 0; i < rt_count(coords); i++) drawn = fmax(drawn, fabs(rt_get(coords, i)));
    rt_sample_options options = {.crop = CROP,
                                 .template_dropout = drawn > 0 ? 0 : 1,
                                 .template_missing = RT_TEMPLATE_MISSING_ORIGIN,
                                 .opt_templates = w->templates,
                                 .conformers = &w->conformers};
    RT_TRY(rt_sample_build(&sample, w->arena, &options, &target, &key, false, w->err));
    compare_features(w, &sample);
    compare_templates(w, &sample);
    compare_label(w, &sample);
    w->table->n_case++;
    status = w->status;
done:
    rt_sample_free_members(&sample);
    rt_weights_close(w->golden);
    w->golden = NULL;
    rt_arena_reset(w->arena, mark);
    return status;
}

/* ---- the set ------------------------------------------------------------------------------------------------------
 */

static rt_status import_tables(walk *w, char folder[PATH_MAX])
{
    rt_status status = RT_OK;
    char from[PATH_MAX], path[PATH_MAX], set[PATH_MAX];
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, PATH_MAX, "%s/rnatune-verify-XXXXXX", temporary && temporary[0] ? temporary : "/tmp");
    if (!mkdtemp(folder)) return rt_fail(w->err, RT_ERR_IO, folder, 0, "no folder can be made for the imported set");
    rt_path_join(from, sizeof from, w->options->golden, "raw/train_data");
    rt_path_join(set, sizeof set, folder, "set");
    rt_import_options options = {.folder = from, .out = set, .max_breaks = -1};
    RT_TRY(rt_import_kaggle(&options, w->err));
    RT_TRY(rt_dataset_open(&w->set, set, w->err));
    rt_path_join(path, sizeof path, from, "template_features.pt");
    RT_TRY(rt_template_file_open(&w->templates, path, w->err));
done:
    return status;
}

static int remove_entry(const char *path, const struct stat *what, int type, struct FTW *at)
{
    (void)what, (void)type, (void)at;
    return remove(path);
}

static rt_status walk_loader(walk *w)
{
    rt_status status = RT_OK;
    char folder[PATH_MAX] = "", path[PATH_MAX];
    rt_path_join(path, sizeof path, w->options->golden, "ccd_reference_conformers.json");
    RT_TRY(rt_conformers_read(&w->conformers, path, w->err));
    RT_TRY(import_tables(w, folder));
    for (int64_t i = 0; i < rt_dataset_count(w->set); i++) RT_TRY(walk_target(w, rt_dataset_at(w->set, i)));
done:
    rt_dataset_close(w->set);
    rt_template_file_close(w->templates);
    w->set = NULL, w->templates = NULL;
    if (folder[0]) nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return status;
}

/* ---- label permutation --------------------------------------------------------------------------------------------
 */

static rt_status walk_permutation(walk *w, const rt_features *features)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    rt_label label;
    int64_t mark = rt_arena_mark(w->arena);
    snprintf(w->name, sizeof w->name, "permutation");
    rt_path_join(path, sizeof path, w->options->golden, "dataset/permutation.safetensors");
    if (!rt_file_exists(path)) return RT_OK;
    RT_TRY(rt_weights_open(&w->golden, path, w->err));
    rt_tensor in = recorded(w, "label_in"), mask_in = recorded(w, "mask_in"), x = recorded(w, "x_mini");
    rt_tensor out = recorded(w, "label_out"), mask_out = recorded(w, "mask_out");
    RT_TRY(w->status);
    RT_TRY(rt_verify_label(&label, w->arena, in, mask_in, w->err));
    if (rt_count(mask_in) != features->n_atom || rt_count(x) != 3 * features->n_atom)
        RT_TRY(rt_fail(w->err, RT_ERR_FORMAT, path, 0, "is not of the training cases' target"));
    rt_permutation_match(&label, NULL, features, RT_VIEW(x, features->n_atom, 3));
    double worst = 0;
    for (int64_t i = 0; i < rt_count(out); i++)
        if (rt_get(mask_out, i / 3) != 0) worst = fmax(worst, fabs(rt_get(label.coordinate, i) - rt_get(out, i)));
    add(w, "permutation", "label_out", "exact", worst, 0);
    add(w, "permutation", "mask_out", "exact", largest_difference(label.coordinate_mask, mask_out), 0);
    w->table->n_case++;
    status = w->status;
done:
    rt_weights_close(w->golden);
    w->golden = NULL;
    rt_arena_reset(w->arena, mark);
    return status;
}

rt_status rt_verify_loader(rt_verify_table *table, const rt_verify_options *options, rt_arena *arena,
                           const rt_features *features, rt_err *err)
{
    rt_status status = RT_OK;
    const char *only = options->opt_case;
    walk w = {.options = options, .table = table, .err = err, .arena = arena};
    char path[PATH_MAX];
    rt_path_join(path, sizeof path, options->golden, "dataset");
    if (!rt_folder_exists(path)) return RT_OK;
    if (!only || strcmp(only, "loader") == 0) RT_TRY(walk_loader(&w));
    if (!only || strcmp(only, "permutation") == 0) RT_TRY(walk_permutation(&w, features));
done:
    return status;
}
