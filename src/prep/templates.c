#include "prep/templates.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "io/polymer.h"
#include "io/structure.h"
#include "io/torch_writer.h"
#include "prep/split.h"

/* ---- one target's templates -------------------------------------------------------------------------------------- */

typedef struct {
    const rt_templates_options *o;
    rt_torch_writer *writer;
    rt_template_list *list;
    rt_templates_counts *counts;
    rt_tm *tm;
    char structure_path[4400];
    rt_structure structure;          /* the last one that was opened, because hits of one entry follow one another */
    rt_polymer polymer;
    float *kept;                     /* (n_kept, L, 3) of the target in work */
    int64_t n_kept, capacity;
} work;

static void count_dropped(rt_templates_counts *c, const char *why)
{
    int64_t *count = !strcmp(why, "own_structure") ? &c->n_own : !strcmp(why, "after_cutoff") ? &c->n_late
                     : !strcmp(why, "no_date") ? &c->n_undated : !strcmp(why, "matches_answer") ? &c->n_answer
                     : !strcmp(why, "no_file") ? &c->n_no_file : !strcmp(why,
                         "no_match") ? &c->n_no_match : &c->n_too_many;
    ++*count;
}

static rt_status note(work *w, rt_template_row *row, const char *why, rt_err *err)
{
    snprintf(row->status, sizeof row->status, "%s", why ? why : "kept");
    row->number = why ? 0 : w->n_kept;
    if (why) count_dropped(w->counts, why);
    else w->counts->n_kept++;
    return rt_template_list_add(w->list, row, err);
}

/* What speaks against a template before its coordinates are known; NULL: nothing. */
static const char *forbidden(const work *w, const rt_target *t, const rt_template_row *row)
{
    if (strcmp(row->source, "-") == 0) return NULL;
    if (rt_template_is_own(t, row->source)) return "own_structure";
    return rt_template_obstacle(t, row->date, w->o->opt_cutoff);
}

/* Room for one more template's coordinates, all NaN. */
static rt_status next_place(work *w, float **ret, int64_t length, rt_err *err)
{
    void *kept = w->kept;
    rt_status status = rt_grow(&kept, &w->capacity, (w->n_kept + 1) * length * 3, sizeof *w->kept, err);
    w->kept = kept;
    if (status != RT_OK) return status;
    *ret = w->kept + w->n_kept * length * 3;
    for (int64_t i = 0; i < 3 * length; i++) (*ret)[i] = NAN;
    return RT_OK;
}

/* Judges the coordinates in the next place: keeps or drops the template. */
static rt_status take(work *w, const rt_target *t, rt_template_row *row, const float *xyz, rt_err *err)
{
    double tm, rmsd;
    int64_t n;
    for (int64_t r = 0; r < t->length; r++) row->residues += isfinite(xyz[3 * r]);
    rt_status status = rt_template_match(w->tm, &tm, &rmsd, &n, t, xyz, 3, 0.1, err);
    if (status != RT_OK) return status;
    if (n) row->tm = tm;
    if (!row->residues) return note(w, row, "no_match", err);
    if (rt_template_is_answer(tm, rmsd, n, w->o->template_tm)) return note(w, row, "matches_answer", err);
    if (w->n_kept == w->o->limit) return note(w, row, "too_many", err);
    w->n_kept++;
    return note(w, row, NULL, err);
}

static rt_status write_target(work *w, const rt_target *t, rt_err *err)
{
    rt_status status = RT_OK;
    float *xyz = NULL;
    int64_t columns = w->o->columns > w->n_kept ? w->o->columns : w->n_kept, length = t->length;
    if (!w->n_kept && !w->o->columns) return RT_OK;
    RT_TRY_ALLOC(xyz, length * columns * 3);
    for (int64_t r = 0; r < length; r++)
        for (int64_t k = 0; k < columns; k++)
            for (int d = 0; d < 3; d++)
                xyz[3 * (r * columns + k) + d] = k < w->n_kept ? w->kept[3 * (k * length + r) + d] : NAN;
    rt_torch_writer_text(w->writer, t->id);
    rt_torch_writer_dict(w->writer);
    rt_torch_writer_text(w->writer, "seq");
    rt_torch_writer_text(w->writer, t->sequence);
    rt_torch_writer_text(w->writer, "xyz");
    rt_torch_writer_array(w->writer, RT_WRAP(xyz, RT_F32, length, columns, 3));
    rt_torch_writer_end(w->writer);
    w->counts->n_target++;
done:
    free(xyz);
    return status;
}

