#include "io/mmcif_writer.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static const struct { char letter; const char *name; } COMPONENTS[] = {
    {'A', "ADENOSINE-5'-MONOPHOSPHATE"},
    {'C', "CYTIDINE-5'-MONOPHOSPHATE"},
    {'G', "GUANOSINE-5'-MONOPHOSPHATE"},
    {'N', "ANY 5'-MONOPHOSPHATE NUCLEOTIDE"},
    {'U', "URIDINE-5'-MONOPHOSPHATE"},
};
enum { N_COMPONENT = sizeof COMPONENTS / sizeof *COMPONENTS };

/* What the categories are written from. */
typedef struct {
    const rt_mmcif_model *model;
    int64_t n_residue, n_entity;
    int64_t *chain_length, *chain_entity, *entity_chain;   /* entity of a chain; first chain of an entity */
    int64_t *residue_chain, *residue_number;               /* (n_residue), numbers from 1 in each chain */
    double *residue_plddt;                                 /* mean over the residue's atoms, 0..1; NaN without atoms */
    double plddt;                                          /* mean over atoms */
    char entry[256];
} layout;

void rt_mmcif_asym_id(char out[8], int64_t chain)
{
    char digits[8];
    int n = 0;
    for (int64_t rest = chain; rest >= 0 && n < 7; rest = rest / 26 - 1) digits[n++] = (char)('A' + rest % 26);
    for (int i = 0; i < n; i++) out[i] = digits[n - 1 - i];
    out[n] = 0;
}

/* ---- what follows from the input ----------------------------------------------------------------------------- */

static void set_entry(char *out, size_t size, const char *target)
{
    size_t n = 0;
    for (; target[n] && n + 1 < size; n++) out[n] = target[n] > ' ' && target[n] < 0x7f ? target[n] : '_';
    if (!n) out[n++] = '_';
    out[n] = 0;
}

static rt_status check_letters(const rt_mmcif_chain *chain, rt_err *err)
{
    for (const char *p = chain->sequence; *p; p++) {
        bool known = false;
        for (int i = 0; i < N_COMPONENT; i++) known = known || COMPONENTS[i].letter == *p;
        if (!known)
            return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "residue %lld of chain %s is '%c', not one of A C G U N",
                           (long long)(p - chain->sequence + 1), chain->asym_id, *p);
    }
    return RT_OK;
}

static rt_status set_chains(layout *l, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_mmcif_model *model = l->model;
    RT_TRY_ALLOC(l->chain_length, model->n_chain);
    RT_TRY_ALLOC(l->chain_entity, model->n_chain);
    RT_TRY_ALLOC(l->entity_chain, model->n_chain);
    for (int64_t c = 0; c < model->n_chain; c++) {
        RT_TRY(check_letters(&model->chain[c], err));
        l->chain_length[c] = (int64_t)strlen(model->chain[c].sequence);
        l->n_residue += l->chain_length[c];
        int64_t entity = 0;
        while (entity < l->n_entity && strcmp(model->chain[l->entity_chain[entity]].sequence, model->chain[c].sequence))
            entity++;
        if (entity == l->n_entity) l->entity_chain[l->n_entity++] = c;
        l->chain_entity[c] = entity;
    }
done:
    return status;
}

static rt_status set_residues(layout *l, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_mmcif_model *model = l->model;
    int64_t *count = NULL;
    RT_TRY_ALLOC(l->residue_chain, l->n_residue);
    RT_TRY_ALLOC(l->residue_number, l->n_residue);
    RT_TRY_ALLOC(l->residue_plddt, l->n_residue);
    RT_TRY_ALLOC(count, l->n_residue);
    for (int64_t c = 0, r = 0; c < model->n_chain; c++)
        for (int64_t i = 0; i < l->chain_length[c]; i++, r++) {
            l->residue_chain[r] = c;
            l->residue_number[r] = i + 1;
        }
    for (int64_t a = 0; a < model->n_atom; a++) {
        const rt_mmcif_atom *atom = &model->atom[a];
        RT_REQUIRE(atom->residue >= 0 && atom->residue < l->n_residue);
        RT_REQUIRE(a == 0 || atom->residue >= model->atom[a - 1].residue);
        const float *x = model->xyz + 3 * a;
        if (!isfinite(x[0]) || !isfinite(x[1]) || !isfinite(x[2]) || !isfinite(model->plddt[a])) {
            int64_t r = atom->residue;
            status = rt_fail(err, RT_ERR_FORMAT, NULL, 0,
                             "%s: the prediction for atom %s of residue %lld, chain %s, is not a number", model->target,
                             atom->name, (long long)l->residue_number[r], model->chain[l->residue_chain[r]].asym_id);
            goto done;
        }
        l->residue_plddt[atom->residue] += model->plddt[a];
        l->plddt += model->plddt[a] / (double)model->n_atom;
        count[atom->residue]++;
    }
    for (int64_t r = 0; r < l->n_residue; r++) l->residue_plddt[r] /= (double)count[r];
done:
    free(count);
    return status;
}

