#include "feat/crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static rt_status crop_text(char **out, const char *text, int64_t start, int64_t count, rt_err *err)
{
    if (!text) return RT_OK;
    *out = rt_copy_text(text + start, count, err);
    return *out ? RT_OK : RT_ERR_MEMORY;
}

/* Pointers and texts are one block, as io/msa makes them. */
static rt_status crop_msa(rt_input *out, const rt_input *input, int64_t start, int64_t count, rt_err *err)
{
    int64_t n = input->n_msa, pointers, texts;
    if (n == 0) return RT_OK;
    if (!rt_multiply(n, (int64_t)sizeof(char *), &pointers) || !rt_multiply(n, count + 1, &texts))
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "%lld MSA rows are too many", (long long)n);
    char *block = rt_alloc(pointers + texts, 1, err);
    if (!block) return RT_ERR_MEMORY;
    out->msa_row = (char **)block;
    char *at = block + pointers;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = (int64_t)strlen(input->msa_row[i]), have = length - start;
        have = have < 0 ? 0 : have > count ? count : have;
        out->msa_row[i] = at;
        if (have) memcpy(at, input->msa_row[i] + start, (size_t)have);
        at += have + 1;   /* zeroed by rt_alloc */
    }
    out->n_msa = n;
    out->msa_file_rows = input->msa_file_rows;
    return crop_text(&out->msa_file, input->msa_file, 0, -1, err);
}

static rt_status crop_templates(rt_input *out, const rt_input *input, int64_t start, int64_t count, rt_err *err)
{
    int64_t n = input->n_template, total;
    if (n == 0) return RT_OK;
    if (!rt_multiply(n, 3 * count, &total))
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "%lld templates are too many", (long long)n);
    out->template_xyz = rt_alloc(total, sizeof(float), err);
    if (!out->template_xyz) return RT_ERR_MEMORY;
    out->n_template = n;
    for (int64_t t = 0; t < n; t++)
        memcpy(out->template_xyz + 3 * t * count, input->template_xyz + 3 * (t * input->length + start),
               (size_t)(3 * count) * sizeof(float));
    for (int64_t i = 0; i < n * count; i++) out->n_template_missing += isnan(out->template_xyz[3 * i]) != 0;
    return crop_text(&out->template_file, input->template_file, 0, -1, err);
}

rt_status rt_crop_input(rt_input *out_input, const rt_input *input, int64_t start, int64_t count, rt_err *err)
{
    rt_status status = RT_OK;
    RT_REQUIRE(start >= 0 && count > 0 && start + count <= input->length);
    *out_input = (rt_input){.length = count, .n_t_to_u = input->n_t_to_u};
    RT_TRY(crop_text(&out_input->target, input->target, 0, -1, err));
    RT_TRY(crop_text(&out_input->sequence, input->sequence, start, count, err));
    RT_TRY(crop_text(&out_input->description, input->description, 0, -1, err));
    RT_TRY(crop_text(&out_input->all_sequences, input->all_sequences, 0, -1, err));
    RT_TRY(crop_msa(out_input, input, start, count, err));
    RT_TRY(crop_templates(out_input, input, start, count, err));
done:
    if (status != RT_OK) rt_input_free_members(out_input);
    return status;
}