/* ---- hits in structures ------------------------------------------------------------------------------------------ */

static bool find_structure(char *out, int64_t size, const char *folder, const char *source)
{
    static const char *const END[] = {".cif", ".cif.gz", ".pdb", ".pdb.gz"};
    for (int upper = 0; upper < 2; upper++)
        for (int e = 0; e < 4; e++) {
            char name[16];
            for (int i = 0; i < 4; i++)
                name[i] = (char)(upper ? toupper((unsigned char)source[i]) : tolower((unsigned char)source[i]));
            snprintf(name + 4, sizeof name - 4, "%s", END[e]);
            rt_path_join(out, size, folder, name);
            if (rt_file_exists(out)) return true;
        }
    return false;
}

static rt_status open_structure(work *w, const char *path, rt_err *err)
{
    if (strcmp(w->structure_path, path) == 0) return RT_OK;
    rt_polymer_free_members(&w->polymer);
    rt_structure_free_members(&w->structure);
    w->polymer = (rt_polymer){0};
    w->structure = (rt_structure){0};
    w->structure_path[0] = 0;
    rt_status status = rt_structure_open(&w->structure, path, err);
    if (status == RT_OK) status = rt_polymer_build(&w->polymer, &w->structure, 0, err);
    if (status == RT_OK) snprintf(w->structure_path, sizeof w->structure_path, "%s", path);
    return status;
}

static const rt_polymer_chain *find_chain(const rt_polymer *p, const char *name)
{
    for (int by_label = 0; by_label < 2; by_label++)
        for (int64_t c = 0; c < p->n_chain; c++)
            if (strcmp(by_label ? p->chain[c].label : p->chain[c].name, name) == 0) return &p->chain[c];
    return NULL;
}

static bool same_letter(char a, char b)
{
    a = (char)toupper((unsigned char)a), b = (char)toupper((unsigned char)b);
    return (a == 'T' ? 'U' : a) == (b == 'T' ? 'U' : b);
}

/* Puts each residue at its number + shift in the deposited sequence.  False when a letter is another there: PDB
 * files count
 * as their authors do, so the shift has to be found. */
static bool place_deposited(int64_t *residue, const rt_polymer *p, const rt_polymer_chain *chain, int64_t shift)
{
    for (int64_t i = 0; i < chain->length; i++) residue[i] = -1;
    for (int64_t r = chain->first_residue; r < chain->first_residue + chain->n_residue; r++) {
        int64_t at = p->residue[r].label_number + shift;
        if (at < 0 || at >= chain->length || residue[at] >= 0 ||
            p->residue[r].letter != chain->sequence[at]) return false;
        residue[at] = r;
    }
    return true;
}

/* Are these the hit's letters, place by place? */
static bool has_letters(const rt_template_hit *h, const char *letters, int64_t n)
{
    int64_t at = h->t_from - 1;
    if (h->t_to > n) return false;
    for (const char *c = h->t_row; *c; c++) {
        if (*c == '-') continue;
        if (!same_letter(*c, letters[at]) && letters[at] != 'N' && toupper((unsigned char)*c) != 'N') return false;
        at++;
    }
    return true;
}

/* residue[i]: which residue of the polymer is letter i (from 0) of the sequence that was searched, -1 unresolved.  That
 * was the deposited sequence or the residues that are there: whichever has the hit's letters.  False: neither. */
