/* rnatune.h - the library's only public header: open a checkpoint, fold sequences, read the results
 *
 *     #include <rnatune.h>
 *
 *     char error[1024];
 *     rnatune_engine *engine;
 *     rnatune_engine_options model = {.checkpoint = "rnapro_base.pt", .ribonanza = "ribonanzanet2"};
 *     if (rnatune_engine_open(&engine, &model, error, sizeof error) != RNATUNE_OK) return fprintf(stderr, "%s\n", error), 1;
 *
 *     rnatune_session *session;
 *     rnatune_session_create(&session, engine, "hairpin", "GGGAAACCC", error, sizeof error);
 *     rnatune_session_fold(session, &(rnatune_fold_options){.samples = 5, .seed = 42}, error, sizeof error);
 *
 *     int64_t atoms = rnatune_session_atoms(session);
 *     const float *best = rnatune_session_coordinates(session, 0);      // (atoms, 3), Angstrom, rank 0 is the best
 *     rnatune_session_write_mmcif(session, 0, "hairpin.cif", error, sizeof error);
 *
 *     rnatune_session_free(session);
 *     rnatune_engine_close(engine);
 *
 * Link with build/librnatune.a and the libraries that `make -s libs` prints.  An engine is used by one thread at a time;
 * it has its own worker threads.  A session belongs to its engine and is freed before it.  Every function that can fail
 * returns a status and, unless it is RNATUNE_OK, writes one line to `error`.
 */
#ifndef RNATUNE_H
#define RNATUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    RNATUNE_OK = 0,
    RNATUNE_USAGE,        /* a value that makes no sense */
    RNATUNE_IO,           /* a file that cannot be opened, read or written */
    RNATUNE_FORMAT,       /* a file, or numbers, that are not what they should be */
    RNATUNE_MISMATCH,     /* two inputs that do not fit together */
    RNATUNE_UNSUPPORTED,  /* well-formed, but not something that rnatune does */
    RNATUNE_MEMORY,       /* not enough memory */
    RNATUNE_STOPPED       /* the progress function asked to stop */
} rnatune_status;

typedef struct rnatune_engine rnatune_engine;
typedef struct rnatune_session rnatune_session;

typedef enum { RNATUNE_FP32, RNATUNE_REFERENCE, RNATUNE_BF16 } rnatune_precision;

/* Zero is the default of every member. */
typedef struct {
    const char *checkpoint;        /* .pt/.ckpt of PyTorch or .safetensors; required */
    const char *ribonanza;         /* RibonanzaNet2's folder; NULL: the checkpoint's own weights */
    const char *config;            /* rnapro_base, rnapro_mini, or a file; NULL: what the weights say */
    bool no_ribonanza;             /* run without RibonanzaNet2, knowing that it costs accuracy */
    rnatune_precision precision;   /* of matrix products: float, the reference's mix, bf16 everywhere */
    int threads;                   /* 0: all processors; the results do not depend on it */
    int64_t memory;                /* bytes for activations; 0: what the machine has available */
} rnatune_engine_options;

/* Maps the checkpoint and checks every weight against the network: none may be missing, unknown or misshapen. */
rnatune_status rnatune_engine_open(rnatune_engine **ret_engine, const rnatune_engine_options *options, char *error,
                                   size_t error_size);
void rnatune_engine_close(rnatune_engine *engine);               /* NULL ok */
int64_t rnatune_engine_parameters(const rnatune_engine *engine);

/* A target: letters A C G U (lower case and T are taken as what they stand for).  `name` seeds its random numbers. */
rnatune_status rnatune_session_create(rnatune_session **ret_session, rnatune_engine *engine, const char *name,
                                      const char *sequence, char *error, size_t error_size);
void rnatune_session_free(rnatune_session *session);             /* NULL ok */

/* Takes <name>.MSA.fasta, .fasta, .a3m, .sto or .stk from a folder.  No such file is no error: *out_rows is then 0. */
rnatune_status rnatune_session_load_msa(rnatune_session *session, const char *folder, int64_t *out_rows, char *error,
                                        size_t error_size);

/* xyz (length, n_template, 3): C1' coordinates in Angstrom, best template first; NaN where a template has no residue. */
rnatune_status rnatune_session_set_templates(rnatune_session *session, const float *xyz, int64_t length, int64_t n_template,
                                             char *error, size_t error_size);

/* stage: 0 trunk, 1 denoiser set-up, 2 diffusion, 3 confidence.  Returning false stops the fold. */
typedef bool rnatune_progress(void *user, int stage, int64_t done, int64_t total);

/* Zero takes the config's number of cycles, steps and samples. */
typedef struct {
    int64_t samples, cycles, steps;
    uint64_t seed;
    rnatune_progress *progress;    /* may be NULL */
    void *user;
} rnatune_fold_options;

/* Folds; the results stay until the next fold on the same engine or the session's end. */
rnatune_status rnatune_session_fold(rnatune_session *session, const rnatune_fold_options *options, char *error,
                                    size_t error_size);

int64_t rnatune_session_samples(const rnatune_session *session);
int64_t rnatune_session_tokens(const rnatune_session *session);  /* residues */
int64_t rnatune_session_atoms(const rnatune_session *session);

/* Of the sample of a rank (0 is the best ranking score): (atoms, 3) in Angstrom, (atoms) 0..1, (tokens, tokens) Angstrom. */
const float *rnatune_session_coordinates(const rnatune_session *session, int64_t rank);
const float *rnatune_session_plddt(const rnatune_session *session, int64_t rank);
const float *rnatune_session_pae(const rnatune_session *session, int64_t rank);
double rnatune_session_ranking_score(const rnatune_session *session, int64_t rank);

/* Every field of the reference's summary_confidence as JSON; free() it.  NULL when memory is short. */
char *rnatune_session_summary(const rnatune_session *session, int64_t rank);

rnatune_status rnatune_session_write_mmcif(const rnatune_session *session, int64_t rank, const char *path, char *error,
                                           size_t error_size);

#ifdef __cplusplus
}
#endif

#endif
