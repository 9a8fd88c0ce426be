#include "prep/infernal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/text.h"
#include "io/plain.h"

enum { PIECE_RESIDUES = 5000 };   /* of sequence in a piece: a run of cmscan of seconds to minutes with all of Rfam */

typedef struct { int64_t first, count; char table[4400]; rt_status status; rt_err err; } piece;

typedef struct {
    const char *const *name, *const *sequence;
    const rt_infernal_options *options;
    char cmscan[4096], models[4200];
    piece *piece;
    int32_t done;
} scan;

/* ---- the pressed models ------------------------------------------------------------------------------------------ */

static const char *const PRESSED[] = {".i1m", ".i1i", ".i1f", ".i1p"};

static bool is_pressed(const char *path)
{
    char file[4300];
    for (int i = 0; i < 4; i++) {
        snprintf(file, sizeof file, "%s%s", path, PRESSED[i]);
        if (!rt_file_exists(file)) return false;
    }
    return true;
}

rt_status rt_infernal_find(char *out, int64_t size, const char *name, rt_err *err)
{
    char folder[64];
    if (rt_process_find(out, size, name)) return RT_OK;
    snprintf(folder, sizeof folder, "/usr/lib/infernal/%.30s", name);
    if (rt_process_find(out, size, folder)) return RT_OK;
    rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s, a program of Infernal, is not installed", name);
    return rt_hint(err, "apt-get install infernal, or run it elsewhere and give its table with --tblout");
}

/* out_models: a path with pressed models beside it: the user's own when he pressed them, else made in `work`. */
static rt_status press(scan *s, const char *key, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_infernal_options *o = s->options;
    char cmpress[4096], said[4400], finished[4300];
    rt_plain plain = {0};
    snprintf(s->models, sizeof s->models, "%s", o->cm);
    if (is_pressed(o->cm)) return RT_OK;
    snprintf(s->models, sizeof s->models, "%s/models-%.16s.cm", o->work, key);
    snprintf(finished, sizeof finished, "%s.pressed", s->models);      /* cmpress may have been ended half-way */
    if (rt_file_exists(finished) && is_pressed(s->models)) return RT_OK;
    RT_TRY(rt_infernal_find(cmpress, sizeof cmpress, "cmpress", err));
    RT_TRY(rt_plain_open(&plain, o->cm, err));
    rt_info("pressing %s into %s", o->cm, o->work);
    RT_TRY(rt_write_text(s->models, plain.data, plain.size, err));
    snprintf(said, sizeof said, "%s/cmpress.txt", o->work);
    const char *argv[] = {cmpress, "-F", s->models, NULL};
    RT_TRY(rt_process_run(argv, NULL, said, err));
    RT_TRY(rt_write_text(finished, "", 0, err));
done:
    rt_plain_close(&plain);
    return status;
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

static void print_fasta(rt_text *out, const scan *s, const piece *p)
{
    for (int64_t i = 0; i < p->count; i++)   /* numbers stand for names, which may be anything */
        rt_text_add(out, ">%lld\n%s\n", (long long)i, s->sequence[p->first + i]);
}

static rt_status scan_piece(scan *s, piece *p, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_infernal_options *o = s->options;
    char fasta[4500], part[4500], said[4500], space[40];
    rt_text text = {0};
    if (rt_file_exists(p->table)) return RT_OK;
    snprintf(fasta, sizeof fasta, "%s.fasta", p->table);
    snprintf(part, sizeof part, "%s.part", p->table);
    snprintf(said, sizeof said, "%s.txt", p->table);
    snprintf(space, sizeof space, "%.17g", o->search_space);
    print_fasta(&text, s, p);
    if (text.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    RT_TRY(rt_write_text(fasta, text.data, text.length, err));
    const char *argv[16] = {s->cmscan, "--cpu", "0", "--noali", "--fmt", "2", "--tblout", part};
    int n = 8;
    if (!o->both_strands) argv[n++] = "--toponly";
    if (o->search_space > 0) argv[n++] = "-Z", argv[n++] = space;
    argv[n++] = s->models;
    argv[n++] = fasta;
    argv[n] = NULL;
    RT_TRY(rt_process_run(argv, NULL, said, err));
    if (rename(part, p->table) != 0)
        RT_TRY(rt_fail(err, RT_ERR_IO, p->table, 0, "cannot be written: %s", strerror(errno)));
    unlink(said);
done:
    unlink(fasta);
    unlink(part);
    rt_text_free(&text);
    return status;
}

static void run_piece(void *argument, int64_t task, int worker)
{
    scan *s = argument;
    piece *p = &s->piece[task];
    (void)worker;
    if (rt_stop_requested()) p->status = rt_fail(&p->err, RT_ERR_STOPPED, NULL, 0, "stopped");
    else p->status = scan_piece(s, p, &p->err);
    rt_progress_step(__atomic_add_fetch(&s->done, 1, __ATOMIC_RELAXED));
}

/* Names each piece's table after everything that its content depends on. */
static rt_status plan_pieces(scan *s, int64_t *out_n, int64_t n, const char *key, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t residues = 0;
    rt_text text = {0};
    char hash[RT_HASH_TEXT];
    RT_TRY_ALLOC(s->piece, n);
    *out_n = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = (int64_t)strlen(s->sequence[i]);
        if (i == 0 || residues + length > PIECE_RESIDUES) s->piece[(*out_n)++].first = i, residues = 0;
        s->piece[*out_n - 1].count++;
        residues += length;
    }
    for (int64_t k = 0; k < *out_n; k++) {
        piece *p = &s->piece[k];
        rt_text_clear(&text);
        rt_text_add(&text, "%s %.17g %d\n", key, s->options->search_space, s->options->both_strands);
        print_fasta(&text, s, p);
        if (text.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
        RT_TRY(rt_hash_bytes(hash, text.data, text.length, err));
        snprintf(p->table, sizeof p->table, "%s/%.24s.tbl", s->options->work, hash);
    }
done:
    rt_text_free(&text);
    return status;
}

/* Appends a piece's hits under the sequences' own names. */
static rt_status take_piece(rt_hits *out, const scan *s, const piece *p, rt_err *err)
{
    rt_status status = RT_OK;
    rt_hits hits = {0};
    RT_TRY(rt_hits_read(&hits, p->table, true, err));
    void *all = out->hit;
    status = rt_grow(&all, &out->capacity, out->n + hits.n, sizeof *out->hit, err);
    out->hit = all;
    if (status != RT_OK) goto done;
    for (int64_t i = 0; i < hits.n; i++) {
        int64_t number;
        char *name = hits.hit[i].sequence;
        if (!rt_parse_int(name, (int64_t)strlen(name), &number) || number < 0 || number >= p->count)
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, p->table, hits.hit[i].line, "a hit on an unknown sequence '%s'", name));
    }
    for (int64_t i = 0; i < hits.n; i++) {
        int64_t number = strtoll(hits.hit[i].sequence, NULL, 10);
        char *name = rt_copy_text(s->name[p->first + number], -1, err);
        if (!name) RT_TRY(RT_ERR_MEMORY);
        free(hits.hit[i].sequence);
        hits.hit[i].sequence = name;
    }
    if (hits.n) memcpy(out->hit + out->n, hits.hit, (size_t)hits.n * sizeof *hits.hit);
    out->n += hits.n;
    hits.n = 0;
done:
    rt_hits_free_members(&hits);
    return status;
}

