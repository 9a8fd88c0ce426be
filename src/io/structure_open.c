/* structure_open.c - a structure file of either kind, known by its content */
#include <string.h>

#include "base/text.h"
#include "io/pdb.h"
#include "io/plain.h"
#include "io/structure.h"

/* The first bytes that say something: a comment of CIF counts, blanks and a byte order mark do not. */
static const char *first_word(const rt_plain *plain, int64_t *out_left)
{
    int64_t at = plain->size >= 3 && memcmp(plain->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < plain->size && strchr(" \t\r\n", plain->data[at]) && plain->data[at]) at++;
    *out_left = plain->size - at;
    return plain->data + at;
}

static bool begins(const char *text, int64_t left, const char *word)
{
    int64_t length = (int64_t)strlen(word);
    return left >= length && strncasecmp(text, word, (size_t)length) == 0;
}

rt_status rt_structure_open(rt_structure *out_structure, const char *path, rt_err *err)
{
    rt_plain plain;
    rt_cif *cif = NULL;
    int64_t left;
    *out_structure = (rt_structure){0};
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    const char *word = first_word(&plain, &left);
    if (!left) {
        status = rt_fail(err, RT_ERR_FORMAT, path, 0, "the file is empty");
    } else if (begins(word, left, "data_") || begins(word, left, "loop_") || *word == '#' || *word == '_') {
        status = rt_cif_open(&cif, plain.data, plain.size, path, err);
        if (status == RT_OK) status = rt_structure_read(out_structure, cif, 0, err);
        rt_cif_close(cif);
    } else if (memchr(word, 0, (size_t)(left < 64 ? left : 64)) || (*word & 0x80)) {
        status = rt_fail(err, RT_ERR_UNSUPPORTED, path, 0, "is a binary file; mmCIF or PDB text was expected");
        rt_hint(err, "BinaryCIF (.bcif) and MMTF are not read: get the .cif of the same entry");
    } else {
        status = rt_pdb_read(out_structure, plain.data, plain.size, path, err);
    }
    rt_plain_close(&plain);
    return status;
}

bool rt_structure_is_name(const char *name)
{
    static const char *const ENDINGS[] = {".cif",    ".pdb",    ".ent",      ".mmcif", ".cif.gz",
                                          ".pdb.gz", ".ent.gz", ".mmcif.gz", ".bcif",  ".bcif.gz"};
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++)
        if (rt_ends_with(name, ENDINGS[i])) return true;
    return false;
}
