/* predict_inputs.c - what a target really gets: alignment, templates, chains; said in one line and in the record */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "feat/chains.h"
#include "predict_run.h"

static const rt_template *find_template(const rt_predict_run *r, const rt_input *input)
{
    return r->templates ? rt_template_file_find(r->templates, input->target) : NULL;
}

int64_t rt_predict_inputs_templates(const rt_predict_run *r, const rt_input *input)
{
    const rt_template *found = find_template(r, input);
    return found ? found->n_template : 0;
}

rt_status rt_predict_inputs_set_templates(const rt_predict_run *r, rt_input *input, int64_t template_idx, rt_err *err)
{
    const rt_predict_options *o = r->options;
    const rt_template *found = find_template(r, input);
    if (found && template_idx >= 0)
        return rt_input_set_templates(input, found->xyz, found->length, found->n_template, found->sequence, template_idx,
                                      o->template_missing, o->opt_templates, err);
    rt_input_clear_templates(input);
    if (o->no_template == RT_NO_TEMPLATE_REFERENCE) return RT_OK;
    float *zeros = rt_alloc(3 * input->length, sizeof *zeros, err);
    if (!zeros) return RT_ERR_MEMORY;
    rt_status status = rt_input_set_templates(input, zeros, input->length, 1, NULL, 0, RT_TEMPLATE_MISSING_ORIGIN, NULL, err);
    free(zeros);
    return status;
}

static json_t *describe_templates(const rt_predict_run *r, const rt_input *input, char *text, size_t size)
{
    if (input->template_file) {
        snprintf(text, size, "%lld template%s (%lld residues missing, %s)", (long long)input->n_template,
                 input->n_template == 1 ? "" : "s", (long long)input->n_template_missing,
                 r->options->template_missing == RT_TEMPLATE_MISSING_MASK ? "masked" : "at the origin");
        return json_pack("{s:s, s:I, s:I, s:s}", "file", input->template_file, "used", (json_int_t)input->n_template,
                         "residues_missing", (json_int_t)input->n_template_missing, "missing_are",
                         r->options->template_missing == RT_TEMPLATE_MISSING_MASK ? "masked" : "at the origin");
    }
    bool zeros = r->options->no_template == RT_NO_TEMPLATE_ZEROS;
    snprintf(text, size, zeros ? "NO template (zeros instead)" : "NO template (none, as the reference infers)");
    return json_pack("{s:n, s:i, s:s}", "file", "used", 0, "instead", zeros ? "zeros" : "reference");
}

static json_t *describe_msa(const rt_input *input, char *text, size_t size)
{
    if (input->n_msa == 0) {
        snprintf(text, size, "NO MSA");
        return json_null();
    }
    int used = snprintf(text, size, "MSA of %lld row%s", (long long)input->n_msa, input->n_msa == 1 ? "" : "s");
    if (input->msa_file_rows > input->n_msa)
        snprintf(text + used, size - (size_t)used, " (of %lld)", (long long)input->msa_file_rows);
    return json_pack("{s:s, s:I, s:I}", "file", input->msa_file, "rows", (json_int_t)input->n_msa, "rows_in_file",
                     (json_int_t)input->msa_file_rows);
}

/* Chains, when there is more to say than "one RNA": [{"asym_id", "entity", "length"}, ...] and what is not modelled. */
static void describe_chains(const rt_input *input, json_t *inputs)
{
    char partners[256];
    if (input->n_chain > 1) {
        json_t *chains = json_array();
        int64_t entities = 0;
        for (int64_t c = 0; c < input->n_chain; c++) {
            const rt_input_chain *chain = &input->chain[c];
            if (chain->entity >= entities) entities = chain->entity + 1;
            json_array_append_new(chains, json_pack("{s:I, s:I, s:I, s:I}", "chain", (json_int_t)c, "entity",
                                                    (json_int_t)chain->entity, "copy", (json_int_t)chain->copy, "length",
                                                    (json_int_t)chain->length));
        }
        json_object_set_new(inputs, "chains", chains);
        rt_info("%s: %lld RNA chains, %lld of them different", input->target, (long long)input->n_chain, (long long)entities);
    }
    rt_chains_print_partners(partners, sizeof partners, &input->partner);
    if (partners[0]) {
        rt_tame_text(partners);
        rt_info("%s: not modelled: %s", input->target, partners);
        json_object_set_new(inputs, "not_modelled", json_string(partners));
    }
    if (input->partner.unexplained) {
        rt_warn("%s: its all_sequences and stoichiometry do not add up to its sequence, which is folded as one chain",
                input->target);
        json_object_set_new(inputs, "chains_do_not_add_up", json_true());
    }
}

/* The largest set of templates stands for all in the line and the record; the passes take their parts of it. */
rt_status rt_predict_inputs_give(rt_predict_run *r, rt_input *input, json_t *record, rt_err *err)
{
    rt_status status = RT_OK;
    char msa[96], templates[128];
    const rt_predict_options *o = r->options;
    int64_t available = rt_predict_inputs_templates(r, input), most = -1;
    for (int i = 0; i < o->n_template_set; i++)
        if (o->template_idx[i] > most) most = o->template_idx[i];
    if (o->protocol == RT_PROTOCOL_RNAPRO) most = RT_SUBMISSION_MODELS - 1 < available ? RT_SUBMISSION_MODELS - 1 : available - 1;
    if (o->opt_msa_dir) RT_TRY(rt_input_load_msa(input, o->opt_msa_dir, err));
    RT_TRY(rt_predict_inputs_set_templates(r, input, available ? most : -1, err));
    json_t *inputs = json_object();
    json_object_set_new(record, "inputs", inputs);
    json_object_set_new(inputs, "msa", describe_msa(input, msa, sizeof msa));
    json_object_set_new(inputs, "templates", describe_templates(r, input, templates, sizeof templates));
    json_object_set_new(inputs, "ribonanzanet2", json_string(rt_ribonanza_source_name(r->report->ribonanza_source)));
    if (input->n_t_to_u) json_object_set_new(inputs, "t_read_as_u", json_integer(input->n_t_to_u));
    rt_info("%s: %lld nt, %s, %s, %s", input->target, (long long)input->length, msa, templates,
            r->report->ribonanza_source == RT_RIBONANZA_NONE ? "NO RibonanzaNet2" : "RibonanzaNet2");
    if (input->n_t_to_u) rt_warn("%s: %lld T read as U", input->target, (long long)input->n_t_to_u);
    describe_chains(input, inputs);
done:
    return status;
}