static void free_layout(layout *l)
{
    free(l->chain_length);
    free(l->chain_entity);
    free(l->entity_chain);
    free(l->residue_chain);
    free(l->residue_number);
    free(l->residue_plddt);
}

/* ---- values -------------------------------------------------------------------------------------------------- */

/* A text without line ends as a CIF value, left-justified in `width`: quoted when a reader could take it for something
 * else.  Atom names hold ', so " is the first choice. */
static void add_word(rt_text *text, const char *word, int width)
{
    static const char *const RESERVED[] = {"data_", "loop_", "save_", "stop_", "global_"};
    bool quote = !word[0] || strchr("_#$;[]", word[0]) || strpbrk(word, " '\"");
    quote = quote || strcmp(word, ".") == 0 || strcmp(word, "?") == 0;
    for (int i = 0; i < 5; i++) quote = quote || strncasecmp(word, RESERVED[i], strlen(RESERVED[i])) == 0;
    int64_t begin = text->length;
    if (quote && strchr(word, '"')) rt_text_add(text, strchr(word, '\'') ? "\n;%s\n;\n" : "'%s' ", word);
    else rt_text_add(text, quote ? "\"%s\" " : "%s ", word);
    for (int64_t n = text->length - begin; n <= width && !text->failed; n++) rt_text_add(text, " ");
}

/* "-0.000" would be a surprise in a file that somebody compares. */
static void add_number(rt_text *text, double number, int width, int decimals)
{
    double smallest = 0.5 * pow(10, -decimals);
    rt_text_add(text, "%*.*f ", width, decimals, fabs(number) < smallest ? 0.0 : number);
}

static void end_category(rt_text *text) { rt_text_add(text, "#\n"); }

static void begin_loop(rt_text *text, const char *category, const char *const *item)
{
    rt_text_add(text, "loop_\n");
    for (; *item; item++) rt_text_add(text, "%s.%s\n", category, *item);
}
#define LOOP(text, category, ...) begin_loop((text), (category), (const char *const[]){__VA_ARGS__, NULL})

/* ---- categories ---------------------------------------------------------------------------------------------- */

/* A text field; the caller is at the start of a line and is so again afterwards. */
static void add_sequence(rt_text *text, const char *sequence)
{
    enum { WIDTH = 80 };
    int64_t length = (int64_t)strlen(sequence);
    rt_text_add(text, ";");
    for (int64_t at = 0; at < length; at += WIDTH) rt_text_add(text, "%.*s\n", WIDTH, sequence + at);
    rt_text_add(text, length ? ";\n" : "\n;\n");
}

static void add_entities(rt_text *text, const layout *l)
{
    const rt_mmcif_model *model = l->model;
    LOOP(text, "_entity", "id", "type", "pdbx_description", "pdbx_number_of_molecules");
    for (int64_t e = 0; e < l->n_entity; e++) {
        int64_t copies = 0;
        for (int64_t c = 0; c < model->n_chain; c++) copies += l->chain_entity[c] == e;
        rt_text_add(text, "%lld polymer ? %lld\n", (long long)e + 1, (long long)copies);
    }
    end_category(text);
    LOOP(text, "_entity_poly", "entity_id", "type", "nstd_linkage", "nstd_monomer", "pdbx_strand_id",
         "pdbx_seq_one_letter_code", "pdbx_seq_one_letter_code_can");
    for (int64_t e = 0; e < l->n_entity; e++) {
        rt_text_add(text, "%lld polyribonucleotide no no ", (long long)e + 1);
        const char *comma = "";
        for (int64_t c = 0; c < model->n_chain; c++) {
            if (l->chain_entity[c] != e) continue;
            rt_text_add(text, "%s%s", comma, model->chain[c].asym_id);
            comma = ",";
        }
        rt_text_add(text, "\n");
        add_sequence(text, model->chain[l->entity_chain[e]].sequence);
        add_sequence(text, model->chain[l->entity_chain[e]].sequence);
    }
    end_category(text);
    LOOP(text, "_entity_poly_seq", "entity_id", "num", "mon_id", "hetero");
    for (int64_t e = 0; e < l->n_entity; e++) {
        int64_t chain = l->entity_chain[e];
        for (int64_t i = 0; i < l->chain_length[chain]; i++)
            rt_text_add(text, "%lld %lld %c n\n", (long long)e + 1, (long long)i + 1, model->chain[chain].sequence[i]);
    }
    end_category(text);
}

static void add_chains(rt_text *text, const layout *l)
{
    const rt_mmcif_model *model = l->model;
    LOOP(text, "_struct_asym", "id", "entity_id", "pdbx_modified", "details");
    for (int64_t c = 0; c < model->n_chain; c++)
        rt_text_add(text, "%s %lld N ?\n", model->chain[c].asym_id, (long long)l->chain_entity[c] + 1);
    end_category(text);
    LOOP(text, "_chem_comp", "id", "type", "mon_nstd_flag", "name");
    for (int i = 0; i < N_COMPONENT; i++) {
        bool used = false;
        for (int64_t c = 0; c < model->n_chain; c++)
            used = used || strchr(model->chain[c].sequence, COMPONENTS[i].letter);
        if (used) rt_text_add(text, "%c \"RNA linking\" y \"%s\"\n", COMPONENTS[i].letter, COMPONENTS[i].name);
    }
    end_category(text);
}

