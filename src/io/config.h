/* config.h - the network's sizes and the protocol's settings, from a preset, a file, or the weights themselves
 * Room: io.  Uses: base/json, base/yaml, io/weights.
 * Reference: configs/configs_base.py, configs/configs_model_type.py, pairwise.yaml of RibonanzaNet2
 *
 * Sizes (widths, heads, blocks) can all be read off the weights' shapes: rt_config_detect() does, and a config that
 * says otherwise is refused.  Settings (steps, gamma0, eta, bins' ranges) cannot, and come from the preset or file.
 */
#ifndef RT_IO_CONFIG_H
#define RT_IO_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/weights.h"

/* RT_SIZE(field, "path in the reference's config, or NULL when it is a Python default there", value in rnapro_base) */
#define RT_CONFIG_SIZES                                                                          \
    RT_SIZE(c_s, "c_s", 384)                                                                     \
    RT_SIZE(c_z, "c_z", 128)                                                                     \
    RT_SIZE(c_s_inputs, "c_s_inputs", 449)                                                       \
    RT_SIZE(c_atom, "c_atom", 128)                                                               \
    RT_SIZE(c_atompair, "c_atompair", 16)                                                        \
    RT_SIZE(c_token_input, "c_token", 384)                                                       \
    RT_SIZE(c_token, "model.diffusion_module.c_token", 768)                                      \
    RT_SIZE(c_noise_embedding, NULL, 256)                                                        \
    RT_SIZE(c_hidden_mul, NULL, 128)                                                             \
    RT_SIZE(c_hidden_pair_att, NULL, 32)                                                         \
    RT_SIZE(no_heads_pair, NULL, 4)                                                              \
    RT_SIZE(input_atom_blocks, NULL, 3)                                                          \
    RT_SIZE(input_atom_heads, NULL, 4)                                                           \
    RT_SIZE(template_blocks, "model.template_embedder.n_blocks", 2)                              \
    RT_SIZE(template_heads, NULL, 16)                                                            \
    RT_SIZE(template_bins, NULL, 39)                                                             \
    RT_SIZE(c_m, "model.msa_module.c_m", 64)                                                     \
    RT_SIZE(msa_blocks, "model.msa_module.n_blocks", 4)                                          \
    RT_SIZE(msa_outer_product_hidden, NULL, 32)                                                  \
    RT_SIZE(msa_averaging_hidden, NULL, 8)                                                       \
    RT_SIZE(msa_averaging_heads, NULL, 8)                                                        \
    RT_SIZE(pairformer_blocks, "model.pairformer.n_blocks", 48)                                  \
    RT_SIZE(pairformer_heads, "model.pairformer.n_heads", 16)                                    \
    RT_SIZE(atom_encoder_blocks, "model.diffusion_module.atom_encoder.n_blocks", 3)              \
    RT_SIZE(atom_encoder_heads, "model.diffusion_module.atom_encoder.n_heads", 4)                \
    RT_SIZE(transformer_blocks, "model.diffusion_module.transformer.n_blocks", 24)               \
    RT_SIZE(transformer_heads, "model.diffusion_module.transformer.n_heads", 16)                 \
    RT_SIZE(atom_decoder_blocks, "model.diffusion_module.atom_decoder.n_blocks", 3)              \
    RT_SIZE(atom_decoder_heads, "model.diffusion_module.atom_decoder.n_heads", 4)                \
    RT_SIZE(confidence_blocks, "model.confidence_head.n_blocks", 4)                              \
    RT_SIZE(confidence_heads, NULL, 16)                                                          \
    RT_SIZE(confidence_distance_bins, NULL, 39)                                                  \
    RT_SIZE(max_atoms_per_token, "max_atoms_per_token", 24)                                      \
    RT_SIZE(plddt_bins, "loss.plddt.no_bins", 50)                                                \
    RT_SIZE(pae_bins, "loss.pae.no_bins", 64)                                                    \
    RT_SIZE(pde_bins, "loss.pde.no_bins", 64)                                                    \
    RT_SIZE(distogram_bins, "no_bins", 64)                                                       \
    RT_SIZE(r_max, "model.relative_position_encoding.r_max", 32)                                 \
    RT_SIZE(s_max, "model.relative_position_encoding.s_max", 2)                                  \
    RT_SIZE(ribonanza_stack_blocks, NULL, 4) /* ribonanza_pairformer_stack: kept, never called */ \
    RT_SIZE(ribonanza_stack_heads, NULL, 16)                                                     \
    RT_SIZE(ribonanza_ninp, "ribonanza.ninp", 384)                                               \
    RT_SIZE(ribonanza_nhead, "ribonanza.nhead", 12)                                              \
    RT_SIZE(ribonanza_nlayers, "ribonanza.nlayers", 48)                                          \
    RT_SIZE(ribonanza_pairwise_dimension, "ribonanza.pairwise_dimension", 128)                   \
    RT_SIZE(ribonanza_dim_msa, "ribonanza.dim_msa", 32)                                          \
    RT_SIZE(ribonanza_ntoken, "ribonanza.ntoken", 6)                                             \
    RT_SIZE(ribonanza_nclass, "ribonanza.nclass", 10)

