/* pickle.h - a Python pickle as a tree of plain values; nothing in it is ever called
 * Room: io.  Uses: base/memory, base/tensor.
 *
 * Protocols 0 to 5.  A pickle is a program; this reader runs only its data-building half.  The names it may mention are
 * on a list (io/pickle_names.c): those with a meaning here (PyTorch tensors and storages, numpy arrays and scalars,
 * OrderedDict, ...) become values, harmless classes become inert objects, and any other name ends the reading with an
 * error that says the name.
 *
 * Values may be shared and may even contain themselves: walk to a known depth, never recursively.
 */
#ifndef RT_IO_PICKLE_H
#define RT_IO_PICKLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"

typedef enum {
    RT_VALUE_NONE,
    RT_VALUE_BOOL,      /* integer: 0 or 1 */
    RT_VALUE_INT,       /* integer; those of more than 64 bits are an object "int" */
    RT_VALUE_FLOAT,     /* real */
    RT_VALUE_TEXT,      /* text, count bytes of UTF-8, not NUL-terminated */
    RT_VALUE_BYTES,     /* bytes, count */
    RT_VALUE_LIST,      /* item, count; sets too */
    RT_VALUE_TUPLE,     /* item, count; frozensets too */
    RT_VALUE_DICT,      /* item[2 i] key, item[2 i + 1] value; count pairs in order; also OrderedDict, Counter, ... */
    RT_VALUE_TENSOR,    /* tensor: torch tensors and parameters, numpy arrays; row-major and aligned */
    RT_VALUE_STORAGE,   /* tensor: the whole of a torch storage, one dimension */
    RT_VALUE_GLOBAL,    /* text: a name such as "torch.float32", count */
    RT_VALUE_OBJECT     /* object: anything else on the list */
} rt_value_kind;

typedef struct rt_value rt_value;

typedef struct {
    const char *name;   /* "rdkit.Chem.rdchem.Mol" */
    rt_value *args;     /* a tuple */
    rt_value *state;    /* NULL when the pickle gave none */
} rt_pickle_object;

struct rt_value {
    uint8_t kind;       /* rt_value_kind */
    uint8_t global;     /* RT_VALUE_GLOBAL: its row in the list of names */
    int64_t count;
    union {
        int64_t integer;
        double real;
        const char *text;
        const uint8_t *bytes;
        rt_value **item;
        rt_tensor *tensor;
        rt_pickle_object *object;
    };
};

/* Where a pickle comes from. */
typedef struct {
    const char *file;       /* the user's file, for errors */
    const char *member;     /* "data.pkl", or NULL for a file that is itself a pickle */
    const uint8_t *bytes;   /* must outlive the rt_pickle: texts, bytes and arrays point into it */
    int64_t size;
    int64_t data_bytes;     /* bytes that tensors may come from (the archive's size): bounds what may be copied */
    /* The bytes of storage `key`, which must outlive the rt_pickle; NULL refuses persistent ids. */
    rt_status (*storage)(void *context, const char *key, const uint8_t **out_bytes, int64_t *out_size, rt_err *err);
    void *context;
} rt_pickle_source;

typedef struct rt_pickle rt_pickle;

/* Errors: RT_ERR_FORMAT (not a pickle, cut short, a tensor beyond its storage, values that do not fit together),
 * RT_ERR_UNSUPPORTED (a name outside the list, extension codes, out-of-band buffers, types that rt_dtype lacks),
 * RT_ERR_MEMORY (also a pickle that asks for far more memory than its size explains).
 * Memory: at most 64 MB + 48 size + 4 data_bytes. */
rt_status rt_pickle_open(rt_pickle **ret_pickle, const rt_pickle_source *source, rt_err *err);
void rt_pickle_close(rt_pickle *pickle);   /* NULL ok; frees every value */
const rt_value *rt_pickle_root(const rt_pickle *pickle);
int64_t rt_pickle_memory(const rt_pickle *pickle);   /* bytes that the values take */

/* True when `value` is that text. */
bool rt_value_is_text(const rt_value *value, const char *text);
/* dict[key], NULL when value is no dict or has no such key.  Cost: one pass over the keys. */
const rt_value *rt_value_get(const rt_value *value, const char *key);
/* True for int, bool, a float without fraction, and a tensor of one whole number. */
bool rt_value_integer(const rt_value *value, int64_t *out);

#endif
