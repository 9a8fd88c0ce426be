/* pickle_names.c - the names a pickle may mention, and what each becomes */
#include <string.h>

#include "io/pickle_internal.h"

const rt_pickle_name rt_pickle_names[] = {
    /* PyTorch */
    {"torch._utils._rebuild_tensor_v2", RT_NAME_TENSOR, RT_U8},
    {"torch._utils._rebuild_tensor", RT_NAME_TENSOR, RT_U8},
    {"torch._utils._rebuild_tensor_v3", RT_NAME_TENSOR_V3, RT_U8},
    {"torch._utils._rebuild_parameter", RT_NAME_PARAMETER, RT_U8},
    {"torch._utils._rebuild_parameter_with_state", RT_NAME_PARAMETER, RT_U8},
    {"torch._tensor._rebuild_from_type_v2", RT_NAME_FROM_TYPE, RT_U8},
    {"torch.FloatStorage", RT_NAME_STORAGE, RT_F32},
    {"torch.DoubleStorage", RT_NAME_STORAGE, RT_F64},
    {"torch.HalfStorage", RT_NAME_STORAGE, RT_F16},
    {"torch.BFloat16Storage", RT_NAME_STORAGE, RT_BF16},
    {"torch.LongStorage", RT_NAME_STORAGE, RT_I64},
    {"torch.IntStorage", RT_NAME_STORAGE, RT_I32},
    {"torch.ShortStorage", RT_NAME_STORAGE, RT_I16},
    {"torch.CharStorage", RT_NAME_STORAGE, RT_I8},
    {"torch.ByteStorage", RT_NAME_STORAGE, RT_U8},
    {"torch.BoolStorage", RT_NAME_STORAGE, RT_BOOL},
    {"torch.storage.UntypedStorage", RT_NAME_STORAGE, RT_U8},
    {"torch.UntypedStorage", RT_NAME_STORAGE, RT_U8},
    {"torch.float32", RT_NAME_DTYPE, RT_F32},
    {"torch.float64", RT_NAME_DTYPE, RT_F64},
    {"torch.float16", RT_NAME_DTYPE, RT_F16},
    {"torch.bfloat16", RT_NAME_DTYPE, RT_BF16},
    {"torch.int64", RT_NAME_DTYPE, RT_I64},
    {"torch.int32", RT_NAME_DTYPE, RT_I32},
    {"torch.int16", RT_NAME_DTYPE, RT_I16},
    {"torch.int8", RT_NAME_DTYPE, RT_I8},
    {"torch.uint8", RT_NAME_DTYPE, RT_U8},
    {"torch.bool", RT_NAME_DTYPE, RT_BOOL},
    {"torch.uint16", RT_NAME_PLAIN, RT_U8},
    {"torch.uint32", RT_NAME_PLAIN, RT_U8},
    {"torch.uint64", RT_NAME_PLAIN, RT_U8},
    {"torch.complex64", RT_NAME_PLAIN, RT_U8},
    {"torch.complex128", RT_NAME_PLAIN, RT_U8},
    {"torch.float8_e4m3fn", RT_NAME_PLAIN, RT_U8},
    {"torch.float8_e5m2", RT_NAME_PLAIN, RT_U8},
    {"torch.strided", RT_NAME_PLAIN, RT_U8},
    {"torch.Tensor", RT_NAME_PLAIN, RT_U8},
    {"torch.nn.parameter.Parameter", RT_NAME_PLAIN, RT_U8},
    {"torch.nn.parameter.Buffer", RT_NAME_PLAIN, RT_U8},
    {"torch.Size", RT_NAME_TUPLE, RT_U8},
    {"torch.device", RT_NAME_INERT, RT_U8},
    {"torch.serialization._get_layout", RT_NAME_INERT, RT_U8},
    /* numpy 1.x and 2.x */
    {"numpy.core.multiarray._reconstruct", RT_NAME_ND_RECONSTRUCT, RT_U8},
    {"numpy._core.multiarray._reconstruct", RT_NAME_ND_RECONSTRUCT, RT_U8},
    {"numpy.core.numeric._frombuffer", RT_NAME_ND_BUFFER, RT_U8},
    {"numpy._core.numeric._frombuffer", RT_NAME_ND_BUFFER, RT_U8},
    {"numpy.core.multiarray.scalar", RT_NAME_ND_SCALAR, RT_U8},
    {"numpy._core.multiarray.scalar", RT_NAME_ND_SCALAR, RT_U8},
    {RT_NDARRAY, RT_NAME_PLAIN, RT_U8},
    {RT_NUMPY_DTYPE, RT_NAME_INERT, RT_U8},
    /* Python */
    {"collections.OrderedDict", RT_NAME_DICT, RT_U8},
    {"collections.Counter", RT_NAME_DICT, RT_U8},
    {"collections.defaultdict", RT_NAME_DEFAULTDICT, RT_U8},
    {"builtins.dict", RT_NAME_DICT, RT_U8},
    {"__builtin__.dict", RT_NAME_DICT, RT_U8},
    {"builtins.list", RT_NAME_LIST, RT_U8},
    {"__builtin__.list", RT_NAME_LIST, RT_U8},
    {"builtins.set", RT_NAME_LIST, RT_U8},
    {"__builtin__.set", RT_NAME_LIST, RT_U8},
    {"builtins.tuple", RT_NAME_TUPLE, RT_U8},
    {"__builtin__.tuple", RT_NAME_TUPLE, RT_U8},
    {"builtins.frozenset", RT_NAME_TUPLE, RT_U8},
    {"__builtin__.frozenset", RT_NAME_TUPLE, RT_U8},
    {"builtins.bytes", RT_NAME_BYTES, RT_U8},
    {"__builtin__.bytes", RT_NAME_BYTES, RT_U8},
    {"builtins.bytearray", RT_NAME_BYTES, RT_U8},
    {"__builtin__.bytearray", RT_NAME_BYTES, RT_U8},
    {"builtins.int", RT_NAME_PLAIN, RT_U8},
    {"__builtin__.int", RT_NAME_PLAIN, RT_U8},
    {"builtins.float", RT_NAME_PLAIN, RT_U8},
    {"__builtin__.float", RT_NAME_PLAIN, RT_U8},
    {"builtins.str", RT_NAME_PLAIN, RT_U8},
    {"__builtin__.str", RT_NAME_PLAIN, RT_U8},
    {"builtins.object", RT_NAME_INERT, RT_U8},
    {"__builtin__.object", RT_NAME_INERT, RT_U8},
    {"builtins.complex", RT_NAME_INERT, RT_U8},
    {"__builtin__.complex", RT_NAME_INERT, RT_U8},
    {"builtins.slice", RT_NAME_INERT, RT_U8},
    {"copyreg._reconstructor", RT_NAME_RECONSTRUCTOR, RT_U8},
    {"copy_reg._reconstructor", RT_NAME_RECONSTRUCTOR, RT_U8},
    {"_codecs.encode", RT_NAME_ENCODE, RT_U8},
    {"argparse.Namespace", RT_NAME_INERT, RT_U8},
    {"types.SimpleNamespace", RT_NAME_INERT, RT_U8},
    {"pathlib.PosixPath", RT_NAME_INERT, RT_U8},
    {"pathlib.PurePosixPath", RT_NAME_INERT, RT_U8},
    /* the CCD cache */
    {"rdkit.Chem.rdchem.Mol", RT_NAME_INERT, RT_U8},
};
#define N_NAMES ((int)(sizeof rt_pickle_names / sizeof *rt_pickle_names))
_Static_assert(sizeof rt_pickle_names / sizeof *rt_pickle_names <= 256, "rt_value.global is one byte");

