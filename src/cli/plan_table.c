/* plan_table.c - every key of plan.yaml; the order is that of the seed plan */
#include <string.h>

#include "cli/commands.h"
#include "cli/plan.h"

#define TRAIN (RT_PLAN_PHASE1 | RT_PLAN_PHASE2)
#define NETWORK (TRAIN | RT_PLAN_PREDICT)
#define THREADED                                                                                                          \
    (RT_PLAN_FAMILIES | RT_PLAN_SPLIT | RT_PLAN_AUDIT | RT_PLAN_PAIRS | RT_PLAN_AUGMENT | NETWORK | RT_PLAN_SCORE)

/* A verb's option with another default or another text. */
#define OF(verb_, option_) .verb = &rt_cmd_##verb_, .option = option_
#define OWN(...) .own = {__VA_ARGS__}

/* What both phases of training have. */
#define PHASE(p, use, epochs_, crop_, lr_, epochs_help, lr_help)                                                          \
    {.name = p ".epochs", OF(train, "epochs"), .fallback = epochs_, .uses = use, .help = epochs_help},                    \
    {.name = p ".crop", OF(train, "crop"), .fallback = crop_, .uses = use},                                               \
    {.name = p ".accumulation", OF(train, "accumulation"), .fallback = "4", .uses = use,                                  \
     .help = "samples whose gradients make a step; each is a batch of 1"},                                                \
    {.name = p ".lr", OF(train, "lr"), .fallback = lr_, .uses = use, .help = lr_help},                                    \
    {.name = p ".schedule", OF(train, "schedule"), .fallback = "constant", .uses = use},                                  \
    {.name = p ".warmup", OF(train, "warmup"), .fallback = "0", .uses = use},                                             \
    {.name = p ".optimizer", OF(train, "optimizer"), .fallback = "adam", .uses = use},                                    \
    {.name = p ".weight_decay", OF(train, "weight-decay"), .fallback = "1e-8", .uses = use},                              \
    {.name = p ".clip", OF(train, "clip"), .fallback = "10", .uses = use},                                                \
    {.name = p ".ema", OF(train, "ema"), .fallback = "0", .uses = use},                                                   \
    {.name = p ".template_dropout", OF(train, "template-dropout"), .fallback = "0.5", .uses = use},                       \
    {.name = p ".cycles", OF(train, "cycles"), .fallback = "4", .uses = use},                                             \
    {.name = p ".patience", OF(train, "patience"), .fallback = "0", .uses = use},                                         \
    {.name = p ".validation_targets", OF(train, "validation-targets"), .fallback = "0", .uses = use},                     \
    {.name = p ".max_bad_steps", OF(train, "max-bad-steps"), .fallback = "10", .uses = use},                              \
    {.name = p ".save_minutes", OF(train, "save-minutes"), .fallback = "15", .uses = use, .free = true},                  \
    {.name = p ".keep_every", OF(train, "keep-every"), .fallback = "null", .uses = use, .free = true},                    \
    {.name = p ".offload", OF(train, "offload"), .fallback = "auto", .uses = use, .free = true}