rt_status rt_infernal_scan(rt_hits *out_hits, const char *const *name, const char *const *sequence, int64_t n,
                           const rt_infernal_options *options, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    scan *s = NULL;
    int64_t n_piece = 0, kept = 0;
    char key[RT_HASH_TEXT];
    RT_TRY_ALLOC(s, 1);
    s->name = name;
    s->sequence = sequence;
    s->options = options;
    RT_TRY(rt_infernal_find(s->cmscan, sizeof s->cmscan, "cmscan", err));
    RT_TRY(rt_make_folder(options->work, err));
    RT_TRY(rt_hash_file(key, NULL, options->cm, err));
    RT_TRY(press(s, key, err));
    RT_TRY(plan_pieces(s, &n_piece, n, key, err));
    for (int64_t k = 0; k < n_piece; k++) kept += rt_file_exists(s->piece[k].table);
    if (kept) rt_info("%lld of %lld pieces were searched before", (long long)kept, (long long)n_piece);
    rt_progress_start("piece", n_piece);
    rt_progress_label("cmscan");
    rt_pool_run(pool, n_piece, run_piece, s);
    rt_progress_end();
    for (int64_t k = 0; k < n_piece; k++)
        if (s->piece[k].status != RT_OK) {
            if (err) *err = s->piece[k].err;
            status = s->piece[k].status;
            goto done;
        }
    for (int64_t k = 0; k < n_piece; k++) RT_TRY(take_piece(out_hits, s, &s->piece[k], err));
done:
    if (s) free(s->piece);
    free(s);
    return status;
}

void rt_infernal_clean(const char *work)
{
    DIR *folder = opendir(work);
    struct dirent *entry;
    char path[4400];
    while (folder && (entry = readdir(folder))) {
        bool ours = rt_ends_with(entry->d_name, ".tbl") || strcmp(entry->d_name, "cmpress.txt") == 0 ||
                    strncmp(entry->d_name, "models-", 7) == 0;
        snprintf(path, sizeof path, "%s/%s", work, entry->d_name);
        if (ours) unlink(path);
    }
    if (folder) closedir(folder);
    rmdir(work);
}
