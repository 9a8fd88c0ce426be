/* augment.h - more examples of a known fold: what is changed, where, and why it may be
 * Room: prep.  Uses: base/rng, base/text, prep/dataset, prep/fold_map, prep/homologs.
 *
 * An augmentation is a file of its own, aug_<name>.c, and a row of one table.  Two kinds:
 *   of the sequence (compensatory, loop, homolog): a target has a closed list of changed sequences, its variants, each
 *     a function of (seed, target, variant, which augmentations); a base is rebuilt on its sugar where its letter changes
 *   of coordinates (noise): drawn anew for every sample
 * A variant's sequence is decided on the first conformation; others get the same letters, and what does not fit there has
 * no label.
 *
 *     rt_augment_plan plan = {0};
 *     RT_TRY(rt_augment_plan_add(&plan, "compensatory:p=0.5,min-p=0.9", err));
 *     RT_TRY(rt_augment_make(&example, &tally, NULL, &plan, target, &map, NULL, &draw, err));
 *
 * docs/augmentation.md says what each does to a target and what was measured.
 */
#ifndef RT_PREP_AUGMENT_H
#define RT_PREP_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/text.h"
#include "prep/dataset.h"
#include "prep/fold_map.h"
#include "prep/homologs.h"

typedef enum {
    RT_AUGMENT_NOISE, RT_AUGMENT_COMPENSATORY, RT_AUGMENT_LOOP, RT_AUGMENT_HOMOLOG, RT_AUGMENTATIONS
} rt_augment_kind;

enum { RT_AUGMENT_KEYS = 10 };
#define RT_AUGMENT_BIT(kind) (1u << (kind))

/* One setting of an augmentation. */
typedef struct {
    const char *name;
    enum { RT_AUGMENT_NUMBER, RT_AUGMENT_RANGE, RT_AUGMENT_SWITCH, RT_AUGMENT_NAMES } type;
    const char *fallback;       /* NUMBER "0.5", RANGE "0.5-1.5" or "1", SWITCH "on" or "off", NAMES "" or "a+b" */
    double low, high;           /* NUMBER and RANGE lie within */
    const char *const *names;   /* NAMES: what may stand there, NULL at the end; their order gives the bits */
    const char *help;
} rt_augment_key;

typedef struct {
    const char *name;
    int tier;                   /* 1 changes that the fold surely bears .. 5 invented */
    const char *needs, *changes, *help;
    const rt_augment_key *key;  /* name NULL at the end; the first is p, the share of samples */
} rt_augmentation;

const rt_augmentation *rt_augmentation_of(rt_augment_kind kind);
bool rt_augmentation_find(rt_augment_kind *out_kind, const char *name);

/* What the user asked for: values by place of the key in its augmentation's table. */
typedef struct {
    double value[RT_AUGMENT_KEYS];    /* NUMBER; RANGE: the lower end; SWITCH: 0 or 1 */
    double upper[RT_AUGMENT_KEYS];    /* RANGE: the upper end */
    uint32_t bits[RT_AUGMENT_KEYS];   /* NAMES */
} rt_augment_setting;

typedef struct {
    uint32_t on;                      /* RT_AUGMENT_BITs */
    rt_augment_setting setting[RT_AUGMENTATIONS];
    uint64_t seed;
} rt_augment_plan;

/* "compensatory" or "compensatory:p=0.5,min-p=0.9"; all other keys have their own values.
 * Errors: RT_ERR_USAGE, naming the nearest word, for an unknown name or key, a value that is none or out of range, an
 * augmentation given twice. */
rt_status rt_augment_plan_add(rt_augment_plan *plan, const char *text, rt_err *err);
/* Everything that the plan says, defaults too: "compensatory:p=0.5,min-p=0.95,..", one a line. */
void rt_augment_plan_print(rt_text *out, const rt_augment_plan *plan);
/* The augmentations that change sequences, of those that are on. */
uint32_t rt_augment_sequence_bits(const rt_augment_plan *plan);

/* The value of a NUMBER that the augmentation has. */
double rt_augment_value(const rt_augment_plan *plan, rt_augment_kind kind, const char *key);

/* ---- what came of it --------------------------------------------------------------------------------------------- */