static void add_elements(rt_text *text, const layout *l)
{
    const rt_mmcif_model *model = l->model;
    const char *seen[64];
    int n = 0;
    LOOP(text, "_atom_type", "symbol");
    for (int64_t a = 0; a < model->n_atom; a++) {
        int k = 0;
        while (k < n && strcmp(seen[k], model->atom[a].element)) k++;
        if (k < n || n == 64) continue;
        seen[n++] = model->atom[a].element;
        add_word(text, model->atom[a].element, 0);
        rt_text_add(text, "\n");
    }
    end_category(text);
}

static void add_quality(rt_text *text, const layout *l)
{
    LOOP(text, "_ma_qa_metric", "id", "mode", "name", "type", "description");
    rt_text_add(text, "1 global pLDDT pLDDT \"mean predicted lDDT over atoms, 0 to 100\"\n"
                      "2 local  pLDDT pLDDT \"mean predicted lDDT over the atoms of a residue, 0 to 100\"\n");
    end_category(text);
    rt_text_add(text, "_ma_qa_metric_global.ordinal_id   1\n_ma_qa_metric_global.model_id     1\n"
                      "_ma_qa_metric_global.metric_id    1\n_ma_qa_metric_global.metric_value ");
    add_number(text, l->model->n_atom ? 100 * l->plddt : 0, 0, 2);
    rt_text_add(text, "\n");
    end_category(text);
    LOOP(text, "_ma_qa_metric_local", "ordinal_id", "model_id", "label_asym_id", "label_seq_id", "label_comp_id",
         "metric_id", "metric_value");
    for (int64_t r = 0, ordinal = 1; r < l->n_residue; r++) {
        if (!isfinite(l->residue_plddt[r])) continue;   /* a residue without atoms */
        const rt_mmcif_chain *chain = &l->model->chain[l->residue_chain[r]];
        rt_text_add(text, "%lld 1 %s %lld %c 2 ", (long long)ordinal++, chain->asym_id, (long long)l->residue_number[r],
                    chain->sequence[l->residue_number[r] - 1]);
        add_number(text, 100 * l->residue_plddt[r], 6, 2);
        rt_text_add(text, "\n");
    }
    end_category(text);
}

static void add_atoms(rt_text *text, const layout *l)
{
    const rt_mmcif_model *model = l->model;
    LOOP(text, "_atom_site", "group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id",
         "label_asym_id", "label_entity_id", "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y", "Cartn_z",
         "occupancy", "B_iso_or_equiv", "pdbx_formal_charge", "auth_seq_id", "auth_comp_id", "auth_asym_id",
         "auth_atom_id", "pdbx_PDB_model_num");
    for (int64_t a = 0, id = 1, number_of = 1; model && !text->failed; id++, a++) {
        while (model && a >= model->n_atom) model = model->opt_next, a = 0, number_of++;
        if (!model) break;
        const rt_mmcif_atom *atom = &model->atom[a];
        int64_t chain = l->residue_chain[atom->residue], number = l->residue_number[atom->residue];
        char component = model->chain[chain].sequence[number - 1];
        const char *asym = model->chain[chain].asym_id;
        rt_text_add(text, "ATOM %-6lld ", (long long)id);
        add_word(text, atom->element, 2);
        add_word(text, atom->name, 6);
        rt_text_add(text, ". %c %s %lld %-4lld ? ", component, asym, (long long)l->chain_entity[chain] + 1,
                    (long long)number);
        for (int i = 0; i < 3; i++) add_number(text, model->xyz[3 * a + i], 8, 3);
        rt_text_add(text, "1.00 ");
        add_number(text, 100.0 * model->plddt[a], 6, 2);
        rt_text_add(text, "? %-4lld %c %s ", (long long)number, component, asym);
        add_word(text, atom->name, 6);
        rt_text_add(text, "%lld\n", (long long)number_of);
    }
    end_category(text);
}

rt_status rt_mmcif_print(rt_text *out_text, const rt_mmcif_model *model, rt_err *err)
{
    rt_status status = RT_OK;
    layout l = {.model = model};
    set_entry(l.entry, sizeof l.entry, model->target);
    RT_TRY(set_chains(&l, err));
    RT_TRY(set_residues(&l, err));
    rt_text_add(out_text, "data_%s\n#\n_entry.id ", l.entry);
    add_word(out_text, l.entry, 0);
    rt_text_add(out_text, "\n");
    end_category(out_text);
    add_entities(out_text, &l);
    add_chains(out_text, &l);
    add_elements(out_text, &l);
    add_quality(out_text, &l);
    add_atoms(out_text, &l);
    if (out_text->failed)
        status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the text of %s", model->target);
done:
    free_layout(&l);
    return status;
}

rt_status rt_mmcif_write(const char *path, const rt_mmcif_model *model, rt_err *err)
{
    rt_text text = {0};
    rt_status status = rt_mmcif_print(&text, model, err);
    if (status == RT_OK) status = rt_write_text(path, text.data, text.length, err);
    rt_text_free(&text);
    return status;
}
