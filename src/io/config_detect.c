#include "io/config_detect.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MAX_BLOCKS 1000   /* as in a configuration */

/* One dimension of one tensor is one size. */
typedef struct {
    size_t offset;          /* of the field in rt_config */
    const char *tensor;
    int ndim, axis;
} dimension;

/* The number of tensors of this name, with %lld counting from 0, is one size. */
typedef struct {
    size_t offset;
    const char *pattern;
} block_count;

#define FIELD(name) offsetof(rt_config, name)
#define ATOM_BLOCK ".atom_transformer.diffusion_transformer.blocks."
#define PAIR_BIAS "attention_pair_bias.linear_nobias_z.weight"

static const dimension DIMENSIONS[] = {
    {FIELD(c_s), "layernorm_s.weight", 1, 0},
    {FIELD(c_z), "layernorm_z_cycle.weight", 1, 0},
    {FIELD(c_s_inputs), "linear_no_bias_sinit.weight", 2, 1},
    {FIELD(c_atom), "input_embedder.atom_attention_encoder.linear_no_bias_ref_pos.weight", 2, 0},
    {FIELD(c_atompair), "input_embedder.atom_attention_encoder.linear_no_bias_d.weight", 2, 0},
    {FIELD(c_token_input), "input_embedder.atom_attention_encoder.linear_no_bias_q.weight", 2, 0},
    {FIELD(c_token), "diffusion_module.layernorm_a.weight", 1, 0},
    {FIELD(c_noise_embedding), "diffusion_module.diffusion_conditioning.fourier_embedding.w", 1, 0},
    {FIELD(c_hidden_mul), "pairformer_stack.blocks.0.tri_mul_out.linear_a_p.weight", 2, 0},
    {FIELD(no_heads_pair), "pairformer_stack.blocks.0.tri_att_start.linear.weight", 2, 0},
    {FIELD(input_atom_heads), "input_embedder.atom_attention_encoder" ATOM_BLOCK "0." PAIR_BIAS, 2, 0},
    {FIELD(template_heads), "template_embedder.pairformer_stack.blocks.0." PAIR_BIAS, 2, 0},
    {FIELD(template_bins), "template_embedder.linear_no_bias_d.weight", 2, 1},
    {FIELD(c_m), "msa_module.linear_no_bias_m.weight", 2, 0},
    {FIELD(pairformer_heads), "pairformer_stack.blocks.0." PAIR_BIAS, 2, 0},
    {FIELD(atom_encoder_heads), "diffusion_module.atom_attention_encoder" ATOM_BLOCK "0." PAIR_BIAS, 2, 0},
    {FIELD(transformer_heads), "diffusion_module.diffusion_transformer.blocks.0." PAIR_BIAS, 2, 0},
    {FIELD(atom_decoder_heads), "diffusion_module.atom_attention_decoder" ATOM_BLOCK "0." PAIR_BIAS, 2, 0},
    {FIELD(confidence_heads), "confidence_head.pairformer_stack.blocks.0." PAIR_BIAS, 2, 0},
    {FIELD(confidence_distance_bins), "confidence_head.linear_no_bias_d.weight", 2, 1},
    {FIELD(max_atoms_per_token), "confidence_head.plddt_weight", 3, 0},
    {FIELD(plddt_bins), "confidence_head.plddt_weight", 3, 2},
    {FIELD(pae_bins), "confidence_head.linear_no_bias_pae.weight", 2, 0},
    {FIELD(pde_bins), "confidence_head.linear_no_bias_pde.weight", 2, 0},
    {FIELD(distogram_bins), "distogram_head.linear.weight", 2, 0},
};

static const block_count BLOCKS[] = {
    {FIELD(input_atom_blocks), "input_embedder.atom_attention_encoder" ATOM_BLOCK "%lld." PAIR_BIAS},
    {FIELD(template_blocks), "template_embedder.pairformer_stack.blocks.%lld." PAIR_BIAS},
    {FIELD(msa_blocks), "msa_module.blocks.%lld.outer_product_mean_msa.linear_1.weight"},
    {FIELD(pairformer_blocks), "pairformer_stack.blocks.%lld." PAIR_BIAS},
    {FIELD(atom_encoder_blocks), "diffusion_module.atom_attention_encoder" ATOM_BLOCK "%lld." PAIR_BIAS},
    {FIELD(transformer_blocks), "diffusion_module.diffusion_transformer.blocks.%lld." PAIR_BIAS},
    {FIELD(atom_decoder_blocks), "diffusion_module.atom_attention_decoder" ATOM_BLOCK "%lld." PAIR_BIAS},
    {FIELD(confidence_blocks), "confidence_head.pairformer_stack.blocks.%lld." PAIR_BIAS},
    {FIELD(ribonanza_stack_blocks), "ribonanza_pairformer_stack.blocks.%lld." PAIR_BIAS},
};