/* Why a change that was drawn is not made. */
typedef enum {
    RT_REASON_NONE,              /* it is made */
    RT_REASON_WOBBLE,            /* a GU pair: no other pair has its shape */
    RT_REASON_NOT_CANONICAL,     /* no canonical pair in the structure */
    RT_REASON_IMPROBABLE,        /* the pair's probability is below min-p, or not predicted */
    RT_REASON_TERTIARY,          /* a base has a tertiary contact */
    RT_REASON_UNRESOLVED,        /* atoms of a base are missing */
    RT_REASON_HYDROGEN_BONDS,    /* worse than the native pair's by more than the limit */
    RT_REASON_CLASH,             /* the new base touches what the old one did not */
    RT_REASON_TETRALOOP,
    RT_REASON_SHORT_LOOP,
    RT_REASON_NO_LOOP,           /* of the whole target, like those below */
    RT_REASON_NO_HELIX,
    RT_REASON_NO_HOMOLOG,        /* no family, no seed alignment of it, or no sequence near enough */
    RT_REASON_FAMILY_LIMIT,      /* the family has had its share */
    RT_REASON_HELD_OUT,          /* the new sequence is too near a held-out one */
    RT_REASONS
} rt_augment_reason;

const char *rt_augment_reason_name(rt_augment_reason reason);

typedef struct {
    int64_t drawn, applied;      /* examples: for which it was drawn; that it changed */
    int64_t changes;             /* pairs (compensatory), residues (loop, homolog), residues moved (noise) */
    int64_t masked;              /* residues whose base lost its label: homologs, further conformations */
    int64_t broken_bonds;        /* O3'-P bonds that noise on labels broke */
    int64_t rejected[RT_REASONS];
} rt_augment_count;

typedef struct {
    rt_augment_count of[RT_AUGMENTATIONS];
} rt_augment_tally;

void rt_augment_tally_add(rt_augment_tally *sum, const rt_augment_tally *more);

/* One change that was drawn: a pair's (j >= 0) or a residue's. */
typedef struct {
    rt_augment_kind kind;
    rt_augment_reason reason;
    int64_t i, j;                /* from 0; -1: of the whole target */
    char from[3], to[3];         /* letters at i (and j) */
    double probability;          /* NaN: not asked */
    double bonds_before, bonds_after;   /* Angstrom: the hydrogen bond farthest from ideal; NaN: not measured */
    uint32_t tertiary;           /* RT_TERTIARY_ bits of both */
    bool masked;                 /* the letter changes, the base's atoms have no label */
    char note[64];               /* a homolog's name */
} rt_augment_change;

typedef struct {
    rt_augment_change *change;
    int64_t n, capacity;
} rt_augment_log;

void rt_augment_log_free_members(rt_augment_log *log);

/* ---- examples ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t length, n_slot;
    char *sequence;
    float *xyz;                  /* (length, n_slot, 3) of one conformation, NaN: missing; NULL when not asked for */
} rt_augment_example;

void rt_augment_example_free_members(rt_augment_example *example);

/* Which example of a target. */
typedef struct {
    uint32_t kinds;              /* RT_AUGMENT_BITs of augmentations of sequences */
    int64_t variant;             /* 0, 1, .. */
    int64_t conformation;
} rt_augment_draw;

/* A variant of a target with its rebuilt coordinates.  map: of this target.  opt_homologs: NULL where HOMOLOG is not
 * among the kinds.  opt_tally is added to; opt_log gets every change that was drawn.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_augment_make(rt_augment_example *out_example, rt_augment_tally *opt_tally, rt_augment_log *opt_log,
                          const rt_augment_plan *plan, const rt_target *target, const rt_fold_map *map,
                          const rt_homologs *opt_homologs, const rt_augment_draw *draw, rt_err *err);

/* ---- noise ------------------------------------------------------------------------------------------------------- */

/* Whose noise: `stream` the target, `number` its view, `part` 0 the label, 1.. its templates. */
typedef struct {
    uint64_t seed, stream, number;
    int64_t part;
} rt_augment_noise_key;

/* Moves n residues of `per` points each, xyz (n, per, 3), in place.  Each residue goes as a whole: all its points by the
 * same step, whose three components are normal with standard deviation sigma (drawn from the setting's range), and
 * correlated along the chain as exp(-distance / correlation).  turn: then the whole is turned and moved at random; where
 * points are missing it is turned about the origin alone.  Points that are missing (NaN, or 0 in all three) stay.
 * Returns how many residues moved. */
int64_t rt_augment_noise(float *xyz, int64_t n, int64_t per, bool turn, const rt_augment_plan *plan,
                         const rt_augment_noise_key *key);
/* Switches of the noise setting. */
bool rt_augment_noise_on_labels(const rt_augment_plan *plan);
bool rt_augment_noise_on_templates(const rt_augment_plan *plan);
/* O3'-P bonds (neighbours within 2.0 Angstrom before) that are longer than that or shorter than 1.2 after. */
int64_t rt_augment_broken_bonds(const float *before, const float *after, int64_t length, int64_t n_slot);

#endif
