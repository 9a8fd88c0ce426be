/* hits.h - Infernal's tables of hits, and which of the hits count
 * Room: prep.  Uses: io/plain, base/memory, base/text, prep/models.
 * Reference: Infernal 1.1 User's Guide, target hits tables of formats 1, 2 and 3; --oclan and --oskip of cmscan.
 */
#ifndef RT_PREP_HITS_H
#define RT_PREP_HITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "prep/models.h"

#define RT_HITS_EVALUE 1e-3   /* where a model has no gathering threshold */

typedef struct {
    char *sequence, *model, *accession;   /* accession: "RF00005", or the model's name when it has none */
    char *clan;                           /* "" for none */
    int64_t from, to;                     /* on the sequence, from 1; to < from on the minus strand */
    bool minus;
    bool included;                        /* "!": over the inclusion threshold of the run */
    bool overlapped;                      /* "=": the run itself marked it as overlapped by a better one (format 2) */
    double score, evalue;
    int64_t line;
} rt_hit;

typedef struct {
    rt_hit *hit;                          /* in the file's order */
    int64_t n, capacity;
} rt_hits;

/* A table of cmscan or cmsearch --tblout, format 1, 2 or 3 (gzip too).  Which of the two programs wrote it, and so
 * which
 * name is the sequence's, is read from "# Program:"; without that line the name whose accession begins with RF is the
 * model's, and of a table of format 2 or 3 the target is the model.
 * must_be_whole: a table without "# [ok]" at its end was cut short, and is refused.
 * Errors, with file and line: RT_ERR_IO; RT_ERR_FORMAT (too few columns, a number that is none, cut short). */
rt_status rt_hits_read(rt_hits *out_hits, const char *path, bool must_be_whole, rt_err *err);
rt_status rt_hits_parse(rt_hits *out_hits, const char *name, const char *text, int64_t size, bool must_be_whole,
                        rt_err *err);
void rt_hits_free_members(rt_hits *hits);

typedef struct {
    double evalue;            /* the limit for models without a gathering threshold */
    bool both_strands;        /* hits on the reverse complement count, too */
    bool clans;               /* clans are known: only hits of one clan compete for a place */
} rt_hits_rules;

typedef struct { int64_t weak, minus, overlapped; } rt_hits_dropped;

/* Keeps what counts, ordered by sequence, then place: score >= GA where `opt_models` knows one, else E-value within the
 * limit; then, of hits of a sequence that share a residue on the same strand, the one with the lower E-value (the
 * higher
 * score among equals).  With clans only hits of families of one clan displace each other, as Rfam does (--oclan). */
rt_status rt_hits_resolve(rt_hits *hits, rt_hits_dropped *out_dropped, const rt_models *opt_models,
                          const rt_hits_rules *rules, rt_err *err);

#endif