rt_status rt_pickle_find_name(rt_unpickler *u, rt_value **ret, const char *module, int64_t module_length,
                              const char *name, int64_t name_length)
{
    rt_status status = RT_OK;
    for (int i = 0; i < N_NAMES; i++) {
        const char *known = rt_pickle_names[i].name;
        if ((int64_t)strlen(known) != module_length + 1 + name_length) continue;
        if (memcmp(known, module, (size_t)module_length) != 0 || known[module_length] != '.') continue;
        if (memcmp(known + module_length + 1, name, (size_t)name_length) != 0) continue;
        rt_value *value = *ret = rt_pickle_value(u, RT_VALUE_GLOBAL, &status);
        if (!value) return status;
        value->global = (uint8_t)i;
        value->text = known;
        value->count = (int64_t)strlen(known);
        return RT_OK;
    }
    char m[104], n[104];
    rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "asks for '%s.%s', which is not among the names a weights file may use",
                   rt_pickle_clean(m, module, module_length), rt_pickle_clean(n, name, name_length));
    rt_hint(u->err, "a stranger's file may try to run programs this way; if you made the file yourself, load it in "
                    "PyTorch and save only model.state_dict() with torch.save");
    return RT_ERR_UNSUPPORTED;
}

static rt_status wrong(rt_unpickler *u, const char *name)
{
    return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: '%s' has unexpected arguments", name);
}