/* RT_SETTING(field, "path", value in rnapro_base): doubles that shapes cannot tell */
#define RT_CONFIG_SETTINGS                                                                       \
    RT_SETTING(n_cycle, "model.N_cycle", 10)                                                     \
    RT_SETTING(n_step, "sample_diffusion.N_step", 200)                                           \
    RT_SETTING(n_sample, "sample_diffusion.N_sample", 5)                                         \
    RT_SETTING(gamma0, "sample_diffusion.gamma0", 0.8)                                           \
    RT_SETTING(gamma_min, "sample_diffusion.gamma_min", 1.0)                                     \
    RT_SETTING(noise_scale_lambda, "sample_diffusion.noise_scale_lambda", 1.003)                 \
    RT_SETTING(step_scale_eta, "sample_diffusion.step_scale_eta", 1.5)                           \
    RT_SETTING(sigma_data, "sigma_data", 16.0)                                                   \
    RT_SETTING(s_max_noise, "inference_noise_scheduler.s_max", 160.0)                            \
    RT_SETTING(s_min_noise, "inference_noise_scheduler.s_min", 4e-4)                             \
    RT_SETTING(rho, "inference_noise_scheduler.rho", 7)                                          \
    RT_SETTING(plddt_min, "loss.plddt.min_bin", 0)                                               \
    RT_SETTING(plddt_max, "loss.plddt.max_bin", 1.0)                                             \
    RT_SETTING(pae_min, "loss.pae.min_bin", 0)                                                   \
    RT_SETTING(pae_max, "loss.pae.max_bin", 32)                                                  \
    RT_SETTING(pde_min, "loss.pde.min_bin", 0)                                                   \
    RT_SETTING(pde_max, "loss.pde.max_bin", 32)                                                  \
    RT_SETTING(distogram_min, "loss.distogram.min_bin", 2.3125)                                  \
    RT_SETTING(distogram_max, "loss.distogram.max_bin", 21.6875)                                 \
    RT_SETTING(af3_clash_threshold, "metrics.clash.af3_clash_threshold", 1.1)                    \
    RT_SETTING(msa_test_cutoff, "data.msa.sample_cutoff.test", 16384)                            \
    RT_SETTING(msa_test_lower_bound, "data.msa.min_size.test", 1)                                \
    RT_SETTING(dropout_pairformer, "model.pairformer.dropout", 0.25)                             \
    RT_SETTING(dropout_template, "model.template_embedder.pairformer_dropout", 0.15)             \
    RT_SETTING(dropout_msa, "model.msa_module.msa_dropout", 0.15)                                \
    RT_SETTING(dropout_msa_pair, "model.msa_module.pair_dropout", 0.25)                          \
    RT_SETTING(dropout_confidence, "model.confidence_head.pairformer_dropout", 0)

typedef struct {
#define RT_SIZE(field, path, value) int64_t field;
    RT_CONFIG_SIZES
#undef RT_SIZE
#define RT_SETTING(field, path, value) double field;
    RT_CONFIG_SETTINGS
#undef RT_SETTING
    bool use_ribonanza;     /* model.use_RibonanzaNet2; false only when the user said --no-ribonanza */
    char name[128];         /* the preset's name or the file's path */
} rt_config;

/* "rnapro_base", "rnapro_mini", "rnapro_tiny".  RT_ERR_USAGE with the nearest name otherwise. */
rt_status rt_config_preset(rt_config *out_config, const char *name, rt_err *err);

/* A preset's name or a JSON/YAML file in the reference's nested layout.  In a file: either the configuration itself or
 * {"config": {...}, "ribonanza": {...}, "python_defaults_patched": {...}} as tests/data/tiny_config.json has it; keys
 * that are absent keep rnapro_base's values ("model_name" may name another preset to start from). */
rt_status rt_config_load(rt_config *out_config, const char *name_or_path, rt_err *err);

/* The same from text, such as a checkpoint's own "rnatune.config"; `name` stands for the file in errors. */
rt_status rt_config_parse(rt_config *out_config, const char *text, int64_t length, const char *name, rt_err *err);

/* pairwise.yaml of RibonanzaNet2 into the ribonanza_* sizes. */
rt_status rt_config_load_ribonanza(rt_config *config, const char *yaml_path, rt_err *err);

/* Reads every size off the weights' names and shapes into *config; opt_ribonanza is a separate file that holds
 * RibonanzaNet2 (names without the "ribonanza_net." prefix) when the checkpoint does not.  Settings stay as they are.
 * RT_ERR_MISMATCH names the first tensor that is needed for a size and absent. */
rt_status rt_config_detect(rt_config *config, const rt_weights *weights, const rt_weights *opt_ribonanza, rt_err *err);

/* RT_ERR_MISMATCH listing the sizes that differ: "pairformer_blocks: the config says 48, the weights 16". */
rt_status rt_config_compare(const rt_config *config, const rt_config *detected, rt_err *err);

/* The configuration as the JSON text that rt_config_load reads back (flat sizes and settings); free() it. */
char *rt_config_print(const rt_config *config, rt_err *err);

#endif
