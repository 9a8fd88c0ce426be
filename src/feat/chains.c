#include "feat/chains.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

typedef enum { RNA, DNA, PROTEIN } molecule_kind;

/* One record of all_sequences. */
typedef struct {
    char *header, *sequence;   /* the header without '>'; RNA in upper case with U */
    int64_t length, copies, used;
    molecule_kind kind;
} record;

typedef struct {
    record *item;
    int64_t count, capacity;
} records;

static void free_records(records *all)
{
    for (int64_t i = 0; i < all->count; i++) {
        free(all->item[i].header);
        free(all->item[i].sequence);
    }
    free(all->item);
}

/* DNA has T and no U; what has other letters than nucleotides' is protein. */
static molecule_kind kind_of(const char *sequence)
{
    bool u = false, t = false;
    for (const char *c = sequence; *c; c++) {
        if (!strchr("ACGUTNX", *c)) return PROTEIN;
        u = u || *c == 'U';
        t = t || *c == 'T';
    }
    return t && !u ? DNA : RNA;
}

/* "7QR3_2|Chains C, D[auth E]|...": the second field's names; *at moves on, NULL after the last. */
static const char *next_name(const char **at, int64_t *out_length)
{
    const char *p = *at;
    while (*p == ' ' || *p == ',') p++;
    if (!*p || *p == '|') return NULL;
    const char *name = p;
    while (*p && !strchr(" ,|[", *p)) p++;
    *out_length = p - name;
    if (*p == '[') while (*p && *p != '|' && *p++ != ']') continue;
    *at = p;
    return name;
}

static const char *chain_names(const char *header)
{
    const char *field = strchr(header, '|');
    if (!field) return NULL;
    field++;
    if (strncasecmp(field, "Chains ", 7) == 0) return field + 7;
    return strncasecmp(field, "Chain ", 6) == 0 ? field + 6 : NULL;
}

static int64_t count_copies(const char *header)
{
    const char *at = chain_names(header);
    int64_t count = 0, length;
    while (at && next_name(&at, &length)) count++;
    return count ? count : 1;
}

/* The chain's name, or its author's name in brackets, or the record's own. */
static bool has_name(const char *header, const char *name, int64_t length)
{
    const char *at = chain_names(header), *found;
    int64_t n;
    while (at && (found = next_name(&at, &n)))
        if (n == length && memcmp(found, name, (size_t)n) == 0) return true;
    size_t own = strcspn(header, "| \t");
    return (int64_t)own == length && memcmp(header, name, own) == 0;
}

static rt_status add_record(records *all, const char *header, int64_t header_length, rt_err *err)
{
    rt_status status = rt_grow((void **)&all->item, &all->capacity, all->count + 1, sizeof *all->item, err);
    if (status != RT_OK) return status;
    record r = {.header = rt_copy_text(header, header_length, err)};
    if (!r.header) return RT_ERR_MEMORY;
    all->item[all->count++] = r;
    return RT_OK;
}

static rt_status read_records(records *all, const char *fasta, rt_err *err)
{
    rt_status status = RT_OK;
    rt_text sequence = {0};
    for (const char *line = fasta; *line;) {
        int64_t length = (int64_t)strcspn(line, "\r\n");
        if (*line == '>') {
            RT_TRY(add_record(all, line + 1, length - 1, err));
            rt_text_clear(&sequence);
        } else if (all->count) {
            record *r = &all->item[all->count - 1];
            for (int64_t i = 0; i < length; i++)
                if (!isspace((unsigned char)line[i])) {
                    char c = (char)toupper((unsigned char)line[i]);
                    rt_text_add_bytes(&sequence, &c, 1);
                }
            free(r->sequence);
            r->length = sequence.length;
            r->sequence = sequence.failed ? NULL : rt_copy_text(sequence.data ? sequence.data : "", sequence.length, err);
            if (!r->sequence) RT_TRY(RT_ERR_MEMORY);
        }
        line += length;
        while (*line == '\r' || *line == '\n') line++;
    }
    for (int64_t i = 0; i < all->count; i++) {
        record *r = &all->item[i];
        if (!r->sequence && !(r->sequence = rt_copy_text("", 0, err))) RT_TRY(RT_ERR_MEMORY);
        r->kind = r->length ? kind_of(r->sequence) : PROTEIN;
        r->copies = count_copies(r->header);
    }
done:
    rt_text_free(&sequence);
    return status;
}

