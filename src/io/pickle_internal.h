/* pickle_internal.h - what pickle.c (the machine), pickle_names.c (what names mean) and pickle_tensor.c share
 * Room: io.  Uses: io/pickle.  Not for others.
 */
#ifndef RT_IO_PICKLE_INTERNAL_H
#define RT_IO_PICKLE_INTERNAL_H

#include "io/pickle.h"

typedef struct rt_pickle_chunk rt_pickle_chunk;

struct rt_pickle {
    rt_pickle_chunk *chunk;     /* the newest; each knows the one before */
    int64_t used, limit;        /* bytes taken from the system */
    rt_value *root;
};

/* The state of one reading. */
typedef struct {
    rt_pickle *pickle;
    const rt_pickle_source *source;
    const uint8_t *at, *end;
    rt_value **stack;
    int64_t height, stack_capacity;
    int64_t *mark;              /* heights of the stack */
    int64_t n_mark, mark_capacity;
    rt_value **memo;
    int64_t memo_capacity, memo_count;
    bool stopped;
    rt_err *err;
} rt_unpickler;

/* What a name means when it is called. */
typedef enum {
    RT_NAME_PLAIN,          /* a name and no more; calling it is refused */
    RT_NAME_INERT,          /* a class: an object with its arguments */
    RT_NAME_DICT,           /* dict(), OrderedDict(pairs), Counter(dict) */
    RT_NAME_DEFAULTDICT,    /* defaultdict(factory) */
    RT_NAME_LIST,           /* list(x), set(x) */
    RT_NAME_TUPLE,          /* tuple(x), frozenset(x), torch.Size(x) */
    RT_NAME_BYTES,          /* bytes() of Python 2 compatible pickles */
    RT_NAME_ENCODE,         /* _codecs.encode(text, "latin1") */
    RT_NAME_RECONSTRUCTOR,  /* copyreg._reconstructor(class, base, state) */
    RT_NAME_STORAGE,        /* torch.FloatStorage: only in persistent ids */
    RT_NAME_DTYPE,          /* torch.float32 */
    RT_NAME_TENSOR,         /* torch._utils._rebuild_tensor, _v2 */
    RT_NAME_TENSOR_V3,
    RT_NAME_PARAMETER,
    RT_NAME_FROM_TYPE,      /* torch._tensor._rebuild_from_type_v2(function, type, args, state) */
    RT_NAME_ND_RECONSTRUCT, /* numpy's empty array, filled by its state */
    RT_NAME_ND_BUFFER,      /* numpy.core.numeric._frombuffer, protocol 5 */
    RT_NAME_ND_SCALAR
} rt_name_action;

typedef struct {
    const char *name;
    rt_name_action action;
    rt_dtype dtype;         /* RT_NAME_STORAGE, RT_NAME_DTYPE */
} rt_pickle_name;

extern const rt_pickle_name rt_pickle_names[];
#define RT_NDARRAY "numpy.ndarray"
#define RT_NUMPY_DTYPE "numpy.dtype"

/* NULL with *status set when the pickle has used up what it may. */
void *rt_pickle_push(rt_unpickler *u, int64_t bytes, int64_t align, rt_status *status);
rt_value *rt_pickle_value(rt_unpickler *u, rt_value_kind kind, rt_status *status);
/* Appends n items to a list, or n pairs (2 n items) to a dict. */
rt_status rt_pickle_extend(rt_unpickler *u, rt_value *list, rt_value *const *items, int64_t n);
rt_status rt_pickle_tuple(rt_unpickler *u, rt_value **ret, rt_value *const *items, int64_t n);
rt_status rt_pickle_fail(rt_unpickler *u, rt_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* At most 100 bytes of a text from the file, with anything but printable ASCII replaced: fit for a terminal. */
const char *rt_pickle_clean(char out[104], const void *text, int64_t length);

/* pickle_names.c */
rt_status rt_pickle_find_name(rt_unpickler *u, rt_value **ret, const char *module, int64_t module_length,
                              const char *name, int64_t name_length);
rt_status rt_pickle_call(rt_unpickler *u, rt_value **ret, const rt_value *callable, rt_value *args);
rt_status rt_pickle_object_of(rt_unpickler *u, rt_value **ret, const char *name, rt_value *args);
rt_status rt_pickle_build(rt_unpickler *u, rt_value *target, rt_value *state);

/* pickle_tensor.c */
rt_status rt_pickle_storage(rt_unpickler *u, rt_value **ret, const rt_value *persistent_id);
rt_status rt_pickle_tensor(rt_unpickler *u, rt_value **ret, const rt_value *args, bool with_dtype);
rt_status rt_pickle_array_state(rt_unpickler *u, rt_value *array, const rt_value *state);
rt_status rt_pickle_array_buffer(rt_unpickler *u, rt_value **ret, rt_value *args);
rt_status rt_pickle_scalar(rt_unpickler *u, rt_value **ret, rt_value *args);

#endif