static const dimension RIBONANZA[] = {
    {FIELD(ribonanza_ntoken), "ribonanza_net.encoder.weight", 2, 0},
    {FIELD(ribonanza_ninp), "ribonanza_net.encoder.weight", 2, 1},
    {FIELD(ribonanza_nclass), "ribonanza_net.decoder.weight", 2, 0},
    {FIELD(ribonanza_nhead), "ribonanza_net.transformer_encoder.0.pairwise2heads.weight", 2, 0},
    {FIELD(ribonanza_pairwise_dimension), "ribonanza_net.transformer_encoder.0.pairwise2heads.weight", 2, 1},
    {FIELD(ribonanza_dim_msa), "ribonanza_net.outer_product_mean.proj_down1.weight", 2, 0},
};

typedef struct {
    rt_config *config;
    rt_shape_lookup *lookup;
    void *user;
    const char *file;
    rt_err *err;
} detector;

static void set(detector *d, size_t offset, int64_t size) { memcpy((char *)d->config + offset, &size, sizeof size); }

static bool has(detector *d, const char *tensor)
{
    int ndim;
    int64_t dim[RT_MAX_DIMS];
    return d->lookup(d->user, tensor, &ndim, dim);
}

static rt_status read_dimension(detector *d, int64_t *out_size, const char *tensor, int ndim, int axis)
{
    int found;
    int64_t dim[RT_MAX_DIMS];
    if (!d->lookup(d->user, tensor, &found, dim))
        return rt_fail(d->err, RT_ERR_MISMATCH, d->file, 0,
                       "the tensor '%s' is missing, so the network's sizes are unknown", tensor);
    if (found != ndim)
        return rt_fail(d->err, RT_ERR_MISMATCH, d->file, 0, "the tensor '%s' has %d dimensions, %d were expected",
                       tensor, found, ndim);
    if (dim[axis] < 1) return rt_fail(d->err, RT_ERR_MISMATCH, d->file, 0, "the tensor '%s' is empty", tensor);
    *out_size = dim[axis];
    return RT_OK;
}

static rt_status read_dimensions(detector *d, const dimension *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t size;
        rt_status status = read_dimension(d, &size, list[i].tensor, list[i].ndim, list[i].axis);
        if (status != RT_OK) return status;
        set(d, list[i].offset, size);
    }
    return RT_OK;
}

static int64_t count_blocks(detector *d, const char *pattern)
{
    char name[256], *number = strstr(pattern, "%lld");
    RT_REQUIRE(number);
    for (int64_t n = 0; n < MAX_BLOCKS; n++) {
        snprintf(name, sizeof name, "%.*s%lld%s", (int)(number - pattern), pattern, (long long)n, number + 4);
        if (!has(d, name)) return n;
    }
    return MAX_BLOCKS;
}

/* A width that holds all heads side by side, divided by their number. */
static rt_status read_per_head(detector *d, int64_t *out_size, const char *tensor, int64_t heads)
{
    int64_t rows;
    rt_status status = read_dimension(d, &rows, tensor, 2, 0);
    if (status != RT_OK) return status;
    if (rows % heads != 0)
        return rt_fail(d->err, RT_ERR_MISMATCH, d->file, 0,
                       "the tensor '%s' has %lld rows, which %lld heads cannot share", tensor, (long long)rows,
                       (long long)heads);
    *out_size = rows / heads;
    return RT_OK;
}