static bool begins_with(const char *sequence, const record *r)
{
    for (int64_t i = 0; i < r->length; i++)
        if (sequence[i] != (r->sequence[i] == 'T' ? 'U' : r->sequence[i])) return false;
    return r->length > 0;
}

static rt_status add_chain(rt_input *input, int64_t *capacity, int64_t first, int64_t length, rt_err *err)
{
    rt_status status = rt_grow((void **)&input->chain, capacity, input->n_chain + 1, sizeof *input->chain, err);
    if (status != RT_OK) return status;
    rt_input_chain chain = {.first = first, .length = length};
    for (int64_t c = 0; c < input->n_chain; c++) {
        const rt_input_chain *other = &input->chain[c];
        bool same = other->length == length && !memcmp(input->sequence + first, input->sequence + other->first, (size_t)length);
        if (same) chain.entity = other->entity, chain.copy = other->copy + 1;
        else if (!chain.copy && other->entity >= chain.entity) chain.entity = other->entity + 1;
    }
    input->chain[input->n_chain++] = chain;
    return RT_OK;
}

/* ---- with a stoichiometry: "A:2;B:1", braces and commas are understood ---- */

/* One entry; *at moves behind it.  False when it is none. */
static bool read_entry(const char **at, const char **out_name, int64_t *out_length, int64_t *out_count)
{
    const char *p = *at + strspn(*at, " {;,");
    size_t name = strcspn(p, ":;,}");
    while (name && p[name - 1] == ' ') name--;
    const char *colon = p + strcspn(p, ":;,}"), *number = colon + (*colon == ':');
    number += strspn(number, " ");
    size_t digits = strspn(number, "0123456789");
    if (!name || *colon != ':' || !rt_parse_int(number, (int64_t)digits, out_count) || *out_count < 1 || *out_count > 1000)
        return false;
    *out_name = p;
    *out_length = (int64_t)name;
    *at = number + digits;
    *at += strspn(*at, " };,");
    return true;
}

/* Lays the listed chains side by side; *out_complete tells whether they are the sequence. */
static rt_status lay_out(rt_input *input, records *all, bool *out_complete, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t at = 0, capacity = 0, length, count;
    const char *name, *text = input->stoichiometry;
    *out_complete = false;
    while (*text) {
        if (!read_entry(&text, &name, &length, &count)) return RT_OK;
        record *found = NULL;
        for (int64_t i = 0; i < all->count && !found; i++)
            if (has_name(all->item[i].header, name, length)) found = &all->item[i];
        if (!found || found->kind != RNA) continue;   /* a partner: counted by whoever asks what is not modelled */
        for (int64_t copy = 0; copy < count; copy++, at += found->length) {
            if (at + found->length > input->length || !begins_with(input->sequence + at, found)) return RT_OK;
            RT_TRY(add_chain(input, &capacity, at, found->length, err));
            found->used++;
        }
    }
    *out_complete = at == input->length && at > 0;
done:
    return status;
}

/* ---- without: RNAs of all_sequences, each at most as often as its header names chains ---- */

enum { MOST_CHAINS = 256 };

/* Depth first over records in their order; `steps` bounds what a hostile file can ask for. */
static bool tile(const char *sequence, records *all, int64_t *choice, int64_t depth, int64_t *steps)
{
    if (!*sequence) return depth > 0;
    if (depth == MOST_CHAINS) return false;
    for (int64_t i = 0; i < all->count && *steps > 0; i++) {
        record *r = &all->item[i];
        if (r->kind != RNA || r->used == r->copies) continue;
        (*steps)--;
        if (!begins_with(sequence, r)) continue;
        r->used++;
        choice[depth] = i;
        if (tile(sequence + r->length, all, choice, depth + 1, steps)) return true;
        r->used--;
    }
    return false;
}