static bool place_residues(int64_t *residue, char *letters, const rt_polymer *p, const rt_polymer_chain *chain,
                           const rt_template_hit *h)
{
    int64_t n = chain->n_residue;
    if (chain->length > n && has_letters(h, chain->sequence, chain->length)) {
        if (place_deposited(residue, p, chain, -1)) return true;      /* numbers from 1, as in whole mmCIF files */
        for (int64_t first = 0; n && first < chain->length; first++)
            if (place_deposited(residue, p, chain, first - p->residue[chain->first_residue].label_number)) return true;
    }
    for (int64_t i = 0; i < n; i++) {
        residue[i] = chain->first_residue + i;
        letters[i] = p->residue[residue[i]].letter;
    }
    return has_letters(h, letters, n);
}

/* The hit's C1' at the target's residues; false when its letters are not the structure's. */
static rt_status fill_from_hit(work *w, float *xyz, bool *out_fits, const rt_target *t, const rt_template_hit *h,
                               rt_err *err)
{
    rt_status status = RT_OK;
    char *letters = NULL;
    int64_t *residue = NULL, q = h->q_from - 1, s = h->t_from - 1;
    const rt_polymer_chain *chain = find_chain(&w->polymer, h->source + 5);
    *out_fits = false;
    if (!chain || h->q_to > t->length) return RT_OK;
    RT_TRY_ALLOC(residue, chain->length + chain->n_residue + 1);
    RT_TRY_ALLOC(letters, chain->n_residue);
    *out_fits = place_residues(residue, letters, &w->polymer, chain, h);
    for (int64_t k = 0; *out_fits && h->q_row[k]; k++) {
        bool in_q = h->q_row[k] != '-', in_t = h->t_row[k] != '-';
        if (in_q && !same_letter(h->q_row[k], t->sequence[q])) *out_fits = false;
        if (in_q && in_t && residue[s] >= 0) {
            const rt_atom *atom = rt_polymer_atom(&w->polymer, &w->structure, residue[s], "C1'");
            for (int d = 0; atom && d < 3; d++) xyz[3 * q + d] = (float)atom->xyz[d];
        }
        q += in_q;
        s += in_t;
    }
done:
    free(residue);
    free(letters);
    return status;
}

static rt_status take_hit(work *w, const rt_target *t, const rt_template_hit *h, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4400];
    float *xyz;
    bool fits;
    const char *date = w->o->opt_dates ? rt_release_dates_find(w->o->opt_dates, h->source) : "-";
    rt_template_row row = {.target = (char *)(uintptr_t)t->id, .source = h->source, .date = (char *)(uintptr_t)date,
                           .evalue = h->evalue, .tm = NAN};
    const char *why = forbidden(w, t, &row);
    if (why) return note(w, &row, why, err);
    if (!find_structure(path, sizeof path, w->o->opt_structures, h->source)) return note(w, &row, "no_file", err);
    RT_TRY(open_structure(w, path, err));
    RT_TRY(next_place(w, &xyz, t->length, err));
    RT_TRY(fill_from_hit(w, xyz, &fits, t, h, err));
    status = fits ? take(w, t, &row, xyz, err) : note(w, &row, "no_match", err);
done:
    return status;
}

/* Has this chain come before among the target's hits?  The first, with the lowest E-value, counts. */
static bool is_repeat(const rt_template_hits *hits, int64_t first, int64_t i)
{
    for (int64_t k = first; k < i; k++)
        if (strcmp(hits->hit[k].source, hits->hit[i].source) == 0) return true;
    return false;
}

static rt_status from_hits(work *w, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_template_hits *hits = w->o->opt_hits;
    rt_progress_start("hit", hits->n);
    for (int64_t first = 0, next; first < hits->n; first = next) {
        const rt_target *t = rt_dataset_find(w->o->set, hits->hit[first].target);
        w->n_kept = 0;
        for (next = first; next < hits->n && strcmp(hits->hit[next].target, hits->hit[first].target) == 0; next++) {
            rt_progress_step(next);
            if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped"));
            if (t && !is_repeat(hits, first, next)) RT_TRY(take_hit(w, t, &hits->hit[next], err));
        }
        if (t) RT_TRY(write_target(w, t, err));
        else w->counts->n_unknown++;
    }
    rt_progress_end();
done:
    return status;
}