rt_status rt_pickle_object_of(rt_unpickler *u, rt_value **ret, const char *name, rt_value *args)
{
    rt_status status = RT_OK;
    rt_value *value = *ret = rt_pickle_value(u, RT_VALUE_OBJECT, &status);
    if (!value) return status;
    value->object = rt_pickle_push(u, sizeof *value->object, 8, &status);
    if (value->object) *value->object = (rt_pickle_object){name, args, NULL};
    return status;
}

/* dict(), dict(a dict), dict(a list of pairs) */
static rt_status make_dict(rt_unpickler *u, rt_value **ret, const char *name, const rt_value *args)
{
    rt_status status = RT_OK;
    rt_value *dict = *ret = rt_pickle_value(u, RT_VALUE_DICT, &status);
    if (!dict || args->count == 0) return status;
    const rt_value *from = args->item[0];
    if (args->count != 1) return wrong(u, name);
    if (from->kind == RT_VALUE_DICT) return rt_pickle_extend(u, dict, from->item, from->count);
    if (from->kind != RT_VALUE_LIST && from->kind != RT_VALUE_TUPLE) return wrong(u, name);
    for (int64_t i = 0; i < from->count && status == RT_OK; i++) {
        const rt_value *pair = from->item[i];
        if ((pair->kind != RT_VALUE_LIST && pair->kind != RT_VALUE_TUPLE) || pair->count != 2) return wrong(u, name);
        status = rt_pickle_extend(u, dict, pair->item, 1);
    }
    return status;
}

static rt_status make_sequence(rt_unpickler *u, rt_value **ret, rt_value_kind kind, const char *name,
                               const rt_value *args)
{
    rt_status status = RT_OK;
    const rt_value *from = args->count ? args->item[0] : args;
    if (args->count > 1 || (from->kind != RT_VALUE_LIST && from->kind != RT_VALUE_TUPLE)) return wrong(u, name);
    if (kind == RT_VALUE_TUPLE) return rt_pickle_tuple(u, ret, from->item, from->count);
    rt_value *list = *ret = rt_pickle_value(u, kind, &status);
    return list ? rt_pickle_extend(u, list, from->item, from->count) : status;
}

static rt_status make_bytes(rt_unpickler *u, rt_value **ret, const char *name, const rt_value *args)
{
    rt_status status = RT_OK;
    if (args->count && args->item[0]->kind == RT_VALUE_BYTES) {
        *ret = args->item[0];
        return RT_OK;
    }
    if (args->count) return wrong(u, name);
    rt_value *value = *ret = rt_pickle_value(u, RT_VALUE_BYTES, &status);
    if (value) value->bytes = (const uint8_t *)"";
    return status;
}

/* Old protocols have no bytes; they write them as the text whose Latin-1 encoding they are. */
static rt_status make_encoded(rt_unpickler *u, rt_value **ret, const char *name, const rt_value *args)
{
    rt_status status = RT_OK;
    if (args->count < 1 || args->count > 2 || args->item[0]->kind != RT_VALUE_TEXT) return wrong(u, name);
    const rt_value *text = args->item[0];
    bool latin = args->count == 2 &&
                 (rt_value_is_text(args->item[1], "latin1") || rt_value_is_text(args->item[1], "latin-1"));
    if (!latin && args->count == 2 && !rt_value_is_text(args->item[1], "utf-8") &&
        !rt_value_is_text(args->item[1], "utf8") && !rt_value_is_text(args->item[1], "ascii"))
        return wrong(u, name);
    rt_value *value = *ret = rt_pickle_value(u, RT_VALUE_BYTES, &status);
    if (!value) return status;
    value->bytes = (const uint8_t *)text->text;
    value->count = text->count;
    if (!latin) return RT_OK;
    const uint8_t *in = (const uint8_t *)text->text, *end = in + text->count;
    while (in < end && *in < 0x80) in++;
    if (in == end) return RT_OK;    /* plain ASCII is its own encoding */
    uint8_t *bytes = rt_pickle_push(u, text->count, 64, &status), *out = bytes;
    if (!bytes) return status;
    for (in = (const uint8_t *)text->text; in < end;) {
        if (*in < 0x80) {
            *out++ = *in++;
        } else if (end - in >= 2 && (*in == 0xc2 || *in == 0xc3) && (in[1] & 0xc0) == 0x80) {
            *out++ = (uint8_t)(in[0] << 6 | (in[1] & 0x3f));
            in += 2;
        } else {
            return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: bytes written as text are no Latin-1");
        }
    }
    value->bytes = bytes;
    value->count = out - bytes;
    return RT_OK;
}

