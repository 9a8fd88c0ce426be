#include "prep/pairs_cm.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "io/plain.h"
#include "prep/hits.h"
#include "prep/infernal.h"
#include "score/contacts.h"

static double posterior(char code)
{
    if (code == '*') return 0.975;
    if (code < '0' || code > '9') return 0;
    return code == '0' ? 0.025 : (code - '0') / 10.0;
}

static char residue_of(char letter)
{
    char upper = (char)toupper((unsigned char)letter);
    return upper == 'T' ? 'U' : upper;
}

rt_status rt_pairs_cm_read_row(rt_pairs *pairs, const rt_stockholm *alignment, int64_t row, const char *sequence,
                               int64_t from, double min_prob, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_stockholm_row *r = &alignment->row[row];
    int32_t *partner = NULL;
    int64_t *place = NULL, at = from, length = (int64_t)strlen(sequence);
    if (!alignment->structure || !r->posterior)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "an alignment without SS_cons or posterior probabilities (PP)");
    RT_TRY_ALLOC(partner, alignment->columns);
    RT_TRY_ALLOC(place, alignment->columns);
    RT_TRY(rt_stockholm_pairs(partner, alignment->structure, alignment->columns, file, err));
    for (int64_t k = 0; k < alignment->columns; k++) {
        place[k] = -1;
        if (RT_IS_GAP(r->text[k])) continue;
        if (at >= length || (residue_of(r->text[k]) != sequence[at] && sequence[at] != 'N'))
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, file, 0, "column %lld of row %s is not the sequence that was aligned",
                           (long long)k + 1, r->name));
        place[k] = at++;
    }
    for (int64_t k = 0; k < alignment->columns; k++) {
        int32_t other = partner[k];
        if (other <= k || place[k] < 0 || place[other] < 0) continue;
        if (!rt_is_canonical(sequence[place[k]], sequence[place[other]])) continue;
        double p = fmin(posterior(r->posterior[k]), posterior(r->posterior[other]));
        if (p > 0 && p >= min_prob) RT_TRY(rt_pairs_add(pairs, place[k], place[other], p, err));
    }
done:
    free(partner);
    free(place);
    return status;
}

/* ---- Infernal ---------------------------------------------------------------------------------------------------- */

enum { PATH = 4300 };

typedef struct {
    const char *const *sequence;
    rt_pairs *pairs;
    double min_prob;
    rt_hits hits;
    bool *taken;                 /* (hits.n) aligned already */
    char work[PATH], models[PATH], model[PATH], fasta[PATH], alignment[PATH], said[PATH];
    char cmfetch[PATH], cmalign[PATH];
} aligner;

static rt_status find_programs(aligner *a, rt_err *err)
{
    rt_status status = rt_infernal_find(a->cmfetch, sizeof a->cmfetch, "cmfetch", err);
    if (status == RT_OK) status = rt_infernal_find(a->cmalign, sizeof a->cmalign, "cmalign", err);
    return status == RT_OK ? RT_OK : rt_hint(err, "apt-get install infernal; --method eternafold needs nothing");
}

static rt_status make_work(aligner *a, rt_err *err)
{
    const char *folder = getenv("TMPDIR");
    snprintf(a->work, sizeof a->work, "%.4000s/rnatune-cm-XXXXXX", folder && *folder ? folder : "/tmp");
    if (!mkdtemp(a->work)) {
        char path[PATH];
        snprintf(path, sizeof path, "%s", a->work);
        a->work[0] = 0;
        rt_fail(err, RT_ERR_IO, path, 0, "the folder for Infernal's files cannot be made");
        return rt_hint(err, "set TMPDIR to a folder that can be written");
    }
    rt_path_join(a->model, sizeof a->model, a->work, "model.cm");
    rt_path_join(a->fasta, sizeof a->fasta, a->work, "hits.fa");
    rt_path_join(a->alignment, sizeof a->alignment, a->work, "aligned.sto");
    rt_path_join(a->said, sizeof a->said, a->work, "said.txt");
    return RT_OK;
}

static void remove_work(const aligner *a)
{
    if (!a->work[0]) return;
    unlink(a->model);
    unlink(a->fasta);
    unlink(a->alignment);
    unlink(a->said);
    rt_infernal_clean(a->work);
}

/* Infernal's programs read plain text: a packed file is unpacked into the work folder. */
static rt_status plain_models(aligner *a, const char *models, rt_err *err)
{
    rt_plain plain;
    rt_status status = rt_plain_open(&plain, models, err);
    if (status != RT_OK) return status;
    snprintf(a->models, sizeof a->models, "%s", models);
    if (plain.unpacked) {
        rt_path_join(a->models, sizeof a->models, a->work, "models-plain.cm");
        status = rt_write_text(a->models, plain.data, plain.size, err);
    }
    rt_plain_close(&plain);
    return status;
}

