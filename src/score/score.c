#include "score/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/clash.h"
#include "score/inf.h"
#include "score/lddt.h"
#include "score/match.h"

enum { FEWEST = 3 };   /* resolved residues that a score needs */

/* ---- by alignment ---------------------------------------------------------------------------------------------- */

typedef struct {
    double *xyz;
    char *letters;
    int32_t *residue;      /* of each point */
    int64_t n;
} line;

/* A molecule's resolved residues, chain after chain. */
static rt_status build_line(line *out, const rt_molecule *m, const int32_t *opt_chains, rt_err *err)
{
    rt_status status = RT_OK;
    *out = (line){0};
    RT_TRY_ALLOC(out->xyz, 3 * m->n_residue);
    RT_TRY_ALLOC(out->letters, m->n_residue + 1);
    RT_TRY_ALLOC(out->residue, m->n_residue);
    for (int64_t c = 0; c < m->n_chain; c++) {
        const rt_molecule_chain *chain = &m->chain[opt_chains ? opt_chains[c] : c];
        for (int64_t r = chain->first; r < chain->first + chain->n; r++) {
            if (!m->residue[r].resolved) continue;
            memcpy(out->xyz + 3 * out->n, m->residue[r].xyz, 3 * sizeof *out->xyz);
            out->letters[out->n] = m->residue[r].letter;
            out->residue[out->n++] = (int32_t)r;
        }
    }
done:
    return status;
}

static void free_line(line *l)
{
    free(l->xyz);
    free(l->letters);
    free(l->residue);
}

static rt_status align(rt_tm_result *out, rt_tm *tm, const rt_molecule *native, const rt_molecule *model,
                       const rt_match *opt_match, rt_tm_search search, rt_err *err)
{
    rt_status status = RT_OK;
    line a = {0}, b = {0};
    int32_t *map = NULL, *start = NULL, *place = NULL;
    RT_TRY(build_line(&a, model, opt_match ? opt_match->chain_order : NULL, err));
    RT_TRY(build_line(&b, native, NULL, err));
    RT_TRY_ALLOC(map, b.n);
    RT_TRY_ALLOC(start, b.n);
    RT_TRY_ALLOC(place, model->n_residue);
    for (int64_t r = 0; r < model->n_residue; r++) place[r] = -1;
    for (int64_t i = 0; i < a.n; i++) place[a.residue[i]] = (int32_t)i;
    int32_t last = -1;
    for (int64_t j = 0; j < b.n; j++) {   /* pairs by number, as far as they are in order */
        int32_t r = opt_match ? opt_match->map[b.residue[j]] : -1, i = r < 0 ? -1 : place[r];
        start[j] = i > last ? i : -1;
        if (i > last) last = i;
    }
    rt_tm_chain x = {a.xyz, a.letters, a.n}, y = {b.xyz, b.letters, b.n};
    RT_TRY(rt_tm_align(tm, out, map, &x, &y, search, opt_match ? start : NULL, err));
done:
    free_line(&a);
    free_line(&b);
    free(map);
    free(start);
    free(place);
    return status;
}

/* ---- by number ------------------------------------------------------------------------------------------------- */