/* in_features = (2 r_max + 2) + (2 r_max + 2) + 1 + (2 s_max + 2); s_max is the config's. */
static rt_status read_r_max(detector *d)
{
    const char *tensor = "relative_position_encoding.linear_no_bias.weight";
    int64_t columns;
    rt_status status = read_dimension(d, &columns, tensor, 2, 1);
    if (status != RT_OK) return status;
    int64_t rest = columns - 7 - 2 * d->config->s_max;
    if (rest < 0 || rest % 4 != 0)
        return rt_fail(
            d->err, RT_ERR_MISMATCH, d->file, 0,
            "the tensor '%s' has %lld columns, which fits no r_max when s_max is %lld (4 r_max + 2 s_max + 7)",
            tensor, (long long)columns, (long long)d->config->s_max);
    d->config->r_max = rest / 4;
    return RT_OK;
}

/* The last MSA block has no msa_stack, so that with one block the averaging's sizes are nowhere and do not matter. */
static rt_status read_msa(detector *d)
{
    rt_config *c = d->config;
    rt_status status = RT_OK;
    const char *heads = "msa_module.blocks.0.msa_stack.msa_pair_weighted_averaging.linear_no_bias_z.weight";
    const char *values = "msa_module.blocks.0.msa_stack.msa_pair_weighted_averaging.linear_no_bias_mv.weight";
    if (c->msa_blocks < 1) return RT_OK;
    RT_TRY(read_dimension(d, &c->msa_outer_product_hidden,
                          "msa_module.blocks.0.outer_product_mean_msa.linear_1.weight", 2, 0));
    if (c->msa_blocks < 2) return RT_OK;
    RT_TRY(read_dimension(d, &c->msa_averaging_heads, heads, 2, 0));
    RT_TRY(read_per_head(d, &c->msa_averaging_hidden, values, c->msa_averaging_heads));
done:
    return status;
}

static rt_status read_ribonanza(detector *d)
{
    rt_config *c = d->config;
    rt_status status = RT_OK;
    if (has(d, "ribonanza_net.encoder.weight")) {
        RT_TRY(read_dimensions(d, RIBONANZA, sizeof RIBONANZA / sizeof *RIBONANZA));
        c->ribonanza_nlayers = count_blocks(d, "ribonanza_net.transformer_encoder.%lld.pairwise2heads.weight");
        return RT_OK;
    }
    if (c->use_ribonanza) {
        rt_fail(d->err, RT_ERR_MISMATCH, d->file, 0,
                "holds no RibonanzaNet2 (no tensor 'ribonanza_net.encoder.weight')");
        return rt_hint(
            d->err,
            "give its folder with --ribonanza DIR, or say --no-ribonanza: the model is then no better than its "
            "templates");
    }
    /* without it, what remains in the checkpoint still tells what it would have to look like */
    if (has(d, "projection_sequence_features.0.weight"))
        RT_TRY(read_dimension(d, &c->ribonanza_ninp, "projection_sequence_features.0.weight", 2, 1));
    if (has(d, "projection_pairwise_features.0.weight"))
        RT_TRY(read_dimension(d, &c->ribonanza_pairwise_dimension, "projection_pairwise_features.0.weight", 2, 1));
    if (has(d, "layer_weights")) RT_TRY(read_dimension(d, &c->ribonanza_nlayers, "layer_weights", 1, 0));
done:
    return status;
}

rt_status rt_config_detect_shapes(rt_config *config, rt_shape_lookup *lookup, void *user, const char *file, rt_err *err)
{
    detector d = {config, lookup, user, file, err};
    rt_status status = RT_OK;
    RT_TRY(read_dimensions(&d, DIMENSIONS, sizeof DIMENSIONS / sizeof *DIMENSIONS));
    for (size_t i = 0; i < sizeof BLOCKS / sizeof *BLOCKS; i++)
        set(&d, BLOCKS[i].offset, count_blocks(&d, BLOCKS[i].pattern));
    RT_TRY(read_per_head(&d, &config->c_hidden_pair_att, "pairformer_stack.blocks.0.tri_att_start.mha.linear_q.weight",
                         config->no_heads_pair));
    RT_TRY(read_r_max(&d));
    RT_TRY(read_msa(&d));
    if (config->ribonanza_stack_blocks > 0)
        RT_TRY(read_dimension(&d, &config->ribonanza_stack_heads, "ribonanza_pairformer_stack.blocks.0." PAIR_BIAS, 2,
                              0));
    RT_TRY(read_ribonanza(&d));
done:
    return status;
}