static rt_status write_hits(aligner *a, int64_t first, rt_err *err)
{
    rt_text text = {0};
    for (int64_t k = first; k < a->hits.n; k++) {
        const rt_hit *hit = &a->hits.hit[k];
        if (a->taken[k] || strcmp(hit->model, a->hits.hit[first].model) != 0) continue;
        a->taken[k] = true;
        const char *sequence = a->sequence[strtoll(hit->sequence, NULL, 10)];
        rt_text_add(&text, ">%lld\n%.*s\n", (long long)k, (int)(hit->to - hit->from + 1), sequence + hit->from - 1);
    }
    rt_status status = text.failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory")
                                   : rt_write_text(a->fasta, text.data, text.length, err);
    rt_text_free(&text);
    return status;
}

static rt_status read_alignment(aligner *a, rt_err *err)
{
    rt_stockholm alignment;
    rt_status status = rt_stockholm_read(&alignment, a->alignment, err);
    for (int64_t row = 0; row < alignment.n && status == RT_OK; row++) {
        int64_t k;
        const char *name = alignment.row[row].name;
        if (!rt_parse_int(name, (int64_t)strlen(name), &k) || k < 0 || k >= a->hits.n) {
            status = rt_fail(err, RT_ERR_FORMAT, a->alignment, 0, "an unknown row '%s'", name);
            break;
        }
        int64_t number = strtoll(a->hits.hit[k].sequence, NULL, 10);
        status = rt_pairs_cm_read_row(&a->pairs[number], &alignment, row, a->sequence[number], a->hits.hit[k].from - 1,
                                      a->min_prob, a->alignment, err);
    }
    rt_stockholm_free_members(&alignment);
    return status;
}

/* All hits of the model that hit `first` is of. */
static rt_status align_family(aligner *a, int64_t first, rt_err *err)
{
    rt_status status = RT_OK;
    const char *fetch[] = {a->cmfetch, "-o", a->model, a->models, a->hits.hit[first].model, NULL};
    const char *align[] = {a->cmalign, "--cpu",      "0",      "--outformat", "Pfam",
                           "-o",       a->alignment, a->model, a->fasta,      NULL};
    RT_TRY(write_hits(a, first, err));
    unlink(a->model);   /* cmfetch does not overwrite */
    RT_TRY(rt_process_run(fetch, NULL, a->said, err));
    RT_TRY(rt_process_run(align, NULL, a->said, err));
    RT_TRY(read_alignment(a, err));
done:
    return status;
}

static rt_status find_hits(aligner *a, const char *models, int64_t n, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    rt_models known = {0};
    rt_hits_dropped dropped;
    rt_hits_rules rules = {.evalue = RT_HITS_EVALUE};
    rt_infernal_options options = {.cm = models, .work = a->work};
    char (*number)[24] = NULL;
    const char **name = NULL;
    RT_TRY_ALLOC(number, n);
    RT_TRY_ALLOC(name, n);
    for (int64_t k = 0; k < n; k++) {
        snprintf(number[k], sizeof number[k], "%lld", (long long)k);
        name[k] = number[k];
    }
    RT_TRY(rt_models_read(&known, models, err));
    RT_TRY(rt_infernal_scan(&a->hits, name, a->sequence, n, &options, pool, err));
    RT_TRY(rt_hits_resolve(&a->hits, &dropped, &known, &rules, err));
    RT_TRY_ALLOC(a->taken, a->hits.n);
    for (int64_t k = 0; k < a->hits.n; k++) {
        const rt_hit *hit = &a->hits.hit[k];
        int64_t length = (int64_t)strlen(a->sequence[strtoll(hit->sequence, NULL, 10)]);
        if (hit->from < 1 || hit->to < hit->from || hit->to > length)
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, models, 0, "cmscan reports a hit from %lld to %lld of %lld residues",
                           (long long)hit->from, (long long)hit->to, (long long)length));
    }
done:
    free(number);
    free(name);
    rt_models_free_members(&known);
    return status;
}

rt_status rt_pairs_cm_find(rt_pairs *out_pairs, int64_t *out_found, const char *models, const char *const *sequence,
                           int64_t n, double min_prob, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    aligner *a = NULL;
    for (int64_t k = 0; k < n; k++)
        out_pairs[k] = (rt_pairs){.length = (int64_t)strlen(sequence[k]), .best_score = NAN, .ensemble = NAN};
    *out_found = 0;
    RT_TRY_ALLOC(a, 1);
    a->sequence = sequence;
    a->pairs = out_pairs;
    a->min_prob = min_prob;
    RT_TRY(find_programs(a, err));
    RT_TRY(make_work(a, err));
    RT_TRY(plain_models(a, models, err));
    RT_TRY(find_hits(a, a->models, n, pool, err));
    for (int64_t k = 0; k < a->hits.n; k++) {
        if (k == 0 || strcmp(a->hits.hit[k].sequence, a->hits.hit[k - 1].sequence) != 0) (*out_found)++;
        if (!a->taken[k]) RT_TRY(align_family(a, k, err));
    }
    for (int64_t k = 0; k < n; k++) rt_pairs_sort(&out_pairs[k]);
done:
    if (a) {
        remove_work(a);
        rt_hits_free_members(&a->hits);
        free(a->taken);
    }
    free(a);
    for (int64_t k = 0; k < n && status != RT_OK; k++) rt_pairs_free_members(&out_pairs[k]);
    return status;
}