static rt_status score_number(rt_score_row *row, rt_tm *tm, const rt_molecule *native, const rt_molecule *model,
                              const rt_match *match, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tm_result result;
    double *x = NULL, *y = NULL;
    int64_t n = 0;
    RT_TRY_ALLOC(x, 3 * native->n_residue);
    RT_TRY_ALLOC(y, 3 * native->n_residue);
    for (int64_t r = 0; r < native->n_residue; r++) {
        if (match->map[r] < 0 || !native->residue[r].resolved || !model->residue[match->map[r]].resolved) continue;
        memcpy(x + 3 * n, model->residue[match->map[r]].xyz, 3 * sizeof *x);
        memcpy(y + 3 * n, native->residue[r].xyz, 3 * sizeof *y);
        n++;
    }
    RT_TRY(rt_tm_paired(tm, &result, &row->gdt_ts, x, y, n, native->n_resolved ? native->n_resolved : 1, err));
    row->tm_resid = result.score;
    row->rmsd = n >= FEWEST ? result.rmsd : NAN;
    row->n_paired = n;
done:
    free(x);
    free(y);
    return status;
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

/* Atoms of the native, and of each the model's, for lDDT. */
typedef struct {
    double *native, *model;
    bool *present;
    int32_t *residue;
    int64_t n;
} atoms;

static rt_status reserve_atoms(atoms *a, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    *a = (atoms){0};
    RT_TRY_ALLOC(a->native, 3 * n);
    RT_TRY_ALLOC(a->model, 3 * n);
    RT_TRY_ALLOC(a->present, n);
    RT_TRY_ALLOC(a->residue, n);
done:
    return status;
}

static void free_atoms(atoms *a)
{
    free(a->native);
    free(a->model);
    free(a->present);
    free(a->residue);
}

static void add_atom(atoms *a, const double *native, const double *opt_model, int64_t residue)
{
    memcpy(a->native + 3 * a->n, native, 3 * sizeof *native);
    if (opt_model) memcpy(a->model + 3 * a->n, opt_model, 3 * sizeof *native);
    a->present[a->n] = opt_model != NULL;
    a->residue[a->n++] = (int32_t)residue;
}

static rt_status lddt_both(double *out_15, double *out_30, const atoms *a, bool skip_residue_at_15, rt_err *err)
{
    rt_lddt_input input = {.native = a->native, .model = a->model, .opt_present = a->present, .n = a->n, .radius = 30};
    rt_status status = rt_lddt(out_30, &input, err);
    if (status != RT_OK) return status;
    input.radius = 15;
    if (skip_residue_at_15) input.opt_residue = a->residue;
    return rt_lddt(out_15, &input, err);
}

static rt_status score_lddt(rt_score_row *row, const rt_molecule *native, const rt_molecule *model,
                            const rt_match *match,
                            rt_err *err)
{
    rt_status status = RT_OK;
    atoms c1 = {0}, all = {0};
    RT_TRY(reserve_atoms(&c1, native->n_residue, err));
    RT_TRY(reserve_atoms(&all, native->n_atom, err));
    for (int64_t r = 0; r < native->n_residue; r++) {
        const rt_molecule_residue *residue = &native->residue[r];
        int32_t other = match->map[r];
        if (residue->resolved)
            add_atom(&c1, residue->xyz, other >= 0 && model->residue[other].resolved ? model->residue[other].xyz
                     : NULL, r);
        for (int64_t i = residue->first_atom; i < residue->first_atom + residue->n_atom; i++) {
            const rt_molecule_atom *there = other >= 0 ? rt_molecule_find(model, other, native->atom[i].name) : NULL;
            add_atom(&all, native->atom[i].xyz, there ? there->xyz : NULL, r);
        }
    }
    RT_TRY(lddt_both(&row->lddt_c1, &row->lddt_c1_30, &c1, false, err));
    if (native->n_atom && model->n_atom) RT_TRY(lddt_both(&row->lddt_all, &row->lddt_all30, &all, true, err));
done:
    free_atoms(&c1);
    free_atoms(&all);
    return status;
}

static rt_status score_contacts(rt_score_row *row, const rt_molecule *native, const rt_molecule *model,
                                const rt_match *match, rt_err *err)
{
    rt_status status = RT_OK;
    rt_contacts a = {0}, b = {0};
    rt_inf inf;
    if (!model->n_atom) return RT_OK;
    RT_TRY(rt_clash(&row->clash, NULL, model, err));
    if (!native->n_atom) return RT_OK;
    RT_TRY(rt_contacts_find(&a, native, err));
    RT_TRY(rt_contacts_find(&b, model, err));
    RT_TRY(rt_inf_compare(&inf, native, &a, model, &b, match->map, err));
    row->inf_all = inf.all;
    row->inf_wc = inf.wc;
    row->inf_nwc = inf.nwc;
    row->inf_stack = inf.stack;
done:
    rt_contacts_free_members(&a);
    rt_contacts_free_members(&b);
    return status;
}

static void fill_counts(rt_score_row *row, const rt_molecule *native, const rt_molecule *model, const rt_match *match)
{
    row->d0 = rt_tm_d0(native->n_resolved);
    row->length = native->length;
    row->n_native = native->n_resolved;
    row->n_model = model->n_resolved;
    row->n_chain = native->n_chain;
    row->n_missing = 0;
    for (int64_t r = 0; r < native->n_residue; r++)
        row->n_missing += native->residue[r].resolved && (match->map[r] < 0 || !model->residue[match->map[r]].resolved);
    snprintf(row->native, sizeof row->native, "%s", native->name);
    snprintf(row->chain_map, sizeof row->chain_map, "%.127s", match->chain_map.length ? match->chain_map.data : "");
}

static void add_notes(rt_text *notes, const rt_molecule *native, const rt_match *match)
{
    if (match->by_label)
        rt_text_add(notes, "residues are paired with %s by the native's polymer numbers; its authors' numbers do not fit\n",
                    native->name);
    if (match->shift)
        rt_text_add(notes, "the numbers are shifted; %d was added to pair them with %s\n", match->shift, native->name);
    if (match->n_different)
        rt_text_add(notes, "%lld paired residues have other letters than in %s\n", (long long)match->n_different,
                    native->name);
}

/* A table's model without chains takes the native's division when it has the same residues; else it stays. */
static const rt_molecule *divide_chains(rt_molecule *copy, const rt_molecule *model, const rt_molecule *native)
{
    if (model->n_chain != 1 || native->n_chain < 2 || model->n_residue != native->n_residue) return model;
    for (int64_t r = 0; r < model->n_residue; r++)
        if (model->residue[r].letter != native->residue[r].letter) return model;
    *copy = *model;
    copy->chain = native->chain;
    copy->n_chain = native->n_chain;
    return copy;
}

/* The conformations met so far. */
typedef struct {
    int64_t index;      /* of the best one by number; -1: none fitted */
    double top_align;
    rt_match match;     /* its */
} best;

static rt_status try_conformation(rt_score_row *row, rt_score_pose *pose, best *top, rt_tm *tm,
                                  const rt_molecule *native, int64_t index, const rt_molecule *model,
                                  const rt_score_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_match match = {0};
    rt_score_row here = *row;
    bool enough = model->n_resolved >= FEWEST && native->n_resolved >= FEWEST;
    RT_TRY(rt_match_build(&match, tm, native, model, err));
    if (options->align) {
        rt_tm_result result = {0};
        if (enough) RT_TRY(align(&result, tm, native, model, &match, options->search, err));
        if (result.score > top->top_align) {
            top->top_align = row->tm_align = result.score;
            *pose = (rt_score_pose){enough, result.rigid};
            row->n_aligned = result.n_aligned;
            row->rmsd_aligned = enough ? result.rmsd : NAN;
            snprintf(row->native_align, sizeof row->native_align, "%s", native->name);
        }
    }
    RT_TRY(score_number(&here, tm, native, model, &match, err));
    if (top->index < 0 || here.tm_resid > row->tm_resid) {
        top->index = index;
        row->tm_resid = here.tm_resid;
        row->rmsd = here.rmsd;
        row->gdt_ts = here.gdt_ts;
        row->n_paired = here.n_paired;
        rt_match_free_members(&top->match);
        top->match = match;
        match = (rt_match){0};
    }
done:
    rt_match_free_members(&match);
    return status;
}

rt_status rt_score_model(rt_score_row *out_row, rt_score_pose *out_pose, rt_tm *tm, const rt_molecule *native,
                         int64_t n_native, const rt_molecule *model, const rt_score_options *options,
                         rt_text *opt_notes, rt_err *err)
{
    rt_status status = RT_OK;
    best top = {.index = -1, .top_align = -1};
    rt_molecule divided;
    rt_score_row row = *out_row;
    bool refused = false;
    *out_pose = (rt_score_pose){0};
    row.n_reference = 0;
    for (int64_t k = 0; k < n_native; k++) {
        if (native[k].n_resolved == 0) continue;   /* a conformation that the table does not have */
        row.n_reference++;
        status = try_conformation(&row, out_pose, &top, tm, &native[k], k, divide_chains(&divided, model, &native[k]),
                                  options, err);
        if (status == RT_ERR_MISMATCH) refused = true;
        else RT_TRY(status);
    }
    status = RT_OK;
    if (top.index < 0) {
        status = refused ? RT_ERR_MISMATCH
                         : rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "the target has no resolved reference conformation");
        goto done;
    }
    const rt_molecule *of = &native[top.index];
    model = divide_chains(&divided, model, of);
    fill_counts(&row, of, model, &top.match);
    if (!options->number) row.tm_resid = NAN;
    if (options->details) {
        RT_TRY(score_lddt(&row, of, model, &top.match, err));
        RT_TRY(score_contacts(&row, of, model, &top.match, err));
    }
    if (opt_notes) add_notes(opt_notes, of, &top.match);
    *out_row = row;
done:
    rt_match_free_members(&top.match);
    return status;
}