static const rt_plan_key KEYS[] = {
    {.name = "out", OWN(.type = RT_OPTION_OUT_FOLDER), .fallback = "tuned",
     .help = "where everything goes; --out on the command line wins"},
    {.name = "seed", OF(train, "seed"), .fallback = "42", .uses = TRAIN | RT_PLAN_AUGMENT,
     .help = "of training and augmentation; the folds' own are predict.seeds"},
    {.name = "device", OWN(.type = RT_OPTION_CHOICE, .choices = "auto|cpu|plain|double|cuda"), .fallback = "auto",
     .uses = NETWORK, .help = "auto: cuda where this program and this machine have it, else cpu"},
    {.name = "precision", OF(train, "precision"), .fallback = "bf16", .uses = NETWORK},
    {.name = "threads", OF(train, "threads"), .fallback = "null", .uses = THREADED, .free = true,
     .help = "null: all processors; the results do not depend on it"},
    {.name = "bases", OWN(.type = RT_OPTION_FILE), .kind = RT_PLAN_FILES_BY_NAME, .fallback = "{}",
     .uses = RT_PLAN_DOCTOR | TRAIN | RT_PLAN_PREDICT, .frozen = true,
     .example = "\n  private-best: rnapro-private-best-500m.ckpt\n  public-best: rnapro-public-best-500m.ckpt",
     .help = "the checkpoints to begin with, each by a name; all are measured, Phase 1 trains on each"},
    {.name = "ribonanza", OF(train, "ribonanza"), .fallback = "null",
     .uses = NETWORK | RT_PLAN_DOCTOR | RT_PLAN_PACKAGE,
     .frozen = true, .example = "ribonanzanet2_checkpoint", .help = "RibonanzaNet2's folder; null: from the "
                                                                    "checkpoints"},
    {.name = "no_ribonanza", OF(train, "no-ribonanza"), .fallback = "false", .uses = NETWORK | RT_PLAN_PACKAGE,
     .frozen = true,
     .help = "run without RibonanzaNet2, knowing that it costs accuracy"},
    {.name = "config", OF(train, "config"), .fallback = "null", .uses = NETWORK, .frozen = true,
     .help = "null: what the weights say; or a name or file as in 'rnatune predict --config'"},
    {.name = "conformers", OF(train, "conformers"), .fallback = "null", .uses = NETWORK | RT_PLAN_PACKAGE,
     .frozen = true,
     .help = "null: built in; or the CCD cache components.cif.rdkit_mol.pkl"},

    {.name = "data.kaggle", OF(import, "kaggle"), .fallback = "null", .uses = RT_PLAN_IMPORT | RT_PLAN_DOCTOR,
     .example = "stanford-rna-3d-folding-2", .help = "the competition's files as downloaded; or data.structures"},
    {.name = "data.structures", OF(import, "structures"), .fallback = "null", .uses = RT_PLAN_IMPORT,
     .help = "a folder of mmCIF and PDB files instead of data.kaggle"},
    {.name = "data.list", OF(import, "list"), .fallback = "null", .uses = RT_PLAN_IMPORT},
    {.name = "data.before", OF(import, "before"), .fallback = "null", .uses = RT_PLAN_IMPORT},
    {.name = "data.max_resolution", OF(import, "max-resolution"), .fallback = "null", .uses = RT_PLAN_IMPORT},
    {.name = "data.min_completeness", OF(import, "min-completeness"), .fallback = "0", .uses = RT_PLAN_IMPORT},
    {.name = "data.max_breaks", OF(import, "max-breaks"), .fallback = "null", .uses = RT_PLAN_IMPORT},
    {.name = "data.max_models", OF(import, "max-models"), .fallback = "null", .uses = RT_PLAN_IMPORT,
     .help = "of a structure with several models; null: all; goes with data.structures"},
    {.name = "data.templates", OF(train, "templates"), .fallback = "null", .uses = NETWORK | RT_PLAN_AUDIT,
     .frozen = true,
     .example = "template_features.pt",
     .help = "from 'rnatune templates', which drops those that hold the answer; null: none"},
    {.name = "data.template_sources", OF(audit, "template-sources"), .fallback = "null", .uses = RT_PLAN_AUDIT,
     .help = "where the templates came from; null: beside them, .sources.tsv"},

    {.name = "families.file", OWN(.type = RT_OPTION_FILE), .fallback = "null", .uses = RT_PLAN_FAMILIES,
     .help = "a families.tsv that was made before: nothing is searched"},
    {.name = "families.cm", OF(families, "cm"), .fallback = "null", .uses = RT_PLAN_FAMILIES, .example = "Rfam.cm.gz"},
    {.name = "families.clanin", OF(families, "clanin"), .fallback = "null", .uses = RT_PLAN_FAMILIES,
     .example = "Rfam.clanin"},
    {.name = "families.tblout", OF(families, "tblout"), .fallback = "[]", .uses = RT_PLAN_FAMILIES},
    {.name = "families.table", OF(families, "table"), .fallback = "null", .uses = RT_PLAN_FAMILIES,
     .example = "Rfam.pdb.gz"},
    {.name = "families.no_rfam", OWN(.type = RT_OPTION_FLAG), .fallback = "false", .uses = RT_PLAN_FAMILIES,
     .help = "go by similar sequences alone, knowing that distant relatives then stand on both sides of the split"},
    {.name = "families.rna3db", OF(families, "rna3db"), .fallback = "null", .uses = RT_PLAN_FAMILIES},
    {.name = "families.join_clans", OF(families, "join-clans"), .fallback = "false", .uses = RT_PLAN_FAMILIES},
    {.name = "families.evalue", OF(families, "evalue"), .fallback = "0.001", .uses = RT_PLAN_FAMILIES},
    {.name = "families.search_space", OF(families, "search-space"), .fallback = "null", .uses = RT_PLAN_FAMILIES},
    {.name = "families.both_strands", OF(families, "both-strands"), .fallback = "false", .uses = RT_PLAN_FAMILIES},
    {.name = "families.min_length", OF(families, "min-length"), .fallback = "11", .uses = RT_PLAN_FAMILIES},
    {.name = "families.identity", OF(families, "identity"), .fallback = "0.8",
     .uses = RT_PLAN_FAMILIES | RT_PLAN_SPLIT | RT_PLAN_AUDIT, .frozen = true},
    {.name = "families.chance", OF(families, "chance"), .fallback = "1e-5",
     .uses = RT_PLAN_FAMILIES | RT_PLAN_SPLIT | RT_PLAN_AUDIT, .frozen = true},

    {.name = "split.sizes", OF(split, "sizes"), .fallback = "80/10/10", .uses = RT_PLAN_SPLIT, .frozen = true},
    {.name = "split.seed", OF(split, "seed"), .fallback = "1", .uses = RT_PLAN_SPLIT, .frozen = true},
    {.name = "split.cutoff", OF(split, "cutoff"), .fallback = "null", .uses = RT_PLAN_SPLIT | RT_PLAN_AUDIT,
     .frozen = true},
    {.name = "split.hold_out", OF(split, "hold-out"), .fallback = "[]", .uses = RT_PLAN_SPLIT | RT_PLAN_AUDIT,
     .frozen = true, .example = "[stanford-rna-3d-folding-2/test_sequences.csv]"},
    {.name = "split.join", OF(split, "join"), .fallback = "[]", .uses = RT_PLAN_SPLIT, .frozen = true,
     .help = "lists of leaks that earlier audits printed; the audit's own rounds need none"},
    {.name = "split.rna3db", OF(split, "rna3db"), .fallback = "null", .uses = RT_PLAN_SPLIT, .frozen = true},
    {.name = "split.rounds", OWN(.type = RT_OPTION_INT, .low = 1, .high = 100), .fallback = "8", .uses = RT_PLAN_AUDIT,
     .help = "how often the audit may join what leaks and split again"},
    {.name = "audit.tm", OF(audit, "tm"), .fallback = "0.45", .uses = RT_PLAN_AUDIT, .frozen = true},
    {.name = "audit.tm_residues", OF(audit, "tm-residues"), .fallback = "30", .uses = RT_PLAN_AUDIT, .frozen = true},
    {.name = "audit.template_tm", OF(audit, "template-tm"), .fallback = "0.95", .uses = RT_PLAN_AUDIT, .frozen = true},

    {.name = "pairs.method", OWN(.type = RT_OPTION_CHOICE, .choices = "eternafold|vienna"), .fallback = "eternafold",
     .uses = RT_PLAN_PAIRS | RT_PLAN_AUGMENT | TRAIN,
     .help = "what predicts pair probabilities, of pairs.tsv and of the augmentation compensatory"},
    {.name = "pairs.min_prob", OF(pairs, "min-prob"), .fallback = "0.95", .uses = RT_PLAN_PAIRS,
     .help = "least probability of a pair in pairs.tsv: 0.95 is right 95 times in 100 and finds 40 of 100"},
    {.name = "pairs.longest", OF(augment, "pairs-longest"), .fallback = "2000", .uses = RT_PLAN_AUGMENT | TRAIN},
    {.name = "augment.variants", OF(augment, "variants"), .fallback = "4", .uses = RT_PLAN_AUGMENT | TRAIN},
    {.name = "augment.seeds", OF(augment, "seeds"), .fallback = "[]", .uses = RT_PLAN_AUGMENT | TRAIN,
     .help = "Rfam.seed, for the augmentation homolog"},

    PHASE("phase1", RT_PLAN_PHASE1, "10", "384", "3e-4", "the plan's 10 to 20; it reckons 3 to 6 hours each",
          "of the confidence head, 12.9 million parameters; all else is frozen"),
    {.name = "phase1.weights", OF(train, "weight"), .fallback = "[plddt=1, pae=1, pde=1, resolved=1]",
     .uses = RT_PLAN_PHASE1,
     .help = "of the losses: alpha_confidence 1, alpha_pae 1, diffusion and distogram 0"},
    {.name = "phase1.skip_unknown_resolution", OF(train, "skip-unknown-resolution"), .fallback = "false",
     .uses = RT_PLAN_PHASE1},
    {.name = "phase1.augment", OF(train, "augment"), .fallback = "[]", .uses = RT_PLAN_PHASE1,
     .help = "as phase2.augment; the cache keeps what was drawn"},
    {.name = "phase1.rollout_steps", OF(train, "rollout-steps"), .fallback = "20", .uses = RT_PLAN_PHASE1},
    {.name = "phase1.rollouts", OF(train, "rollouts"), .fallback = "4", .uses = RT_PLAN_PHASE1,
     .help = "structures drawn and judged from each trunk pass: a third of the work a structure"},
    {.name = "phase1.cache", OWN(.type = RT_OPTION_FLAG), .fallback = "true", .uses = RT_PLAN_PHASE1,
     .help = "keep trunk outputs and rollouts in OUT/cache: 38 MB a target of 384 residues and view, less for shorter "
             "ones"},
    {.name = "phase1.cache_size", OF(train, "cache-size"), .fallback = "200G", .uses = RT_PLAN_PHASE1, .free = true,
     .help = "what does not fit is worked out each time; null: what the disk has, less a tenth"},
    {.name = "phase1.views", OF(train, "views"), .fallback = "4", .uses = RT_PLAN_PHASE1},
    {.name = "phase1.validation_rollouts", OF(train, "validation-rollouts"), .fallback = "25", .uses = RT_PLAN_PHASE1,
     .help = "structures of each held-out target, for the choice among samples and ranking.json; 0: none"},
    {.name = "phase1.validation_steps", OF(train, "validation-steps"), .fallback = "0", .uses = RT_PLAN_PHASE1},
    {.name = "phase1.keep_epochs", OF(train, "keep-epochs"), .fallback = "1", .uses = RT_PLAN_PHASE1, .free = true},

    PHASE("phase2", RT_PLAN_PHASE2, "10", "256", "1e-4", "the plan's 5 to 15; it reckons 3 to 5 days in all",
          "of the adapters: 0.9 million parameters of rank 4, 1.8 of rank 8"),
    {.name = "phase2.rank", OF(train, "rank"), .fallback = "4", .uses = RT_PLAN_PHASE2, .help = "the plan's 4 to 8"},
    {.name = "phase2.alpha", OF(train, "alpha"), .fallback = "null", .uses = RT_PLAN_PHASE2,
     .help = "an adapter adds alpha / rank x B A; null: twice the rank"},
    {.name = "phase2.targets", OF(train, "targets"), .fallback = "null", .uses = RT_PLAN_PHASE2,
     .help = "null: queries, keys and values of PairformerStack and DiffusionTransformer"},
    {.name = "phase2.also", OF(train, "also"), .fallback = "null", .uses = RT_PLAN_PHASE2,
     .help = "weights that train too: confidence_head keeps up with structures that move"},
    {.name = "phase2.lora_dropout", OF(train, "lora-dropout"), .fallback = "0", .uses = RT_PLAN_PHASE2},
    {.name = "phase2.block_dropout", OF(train, "block-dropout"), .fallback = "false", .uses = RT_PLAN_PHASE2},
    {.name = "phase2.weights", OF(train, "weight"), .fallback = "[mse=4, smooth_lddt=4, distogram=0.03]",
     .uses = RT_PLAN_PHASE2, .help = "of the losses: the reference's stage 1"},
    {.name = "phase2.copies", OF(train, "copies"), .fallback = "48", .uses = RT_PLAN_PHASE2},
    {.name = "phase2.copies_at_once", OF(train, "copies-at-once"), .fallback = "null", .uses = RT_PLAN_PHASE2,
     .help = "copies that the denoiser takes together; null: 1, on a GPU 8"},
    {.name = "phase2.augment", OF(train, "augment"), .fallback = "[noise, compensatory]",
     .uses = RT_PLAN_PHASE2,
     .help = "tier 1 noise, 2 compensatory (safe), 3 loop (moderate risk), 4 homolog (needs augment.seeds); "
             "'rnatune augment --list' has their keys"},

    {.name = "validation.targets", OF(export, "targets"), .fallback = "0", .uses = RT_PLAN_VALIDATION, .frozen = true,
     .help = "the first N validation targets for the choices between checkpoints; 0: all"},
    {.name = "validation.longest", OF(export, "longest"), .fallback = "0", .uses = RT_PLAN_VALIDATION, .frozen = true,
     .help = "residues: longer ones are left out; 0: none"},
    {.name = "test.targets", OF(export, "targets"), .fallback = "0", .uses = RT_PLAN_TEST, .frozen = true,
     .help = "the first N test targets; 0: all"},
    {.name = "test.longest", OF(export, "longest"), .fallback = "0", .uses = RT_PLAN_TEST, .frozen = true,
     .help = "residues: longer ones are left out; 0: none"},

    {.name = "predict.seeds", OWN(.type = RT_OPTION_INT, .low = 0, .high = 9e15), .kind = RT_PLAN_NUMBERS,
     .fallback = "[42, 43, 44]", .uses = RT_PLAN_PREDICT, .frozen = true,
     .help = "every arm is folded with each, three at least; what counts is the mean"},
    {.name = "predict.samples", OF(predict, "samples"), .fallback = "25", .uses = RT_PLAN_PREDICT, .frozen = true,
     .help = "structures from each trunk pass, the same for every arm; an ensemble divides them"},
    {.name = "predict.trunks", OF(predict, "trunks"), .fallback = "1", .uses = RT_PLAN_PREDICT, .frozen = true},
    {.name = "predict.cycles", OF(predict, "cycles"), .fallback = "null", .uses = RT_PLAN_PREDICT, .frozen = true,
     .help = "recycles of the trunk; null: the checkpoint's own"},
    {.name = "predict.steps", OF(predict, "steps"), .fallback = "null", .uses = RT_PLAN_PREDICT, .frozen = true,
     .help = "diffusion steps; null: the checkpoint's own"},
    {.name = "predict.rank_by", OF(predict, "rank-by"), .fallback = "ranking_score", .uses = RT_PLAN_PREDICT,
     .frozen = true, .help = "what orders the samples, of which the first five count: ranking_score, ptm, plddt, "
                             "gpde"},
    {.name = "predict.template_idx", OF(predict, "template-idx"), .fallback = "\"0\"", .uses = RT_PLAN_PREDICT,
     .frozen = true},
    {.name = "predict.template_missing", OF(predict, "template-missing"), .fallback = "mask", .uses = RT_PLAN_PREDICT,
     .frozen = true},
    {.name = "predict.no_template", OF(predict, "no-template"), .fallback = "reference", .uses = RT_PLAN_PREDICT,
     .frozen = true},
    {.name = "predict.memory_limit", OF(predict, "memory-limit"), .fallback = "null", .uses = RT_PLAN_PREDICT,
     .free = true},

    {.name = "compare.metric", OF(compare, "metric"), .fallback = "tm_align", .uses = RT_PLAN_COMPARE, .frozen = true,
     .help = "what chooses and what is claimed: tm_align (Part 1, by alignment), tm_resid (Part 2, by number), "
             "lddt_c1, ..."},
    {.name = "compare.per_target", OF(compare, "per-target"), .fallback = "best5", .uses = RT_PLAN_COMPARE,
     .frozen = true},
    {.name = "compare.interval", OF(compare, "interval"), .fallback = "studentised", .uses = RT_PLAN_COMPARE,
     .frozen = true},
    {.name = "compare.resamples", OF(compare, "resamples"), .fallback = "10000", .uses = RT_PLAN_COMPARE,
     .frozen = true},
    {.name = "compare.seed", OF(compare, "seed"), .fallback = "42", .uses = RT_PLAN_COMPARE, .frozen = true},
    {.name = "compare.search", OF(score, "search"), .fallback = "usalign", .uses = RT_PLAN_SCORE, .frozen = true},
    {.name = "goal.baseline", OWN(.type = RT_OPTION_DOUBLE, .low = 0, .high = 1), .fallback = "0.361",
     .uses = RT_PLAN_GOAL,
     .help = "the plan's TM-score before training"},
    {.name = "goal.target", OWN(.type = RT_OPTION_DOUBLE, .low = 0, .high = 1), .fallback = "0.45",
     .uses = RT_PLAN_GOAL,
     .help = "what the plan wants"},
    {.name = "goal.plan_sum", OWN(.type = RT_OPTION_DOUBLE, .low = 0, .high = 1), .fallback = "0.441",
     .uses = RT_PLAN_GOAL,
     .help = "what its own largest gains add up to: 0.361 + 0.03 + 0.05"},

    {.name = "select.rule", OWN(.type = RT_OPTION_CHOICE, .choices = "plddt|ptm|gpde|learned|consensus|mixed"),
     .fallback = "mixed", .uses = RT_PLAN_SELECT | RT_PLAN_PACKAGE, .frozen = true,
     .help = "which five of a target's samples are submitted; the gain of every rule on validation is in OUT/select"},
    {.name = "select.pool", OWN(.type = RT_OPTION_PATH, .repeated = true), .fallback = "[]", .uses = RT_PLAN_SELECT,
     .help = "predictions of other programs for the validation targets: submission CSVs or folders of structures"},
    {.name = "ensemble.average_epochs", OWN(.type = RT_OPTION_INT, .low = 0, .high = 1000), .fallback = "3",
     .uses = RT_PLAN_ENSEMBLE, .frozen = true,
     .help = "one candidate is the average of so many last epochs of Phase 2; 0 or 1: none"},
    {.name = "ensemble.rank", OF(lora, "rank"), .fallback = "0", .uses = RT_PLAN_ENSEMBLE, .frozen = true,
     .help = "of that average; 0: exact, the ranks add up"},
    {.name = "package.title", OF(package, "title"), .fallback = "null", .uses = RT_PLAN_PACKAGE,
     .example = "RNAPro tuned",
     .help = "of the data set; without title, owner and competition there is no package"},
    {.name = "package.owner", OF(package, "owner"), .fallback = "null", .uses = RT_PLAN_PACKAGE, .example = "anna"},
    {.name = "package.competition", OF(package, "competition"), .fallback = "null", .uses = RT_PLAN_PACKAGE,
     .example = "stanford-rna-3d-folding-2"},
    {.name = "package.licence", OF(package, "licence"), .fallback = "other", .uses = RT_PLAN_PACKAGE},
    {.name = "package.time_budget", OF(package, "time-budget"), .fallback = "8h30m", .uses = RT_PLAN_PACKAGE},
    {.name = "package.sequences", OF(package, "sequences"), .fallback = "null", .uses = RT_PLAN_PACKAGE},
    {.name = "package.sample", OF(package, "sample"), .fallback = "null", .uses = RT_PLAN_PACKAGE},
    {.name = "package.msa", OF(package, "msa"), .fallback = "null", .uses = RT_PLAN_PACKAGE,
     .example = "stanford-rna-3d-folding-2/MSA"},
    {.name = "package.templates", OF(package, "templates"), .fallback = "null", .uses = RT_PLAN_PACKAGE},
    {.name = "package.pool", OF(package, "pool"), .fallback = "[]", .uses = RT_PLAN_PACKAGE},
    {.name = "package.datasets", OF(package, "dataset"), .fallback = "[]", .uses = RT_PLAN_PACKAGE},
    {.name = "package.models", OF(package, "model"), .fallback = "[]", .uses = RT_PLAN_PACKAGE},
    {.name = "package.kernels", OF(package, "kernel"), .fallback = "[]", .uses = RT_PLAN_PACKAGE},
    {.name = "package.gpu", OF(package, "gpu"), .fallback = "false", .uses = RT_PLAN_PACKAGE},
    {0},
};

const rt_plan_key *rt_plan_keys(void) { return KEYS; }

const rt_plan_key *rt_plan_key_find(const char *name)
{
    for (const rt_plan_key *key = KEYS; key->name; key++)
        if (strcmp(key->name, name) == 0) return key;
    return NULL;
}

const rt_option *rt_plan_key_option(const rt_plan_key *key)
{
    if (!key->verb) return &key->own;
    for (const rt_option *o = key->verb->options; o->name; o++)
        if (strcmp(o->name, key->option) == 0) return o;
    RT_BUG("%s: verb %s has no option --%s", key->name, key->verb->name, key->option);
}