static rt_status call_reconstructor(rt_unpickler *u, rt_value **ret, const char *name, rt_value *args)
{
    if (args->count != 3 || args->item[0]->kind != RT_VALUE_GLOBAL) return wrong(u, name);
    const rt_pickle_name *class = &rt_pickle_names[args->item[0]->global];
    if (class->action == RT_NAME_INERT) return rt_pickle_object_of(u, ret, class->name, args);
    if (class->action != RT_NAME_DICT || args->item[2]->kind != RT_VALUE_DICT) return wrong(u, name);
    rt_value *state;
    rt_status status = rt_pickle_tuple(u, &state, &args->item[2], 1);
    return status == RT_OK ? make_dict(u, ret, name, state) : status;
}

/* A tensor of a subclass, or with attributes of its own: the tensor is what its inner call makes. */
static rt_status call_from_type(rt_unpickler *u, rt_value **ret, const char *name, const rt_value *args)
{
    if (args->count != 4 || args->item[0]->kind != RT_VALUE_GLOBAL || args->item[2]->kind != RT_VALUE_TUPLE)
        return wrong(u, name);
    rt_name_action inner = rt_pickle_names[args->item[0]->global].action;
    if (inner != RT_NAME_TENSOR && inner != RT_NAME_TENSOR_V3) return wrong(u, name);
    return rt_pickle_tensor(u, ret, args->item[2], inner == RT_NAME_TENSOR_V3);
}

rt_status rt_pickle_call(rt_unpickler *u, rt_value **ret, const rt_value *callable, rt_value *args)
{
    rt_value *dict_args;
    rt_status status;
    if (callable->kind != RT_VALUE_GLOBAL)
        return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: it calls something that is no name");
    const rt_pickle_name *name = &rt_pickle_names[callable->global];
    switch (name->action) {
    case RT_NAME_INERT: return rt_pickle_object_of(u, ret, name->name, args);
    case RT_NAME_DICT: return make_dict(u, ret, name->name, args);
    case RT_NAME_DEFAULTDICT:
        /* the factory says what a missing key would give: nothing that a file needs */
        status = args->count ? rt_pickle_tuple(u, &dict_args, args->item + 1, args->count - 1)
                             : rt_pickle_tuple(u, &dict_args, NULL, 0);
        return status == RT_OK ? make_dict(u, ret, name->name, dict_args) : status;
    case RT_NAME_LIST: return make_sequence(u, ret, RT_VALUE_LIST, name->name, args);
    case RT_NAME_TUPLE: return make_sequence(u, ret, RT_VALUE_TUPLE, name->name, args);
    case RT_NAME_BYTES: return make_bytes(u, ret, name->name, args);
    case RT_NAME_ENCODE: return make_encoded(u, ret, name->name, args);
    case RT_NAME_RECONSTRUCTOR: return call_reconstructor(u, ret, name->name, args);
    case RT_NAME_TENSOR: return rt_pickle_tensor(u, ret, args, false);
    case RT_NAME_TENSOR_V3: return rt_pickle_tensor(u, ret, args, true);
    case RT_NAME_PARAMETER:
        if (args->count < 1 || args->item[0]->kind != RT_VALUE_TENSOR) return wrong(u, name->name);
        *ret = args->item[0];
        return RT_OK;
    case RT_NAME_FROM_TYPE: return call_from_type(u, ret, name->name, args);
    case RT_NAME_ND_RECONSTRUCT: return rt_pickle_object_of(u, ret, RT_NDARRAY, args);
    case RT_NAME_ND_BUFFER: return rt_pickle_array_buffer(u, ret, args);
    case RT_NAME_ND_SCALAR: return rt_pickle_scalar(u, ret, args);
    case RT_NAME_PLAIN:
    case RT_NAME_DTYPE:
    case RT_NAME_STORAGE: break;
    }
    return rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "calls '%s', which a weights file has no use for", name->name);
}

rt_status rt_pickle_build(rt_unpickler *u, rt_value *target, rt_value *state)
{
    switch ((rt_value_kind)target->kind) {
    case RT_VALUE_OBJECT:
        target->object->state = state;
        return strcmp(target->object->name, RT_NDARRAY) == 0 ? rt_pickle_array_state(u, target, state) : RT_OK;
    case RT_VALUE_DICT:     /* attributes beside the content, such as a state_dict's _metadata: not needed */
    case RT_VALUE_LIST:
    case RT_VALUE_TENSOR:
    case RT_VALUE_STORAGE: return RT_OK;
    default: return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: a plain value is given attributes");
    }
}
