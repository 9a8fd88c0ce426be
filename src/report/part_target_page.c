/* part_target_page.c - one target: predictions over the native in 3D, pLDDT, expected errors, base pairs */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/vector.h"
#include "io/safetensors_read.h"
#include "io/structure.h"
#include "prep/annotation.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/parts.h"
#include "score/contacts.h"
#include "score/match.h"
#include "score/score.h"

static const char ATOM[] = "C1'";

/* One arm's sample, laid over the native as its TM-score by alignment was found. */
typedef struct {
    int arm;
    const rt_score_row *row;
    rt_molecule molecule;
    rt_annotation annotation;
    rt_match match;
    rt_rigid rigid;
    double tm_align, tm_resid, rmsd;
    double *plddt;                       /* (molecule.n_residue) 0 .. 100 */
} shown_model;

typedef struct {
    rt_molecule native;
    rt_annotation annotation;
    shown_model model[RT_REPORT_ARMS];
    int n_model;
} page;

static void free_page(page *p)
{
    for (int m = 0; m < p->n_model; m++) {
        rt_molecule_free_members(&p->model[m].molecule);
        rt_annotation_free_members(&p->model[m].annotation);
        rt_match_free_members(&p->model[m].match);
        free(p->model[m].plddt);
    }
    rt_annotation_free_members(&p->annotation);
    rt_molecule_free_members(&p->native);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* The mean B factor of each residue's atoms, in the file's order; NULL (no error) when they are not those of the
 * molecule. */
static rt_status read_plddt(double **ret_plddt, const rt_structure *s, const rt_molecule *molecule, rt_err *err)
{
    rt_status status = RT_OK;
    double *sum, *count = NULL;
    int64_t n = -1;
    RT_TRY_ALLOC(sum, molecule->n_residue);
    RT_TRY_ALLOC(count, molecule->n_residue);
    for (int64_t i = 0; i < s->n_atom; i++) {
        const rt_atom *a = &s->atom[i], *before = i ? a - 1 : NULL;
        if (!before || a->label_number != before->label_number || strcmp(a->label_chain, before->label_chain) != 0) n++;
        if (n >= molecule->n_residue) break;
        sum[n] += a->b_factor;
        count[n]++;
    }
    if (n + 1 == molecule->n_residue) {
        for (int64_t i = 0; i <= n; i++) sum[i] /= count[i];
        *ret_plddt = sum;
        sum = NULL;
    }
done:
    free(sum);
    free(count);
    return status;
}

static rt_status read_molecule(rt_molecule *out_molecule, rt_annotation *out_annotation, double **opt_plddt,
                               const char *path, rt_err *err)
{
    rt_structure structure;
    rt_status status = rt_structure_open(&structure, path, err);
    if (status != RT_OK) return status;
    RT_TRY(rt_molecule_build(out_molecule, &structure, 0, ATOM, path, err));
    RT_TRY(rt_annotation_build(out_annotation, out_molecule, NULL, err));
    if (opt_plddt) RT_TRY(read_plddt(opt_plddt, &structure, out_molecule, err));
done:
    rt_structure_free_members(&structure);
    return status;
}

static rt_status read_model(page *p, const rt_report_source *source, const rt_report_targets *t, int arm,
                            const char *target, rt_tm *tm, rt_err *err)
{
    rt_status status = RT_OK;
    shown_model *m = &p->model[p->n_model];
    rt_score_row row;
    rt_score_pose pose;
    rt_score_options options = {.atom = ATOM, .search = RT_TM_USALIGN, .align = true, .number = true, .threads = 1};
    char path[RT_REPORT_PATH];
    memset(m, 0, sizeof *m);
    m->arm = arm;
    m->row = rt_report_targets_pick(t, arm, target);
    if (!m->row) return rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "no scored sample of %s", t->arm[arm]);
    p->n_model++;
    rt_report_path(path, source, "predictions/%s/%s/%s/%s.cif", t->arm[arm], t->seed[arm], target, m->row->model);
    RT_TRY(read_molecule(&m->molecule, &m->annotation, &m->plddt, path, err));
    RT_TRY(rt_match_build(&m->match, tm, &p->native, &m->molecule, err));
    RT_TRY(rt_score_model(&row, &pose, tm, &p->native, 1, &m->molecule, &options, NULL, err));
    m->rigid = pose.rigid;
    if (!pose.known) m->rigid = (rt_rigid){.u = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    m->tm_align = row.tm_align;
    m->tm_resid = row.tm_resid;
    m->rmsd = row.rmsd;
done:
    if (status != RT_OK && p->n_model && &p->model[p->n_model - 1] == m) {   /* not shown */
        rt_molecule_free_members(&m->molecule);
        rt_annotation_free_members(&m->annotation);
        rt_match_free_members(&m->match);
        free(m->plddt);
        memset(m, 0, sizeof *m);
        p->n_model--;
    }
    return status;
}

/* ---- 3D ------------------------------------------------------------------------------------------------------ */

/* Tenths of an Angstrom, which the eye cannot tell from the whole. */
static void push(json_t *list, const double xyz[3], bool known)
{
    for (int k = 0; k < 3; k++) json_array_append_new(list, known ? json_integer(llround(xyz[k] * 10)) : json_null());
}

/* {"trace": [x, y, z, ...], "base": [...], "chain": [...]}: where the backbone goes (C4', else P, else the
 * representative atom), and the tip of each base. */
static json_t *trace_json(const rt_molecule *molecule, const rt_rigid *opt_rigid)
{
    json_t *trace = json_array(), *base = json_array(), *chain = json_array();
    for (int64_t i = 0; i < molecule->n_residue; i++) {
        const rt_molecule_residue *r = &molecule->residue[i];
        const rt_molecule_atom *atom = rt_molecule_find(molecule, i, "C4'");
        double at[3], tip[3], normal[3], moved[3];
        if (!atom) atom = rt_molecule_find(molecule, i, "P");
        memcpy(at, atom ? atom->xyz : r->xyz, sizeof at);
        bool known = atom || r->resolved, has_base = rt_base_plane(tip, normal, molecule, i);
        if (!has_base) memcpy(tip, r->xyz, sizeof tip);
        if (opt_rigid) {
            rt_superpose_apply(moved, opt_rigid, at);
            memcpy(at, moved, sizeof at);
            rt_superpose_apply(moved, opt_rigid, tip);
            memcpy(tip, moved, sizeof tip);
        }
        push(trace, at, known);
        push(base, tip, has_base || r->resolved);
        json_array_append_new(chain, json_integer(r->chain));
    }
    return json_pack("{s:o, s:o, s:o}", "trace", trace, "base", base, "chain", chain);
}

/* All atoms, for Mol*: {"letters", "numbers", "counts": of each residue; "names", "elements": the kinds of atoms; "name": the
 * kind of each atom; "xyz": hundredths of an Angstrom, each atom's less the one before}. */
static void add_atoms(json_t *part, const rt_molecule *molecule, const rt_rigid *opt_rigid)
{
    json_t *letters = json_array(), *numbers = json_array(), *counts = json_array(), *names = json_array(),
           *elements = json_array(), *name = json_array(), *xyz = json_array(), *kinds = json_object();
    long long before[3] = {0};
    for (int64_t i = 0; i < molecule->n_residue; i++) {
        const rt_molecule_residue *r = &molecule->residue[i];
        json_array_append_new(letters, json_sprintf("%c", r->letter));
        json_array_append_new(numbers, json_integer(r->number));
        json_array_append_new(counts, json_integer(r->n_atom));
        for (int64_t a = r->first_atom; a < r->first_atom + r->n_atom; a++) {
            const rt_molecule_atom *atom = &molecule->atom[a];
            double at[3];
            if (!json_object_get(kinds, atom->name)) {
                json_object_set_new(kinds, atom->name, json_integer((json_int_t)json_array_size(names)));
                json_array_append_new(names, json_string(atom->name));
                json_array_append_new(elements, json_sprintf("%c", atom->element == '?' ? 'C' : atom->element));
            }
            json_array_append(name, json_object_get(kinds, atom->name));
            if (opt_rigid) rt_superpose_apply(at, opt_rigid, atom->xyz);
            else memcpy(at, atom->xyz, sizeof at);
            for (int k = 0; k < 3; k++) {
                long long now = llround(at[k] * 100);
                json_array_append_new(xyz, json_integer(now - before[k]));
                before[k] = now;
            }
        }
    }
    json_object_set_new(part, "letters", letters);
    json_object_set_new(part, "numbers", numbers);
    json_object_set_new(part, "counts", counts);
    json_object_set_new(part, "names", names);
    json_object_set_new(part, "elements", elements);
    json_object_set_new(part, "name", name);
    json_object_set_new(part, "xyz", xyz);
    json_decref(kinds);
}

static void add_view(rt_text *out, const rt_report_targets *t, const page *p)
{
    json_t *models = json_array(), *native = trace_json(&p->native, NULL), *all;
    if (t->all_atoms) add_atoms(native, &p->native, NULL);
    for (int k = 0; k < p->n_model; k++) {
        const shown_model *m = &p->model[k];
        json_t *one = trace_json(&m->molecule, &m->rigid), *plddt = json_array();
        if (t->all_atoms) add_atoms(one, &m->molecule, &m->rigid);
        json_object_set_new(one, "arm", json_string(t->arm[m->arm]));
        json_object_set_new(one, "colour", json_integer(m->arm));
        for (int64_t i = 0; m->plddt && i < m->molecule.n_residue; i++)
            json_array_append_new(plddt, json_integer(llround(m->plddt[i])));
        json_object_set_new(one, "plddt", plddt);
        json_array_append_new(models, one);
    }
    all = json_pack("{s:o, s:o}", "native", native, "models", models);
    rt_text_add(out, "<figure class=\"view\"><div class=\"controls\"></div><canvas tabindex=\"0\" role=\"img\" "
                     "aria-label=\"predictions over the "
                     "native structure in three dimensions\"></canvas><figcaption class=\"legend\">drag: turn, wheel "
                     "or pinch: zoom, arrow keys "
                     "turn</figcaption><script type=\"application/json\">");
    rt_html_json(out, all);
    rt_text_add(out, "</script></figure>\n");
    json_decref(all);
}

/* ---- plots along the sequence -------------------------------------------------------------------------------- */

static rt_status add_profiles(rt_text *out, const rt_report_targets *t, const page *p, rt_err *err)
{
    rt_status status = RT_OK;
    rt_chart_series plddt[RT_REPORT_ARMS], away[RT_REPORT_ARMS];
    double *value[2 * RT_REPORT_ARMS + 1] = {NULL};
    int64_t longest = 0;
    int n_plddt = 0;
    for (int k = 0; k < p->n_model; k++)
        if (p->model[k].molecule.n_residue > longest) longest = p->model[k].molecule.n_residue;
    double **x = &value[2 * RT_REPORT_ARMS];
    RT_TRY_ALLOC(*x, longest);
    for (int64_t i = 0; i < longest; i++) (*x)[i] = (double)(i + 1);
    for (int k = 0; k < p->n_model; k++) {
        const shown_model *m = &p->model[k];
        int64_t n = m->molecule.n_residue;
        RT_TRY_ALLOC(value[2 * k], n);
        for (int64_t i = 0; i < n; i++) value[2 * k][i] = NAN;
        for (int64_t i = 0; i < p->native.n_residue; i++) {
            int32_t j = m->match.map[i];
            double moved[3];
            if (j < 0 || !p->native.residue[i].resolved || !m->molecule.residue[j].resolved) continue;
            rt_superpose_apply(moved, &m->rigid, m->molecule.residue[j].xyz);
            value[2 * k][j] = rt_distance(moved, p->native.residue[i].xyz);
        }
        rt_chart_series series = {
            .label = t->arm[m->arm], .x = *x, .n = n, .colour = m->arm, .line = true, .dashed = m->arm == 1};
        away[k] = series;
        away[k].y = value[2 * k];
        if (!m->plddt) continue;
        plddt[n_plddt] = series;
        plddt[n_plddt++].y = m->plddt;
    }
    rt_chart_draw(out, &(rt_chart){.title = "pLDDT",
                                   .x_label = "residue",
                                   .y_label = "pLDDT",
                                   .series = plddt,
                                   .n_series = n_plddt,
                                   .from_zero = true});
    rt_chart_draw(out, &(rt_chart){.title = "Distance from the native",
                                   .x_label = "residue",
                                   .y_label = "\xc3\x85, as laid over it",
                                   .series = away,
                                   .n_series = p->n_model,
                                   .from_zero = true});
done:
    for (int k = 0; k <= 2 * RT_REPORT_ARMS; k++) free(value[k]);
    return status;
}

/* ---- base pairs ---------------------------------------------------------------------------------------------- */

/* Canonical pairs by place in the model's numbering; opt_map: from the annotated molecule to it, -1 for none. */
static rt_status list_pairs(int64_t (**ret_pair)[2], int64_t *out_n, const rt_annotation *annotation,
                            const int32_t *opt_map, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t(*pair)[2], n = 0;
    RT_TRY_ALLOC(pair, annotation->contacts.n);
    for (int64_t c = 0; c < annotation->contacts.n; c++) {
        const rt_contact *contact = &annotation->contacts.contact[c];
        if (contact->kind != RT_CONTACT_CANONICAL) continue;
        int64_t i = opt_map ? opt_map[contact->i] : contact->i, j = opt_map ? opt_map[contact->j] : contact->j;
        if (i < 0 || j < 0) continue;
        pair[n][0] = i < j ? i : j;
        pair[n++][1] = i < j ? j : i;
    }
    *ret_pair = pair;
    *out_n = n;
done:
    return status;
}

static rt_status add_arcs(rt_text *out, const rt_report_targets *t, const page *p, rt_err *err)
{
    rt_status status = RT_OK;
    const shown_model *m = &p->model[p->n_model - 1];
    int64_t(*native)[2] = NULL, (*model)[2] = NULL;
    char title[120];
    rt_chart_arcs arcs = {.title = title, .length = m->molecule.n_residue};
    snprintf(title, sizeof title, "Canonical base pairs: native against %s", t->arm[m->arm]);
    RT_TRY(list_pairs(&native, &arcs.n_native, &p->annotation, m->match.map, err));
    RT_TRY(list_pairs(&model, &arcs.n_model, &m->annotation, NULL, err));
    arcs.native = (const int64_t(*)[2])native;
    arcs.model = (const int64_t(*)[2])model;
    rt_chart_draw_arcs(out, &arcs);
done:
    free(native);
    free(model);
    return status;
}

/* ---- expected errors ----------------------------------------------------------------------------------------- */

static rt_status add_errors(rt_text *out, const rt_report_source *source, const rt_report_targets *t, const page *p,
                            const char *target, rt_err *err)
{
    rt_status status = RT_OK;
    const shown_model *m = &p->model[p->n_model - 1];
    char path[RT_REPORT_PATH], name[64], title[200];
    rt_map map = {0};
    rt_safetensors *file = NULL;
    rt_err mine = {0};
    bool shown = false;
    rt_report_path(path, source, "predictions/%s/%s/%s/confidence.safetensors", t->arm[m->arm], t->seed[m->arm],
                   target);
    if (!rt_file_exists(path)) {
        rt_html_add(out,
                    "<figure class=\"chart\"><p class=\"missing\"><b>Not run:</b> the expected errors (PAE) of %s. Its "
                    "prediction has no "
                    "confidence.safetensors; 'rnatune predict --confidence' writes it.</p></figure>\n",
                    t->arm[m->arm]);
        return RT_OK;
    }
    RT_TRY(rt_map_open(&map, path, &mine));
    RT_TRY(rt_safetensors_open(&file, path, map.data, map.size, &mine));
    snprintf(name, sizeof name, "sample_%lld.pae", (long long)m->row->rank - 1);
    snprintf(title, sizeof title, "Expected error between residues (PAE): %s", t->arm[m->arm]);
    for (int64_t i = 0; i < rt_safetensors_count(file) && !shown; i++) {
        rt_tensor tensor = rt_safetensors_at(file, i);
        if (strcmp(rt_safetensors_name(file, i), name) != 0) continue;
        shown = tensor.dtype == RT_F32 && tensor.ndim == 2 && tensor.dim[0] == tensor.dim[1] && tensor.dim[0] > 0;
        if (shown) RT_TRY(rt_chart_draw_errors(out, title, tensor.data, tensor.dim[0], &mine));
    }
    if (!shown)
        rt_html_add(out,
                    "<figure class=\"chart\"><p class=\"missing\"><b>Not run:</b> the expected errors (PAE). "
                    "confidence.safetensors has no square table %s.</p></figure>\n",
                    name);
done:
    rt_safetensors_close(file);
    rt_map_close(&map);
    if (status == RT_ERR_MEMORY) *err = mine;
    else if (status != RT_OK) {
        rt_report_unread(out, "the expected errors (PAE)", &mine);
        status = RT_OK;
    }
    return status;
}

/* ---- the page ------------------------------------------------------------------------------------------------ */

static void add_samples(rt_text *out, const rt_report_targets *t, const page *p)
{
    rt_text_add(out, "<div class=\"scroll\"><table><thead><tr><th>arm</th><th>sample shown</th><th "
                     "class=\"n\">TM-score by alignment</th>"
                     "<th class=\"n\">by number</th><th class=\"n\">RMSD, \xc3\x85</th></tr></thead><tbody>\n");
    for (int k = 0; k < p->n_model; k++) {
        const shown_model *m = &p->model[k];
        rt_html_add(out, "<tr><td>%s</td><td>%s, %s, rank %lld</td>", t->arm[m->arm], t->seed[m->arm], m->row->model,
                    (long long)m->row->rank);
        rt_html_number(out, m->tm_align, 4);
        rt_html_number(out, m->tm_resid, 4);
        rt_html_number(out, m->rmsd, 2);
        rt_text_add(out, "</tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n");
}

static rt_status fill_page(rt_text *out, page *p, const rt_report_source *source, const rt_report_targets *t,
                           const char *target, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tm *tm = NULL;
    char path[RT_REPORT_PATH];
    rt_err mine = {0};
    rt_report_path(path, source, "held_out/test/natives/%s.cif", target);
    status = read_molecule(&p->native, &p->annotation, NULL, path, &mine);
    if (status != RT_OK) {
        if (status == RT_ERR_MEMORY) *err = mine;
        else rt_report_unread(out, "the native structure", &mine);
        return status == RT_ERR_MEMORY ? status : RT_OK;
    }
    RT_TRY(rt_tm_create(&tm, err));
    for (int a = 0; a < t->n_arm; a++) {
        rt_status one = read_model(p, source, t, a, target, tm, &mine);
        if (one == RT_ERR_MEMORY) {
            *err = mine;
            RT_TRY(one);
        }
        if (one != RT_OK) rt_report_unread(out, t->arm[a], &mine);
    }
    if (p->n_model == 0) goto done;
    add_samples(out, t, p);
    rt_text_add(out, "<div class=\"charts\">\n");
    add_view(out, t, p);
    RT_TRY(add_arcs(out, t, p, err));
    RT_TRY(add_profiles(out, t, p, err));
    RT_TRY(add_errors(out, source, t, p, target, err));
    rt_text_add(out, "</div>\n");
done:
    rt_tm_free(tm);
    return status;
}

rt_status rt_report_target_page(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                int64_t number, rt_err *err)
{
    const rt_report_target *one = &targets->target[number];
    page p = {0};
    rt_html_id(out, "<details class=\"target\" id=\"t-", one->name);
    rt_html_add(out, "\"><summary><b>%s</b> <span class=\"note\">%s", one->name, one->family);
    for (int a = 0; a < targets->n_arm; a++) rt_html_add(out, ", %s %.3f", targets->arm[a], one->value[a]);
    rt_text_add(out, "</span></summary>\n");
    rt_status status = fill_page(out, &p, source, targets, one->name, err);
    rt_text_add(out, "<p><a href=\"#targets\">back to all targets</a></p></details>\n");
    free_page(&p);
    return status;
}
