/* dataset.h - the training set on disk: an SQLite index and a mapped file of coordinates
 * Room: prep.  Uses: base/file, base/hash, base/memory, prep/atom_slot, SQLite.
 *
 * A set is a folder:
 *   index.sqlite     target (one row each), note (what was refused, ignored or kept with a remark), source (the
 *                    files it was made from), meta (key, value: format, hash, coordinates_bytes, plan)
 *   coordinates.bin  64 bytes of header, then a block per target, 64-byte aligned:
 *                    (conformation, residue, slot, 3) float32 little-endian, Angstrom, NaN where an atom is missing
 *   import.tsv       the notes as a table
 *
 * Reading: the whole index is in memory after rt_dataset_open, coordinates are a read-only map; every function that
 * takes a const rt_dataset may be called from any number of threads.
 *
 *     rt_dataset *set;
 *     RT_TRY(rt_dataset_open(&set, "set", err));
 *     for (int64_t i = 0; i < rt_dataset_count(set); i++) {
 *         const rt_target *target = rt_dataset_at(set, i);
 *         const float *xyz = rt_target_xyz(target, 0);      (length, n_slot, 3), NULL for a target without labels
 *     }
 *     rt_dataset_close(set);
 *
 * Writing: dataset_write.h.
 */
#ifndef RT_PREP_DATASET_H
#define RT_PREP_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"
#include "prep/atom_slot.h"

#define RT_DATASET_FORMAT 1

/* Where a target came from: bits, because several tables may have it (test_sequences repeats validation ones). */
enum { RT_ORIGIN_TRAIN = 1, RT_ORIGIN_VALIDATION = 2, RT_ORIGIN_TEST = 4, RT_ORIGIN_STRUCTURES = 8 };

/* "train,test"; "" for 0. */
void rt_origin_print(char *out, int64_t size, int64_t origin);

/* One target.  Texts are never NULL: "" is unknown or none. */
typedef struct {
    int64_t number;             /* 0 .. count-1 in the set */
    const char *id;             /* "1SCL_A", "R1107"; unique in a set */
    const char *sequence;       /* letters A C G U */
    int64_t length;             /* L = strlen(sequence) */
    int64_t origin;             /* RT_ORIGIN_* bits */
    const char *cutoff;         /* temporal cut-off, "YYYY-MM-DD" */
    const char *description, *all_sequences;
    const char *stoichiometry, *ligand_ids, *ligand_smiles;   /* columns that Part 2 added */
    const char *segments;       /* chains of a target of several: "A/1:1-76;A/2:77-152" (chain/copy:residues from 1) */
    const char *source;         /* the file that its labels (without labels: its sequence) came from */
    const char *msa;            /* path of its alignment */
    int64_t n_template;         /* rows in the template file, 0 when it has none */
    double resolution;          /* Angstrom, NaN when unknown */
    double completeness;        /* residues with a C1' in the first conformation / L; NaN without labels */
    int64_t n_break;            /* where the chain is not continuous between its first and last C1'; -1 unknown */
    int64_t n_conformation;     /* C; 0 for a target without labels */
    int64_t n_slot;             /* RT_SLOT_COUNT (all atoms) or 1 (C1' alone); 0 without labels */
    int64_t slots;              /* the slots that the source could fill, one bit each; RT_SLOTS_C1P with n_slot 1 */
    int64_t offset;             /* of its block in coordinates.bin; 0 without labels */
    const char *hash;           /* SHA-256 of its block, "" without labels */
    const float *xyz;           /* (C, L, n_slot, 3), NULL without labels */
} rt_target;

/* What import says about a target or a file. */
typedef struct {
    const char *outcome;        /* "refused", "ignored", "kept" */
    const char *reason;         /* one word: "invalid_characters", "after_cutoff", ... (docs/data.md lists them) */
    const char *target;         /* may be "" when a whole file is meant */
    int64_t origin;
    const char *file;
    int64_t line;               /* 0 when unknown */
    const char *detail;
} rt_dataset_note;

typedef struct {
    const char *role;           /* "sequences", "labels", "allatom", "structure", "templates", "msa" */
    const char *path;
    int64_t size, mtime;        /* bytes; seconds since 1970 */
    const char *fingerprint;    /* SHA-256 of the size, both ends and samples between (rt_dataset_fingerprint) */
} rt_dataset_source;

typedef struct rt_dataset rt_dataset;

/* Read-only; any number of readers at once.  Every claim of the index is proved against the coordinates' size.
 * Errors: RT_ERR_IO (no such set; an import that is not finished, with a hint), RT_ERR_FORMAT (damaged),
 * RT_ERR_UNSUPPORTED (a newer format), RT_ERR_MEMORY. */
rt_status rt_dataset_open(rt_dataset **ret_set, const char *folder, rt_err *err);
void rt_dataset_close(rt_dataset *set);   /* NULL ok */

int64_t rt_dataset_count(const rt_dataset *set);
const rt_target *rt_dataset_at(const rt_dataset *set, int64_t number);      /* valid until rt_dataset_close */
const rt_target *rt_dataset_find(const rt_dataset *set, const char *id);    /* NULL when there is none; binary search */

/* (L, n_slot, 3) of one conformation, 0 .. n_conformation-1; NULL for a target without labels. */
const float *rt_target_xyz(const rt_target *target, int64_t conformation);
/* The C1' of residue i (from 0), three floats; NULL for a target without labels.  NaN when it is missing. */
const float *rt_target_c1(const rt_target *target, int64_t conformation, int64_t residue);

/* Where the segment that begins after residue `after` (from 0) begins; `length` when there is none. */
int64_t rt_target_next_segment(const char *segments, int64_t after, int64_t length);

/* SHA-256 of everything that training and splitting depend on: every target's id, sequence, origin, date and
 * coordinates; not of paths and times of files. */
const char *rt_dataset_hash(const rt_dataset *set);
const char *rt_dataset_folder(const rt_dataset *set);
/* What made it, as the import wrote it down; "" when it did not say. */
const char *rt_dataset_plan(const rt_dataset *set);

int64_t rt_dataset_note_count(const rt_dataset *set);
const rt_dataset_note *rt_dataset_note_at(const rt_dataset *set, int64_t index);
int64_t rt_dataset_source_count(const rt_dataset *set);
const rt_dataset_source *rt_dataset_source_at(const rt_dataset *set, int64_t index);

/* Reads all coordinates and compares every hash.  Errors: RT_ERR_FORMAT naming the first target that differs. */
rt_status rt_dataset_verify(const rt_dataset *set, rt_err *err);

/* True when `folder` holds a finished set (an index.sqlite). */
bool rt_dataset_is_there(const char *folder);

/* A cheap fingerprint of a file of any size: SHA-256 of its size, its first and last MiB and 16 pieces between. */
rt_status rt_dataset_fingerprint(char out_text[RT_HASH_TEXT], int64_t *out_size, int64_t *out_mtime, const char *path,
                                 rt_err *err);

#endif