/* ---- a template CSV ---------------------------------------------------------------------------------------------- */

/* The k-th distinct chain among the target's hits, NULL when there are not so many. */
static const rt_template_hit *hit_of(const rt_template_hits *opt_hits, const char *target, int64_t k)
{
    for (int64_t i = 0, first = -1; opt_hits && i < opt_hits->n; i++) {
        if (strcmp(opt_hits->hit[i].target, target) != 0) continue;
        if (first < 0) first = i;
        if (!is_repeat(opt_hits, first, i) && k-- == 0) return &opt_hits->hit[i];
    }
    return NULL;
}

static rt_status take_column(work *w, const rt_target *t, const rt_template *e, int64_t k, rt_err *err)
{
    rt_status status = RT_OK;
    float *xyz;
    int64_t there = 0;
    const rt_template_hit *h = hit_of(w->o->opt_hits, t->id, k);
    const char *date = h && w->o->opt_dates ? rt_release_dates_find(w->o->opt_dates, h->source) : "-";
    rt_template_row row = {.target = (char *)(uintptr_t)t->id, .source = h ? h->source : (char *)(uintptr_t)"-",
                           .date = (char *)(uintptr_t)date, .evalue = h ? h->evalue : NAN, .tm = NAN};
    RT_TRY(next_place(w, &xyz, t->length, err));
    for (int64_t r = 0; r < t->length; r++) {
        const float *p = e->xyz + 3 * (r * e->n_template + k);
        if (!isfinite(p[0]) || (p[0] == 0 && p[1] == 0 && p[2] == 0)) continue;
        memcpy(xyz + 3 * r, p, 3 * sizeof *p);
        there++;
    }
    if (!there) return RT_OK;      /* an unused column */
    const char *why = forbidden(w, t, &row);
    status = why ? note(w, &row, why, err) : take(w, t, &row, xyz, err);
done:
    return status;
}

static rt_status from_file(work *w, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_template_file *file = w->o->opt_templates;
    rt_progress_start("target", rt_template_file_count(file));
    for (int64_t i = 0; i < rt_template_file_count(file); i++) {
        const rt_template *e = rt_template_file_at(file, i);
        const rt_target *t = rt_dataset_find(w->o->set, e->target);
        rt_progress_step(i);
        if (!t) {
            w->counts->n_unknown++;
            continue;
        }
        if (e->length != t->length || strcmp(e->sequence, t->sequence) != 0)
            RT_TRY(rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                           "the templates of '%s' are of another sequence than the set's",
                           t->id));
        w->n_kept = 0;
        for (int64_t k = 0; k < e->n_template; k++) RT_TRY(take_column(w, t, e, k, err));
        RT_TRY(write_target(w, t, err));
    }
    rt_progress_end();
done:
    return status;
}

rt_status rt_templates_write(const char *path, rt_template_list *out_list, rt_templates_counts *out_counts,
                             const rt_templates_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    work w = {.o = options, .list = out_list, .counts = out_counts};
    *out_list = (rt_template_list){0};
    *out_counts = (rt_templates_counts){0};
    RT_TRY(rt_tm_create(&w.tm, err));
    RT_TRY(rt_torch_writer_open(&w.writer, path, err));
    rt_torch_writer_dict(w.writer);
    RT_TRY(options->opt_templates ? from_file(&w, err) : from_hits(&w, err));
    rt_torch_writer_end(w.writer);
    rt_torch_writer *writer = w.writer;
    w.writer = NULL;
    status = rt_torch_writer_commit(writer, err);
done:
    rt_torch_writer_abandon(w.writer);
    rt_tm_free(w.tm);
    rt_polymer_free_members(&w.polymer);
    rt_structure_free_members(&w.structure);
    free(w.kept);
    if (status != RT_OK) rt_template_list_free_members(out_list);
    return status;
}