static rt_status find_tiling(rt_input *input, records *all, bool *out_complete, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t choice[MOST_CHAINS], steps = 100000, capacity = 0;
    *out_complete = false;
    for (int64_t i = 0; i < all->count; i++)   /* the usual case first: the target is one molecule */
        if (all->item[i].kind == RNA && all->item[i].length == input->length && begins_with(input->sequence, &all->item[i])) {
            all->item[i].used = 1;
            *out_complete = true;
            return add_chain(input, &capacity, 0, input->length, err);
        }
    if (!tile(input->sequence, all, choice, 0, &steps)) return RT_OK;
    for (int64_t at = 0, c = 0; at < input->length; at += all->item[choice[c]].length, c++)
        RT_TRY(add_chain(input, &capacity, at, all->item[choice[c]].length, err));
    *out_complete = true;
done:
    return status;
}

static void count_partners(rt_partners *partner, const records *all, bool complete)
{
    for (int64_t i = 0; i < all->count; i++) {
        const record *r = &all->item[i];
        int64_t left = r->copies > r->used ? r->copies - r->used : 0;
        if (r->kind == PROTEIN) partner->n_protein += left;
        else if (r->kind == DNA) partner->n_dna += left;
        else if (complete) partner->n_rna += left;   /* else one of them may be the target itself */
    }
}

/* "A:1", which says no more than "one chain": nothing has to be found for it. */
static bool is_one_chain(const char *stoichiometry)
{
    const char *name, *at = stoichiometry;
    int64_t length, count = 0;
    return read_entry(&at, &name, &length, &count) && count == 1 && !*at;
}

rt_status rt_chains_find(rt_input *input, rt_err *err)
{
    rt_status status = RT_OK;
    records all = {0};
    /* a bare number names no chain */
    bool complete = false, listed = input->stoichiometry && strspn(input->stoichiometry, "0123456789") <
                                                                strlen(input->stoichiometry);
    if (!input->all_sequences && (!listed || is_one_chain(input->stoichiometry))) return RT_OK;
    rt_input_chain *single = input->chain;
    int64_t n_single = input->n_chain;
    input->chain = NULL;
    input->n_chain = 0;
    if (input->all_sequences) RT_TRY(read_records(&all, input->all_sequences, err));
    if (listed) RT_TRY(lay_out(input, &all, &complete, err));
    else RT_TRY(find_tiling(input, &all, &complete, err));
    for (int64_t i = 0; !complete && i < all.count; i++) all.item[i].used = 0;
    count_partners(&input->partner, &all, complete);
    input->partner.unexplained = !complete && (listed || all.count > 0);
done:
    if (status != RT_OK || !complete) {
        free(input->chain);
        input->chain = single;
        input->n_chain = n_single;
    } else {
        free(single);
    }
    free_records(&all);
    return status;
}

void rt_chains_print_partners(char *out, int64_t size, const rt_partners *partner)
{
    const struct { int64_t count; const char *what; } part[] = {
        {partner->n_protein, "protein"}, {partner->n_dna, "DNA"}, {partner->n_rna, "other RNA"}};
    int64_t used = 0;
    out[0] = 0;
    for (int i = 0; i < 3 && used < size; i++)
        if (part[i].count)
            used += snprintf(out + used, (size_t)(size - used), "%s%lld %s chain%s", used ? ", " : "", (long long)part[i].count,
                             part[i].what, part[i].count == 1 ? "" : "s");
    if (partner->ligands && partner->ligands[0] && used < size)
        snprintf(out + used, (size_t)(size - used), "%sligands %.100s", used ? "; " : "", partner->ligands);
}
