#include "io/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

struct rt_safetensors_writer {
    rt_writer *file;
    char *path;
    json_t *header;             /* its "__metadata__" is first; the tensors follow in the order of their declaration */
    rt_tensor *declared;        /* without data */
    int64_t n_declared, capacity, n_written;
    int64_t bytes;              /* of the declared tensors */
    bool header_written;
};

static rt_status no_memory(rt_err *err) { return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"); }

rt_status rt_safetensors_create(rt_safetensors_writer **ret_writer, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_safetensors_writer *writer;
    *ret_writer = NULL;
    RT_TRY_ALLOC(writer, 1);
    writer->path = rt_copy_text(path, -1, err);
    writer->header = json_pack("{s:{}}", "__metadata__");
    if (!writer->path || !writer->header) status = no_memory(err);
    else status = rt_writer_open(&writer->file, path, err);
    if (status == RT_OK) *ret_writer = writer;
    else rt_safetensors_abandon(writer);
done:
    return status;
}

rt_status rt_safetensors_metadata(rt_safetensors_writer *writer, const char *key, const char *value, rt_err *err)
{
    RT_REQUIRE(!writer->header_written);
    json_t *metadata = json_object_get(writer->header, "__metadata__");
    if (json_object_set_new(metadata, key, json_string(value)) == 0) return RT_OK;
    return rt_fail(err, RT_ERR_FORMAT, writer->path, 0, "metadata '%.100s' is not valid UTF-8", key);
}

rt_status rt_safetensors_declare(rt_safetensors_writer *writer, const char *name, rt_tensor like, rt_err *err)
{
    RT_REQUIRE(!writer->header_written);
    if (json_object_get(writer->header, name))
        return rt_fail(err, RT_ERR_FORMAT, writer->path, 0, "two tensors would have the name '%.200s'", name);
    void *declared = writer->declared;
    rt_status status = rt_grow(&declared, &writer->capacity, writer->n_declared + 1, sizeof like, err);
    writer->declared = declared;
    if (status != RT_OK) return status;
    json_t *shape = json_array();
    for (int i = 0; i < like.ndim; i++) json_array_append_new(shape, json_integer(like.dim[i]));
    int64_t end = writer->bytes + rt_bytes(like);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", rt_dtype_name(like.dtype), "shape", shape,
                              "data_offsets", (json_int_t)writer->bytes, (json_int_t)end);
    if (!entry) return no_memory(err);
    if (json_object_set_new(writer->header, name, entry) != 0)
        return rt_fail(err, RT_ERR_FORMAT, writer->path, 0, "the tensor's name '%.100s' is not valid UTF-8", name);
    like.data = NULL;
    writer->declared[writer->n_declared++] = like;
    writer->bytes = end;
    return RT_OK;
}

static rt_status put(rt_safetensors_writer *writer, const void *bytes, int64_t size, rt_err *err)
{
    if (size == 0 || fwrite(bytes, 1, (size_t)size, rt_writer_stream(writer->file)) == (size_t)size) return RT_OK;
    return rt_fail(err, RT_ERR_IO, writer->path, 0, "cannot write: %s", strerror(errno));
}

/* Blanks behind the header bring the data to a multiple of 64 bytes, so that a reader can use them in place. */
static rt_status write_header(rt_safetensors_writer *writer, rt_err *err)
{
    char blanks[64];
    rt_status status;
    memset(blanks, ' ', sizeof blanks);
    writer->header_written = true;
    if (json_object_size(json_object_get(writer->header, "__metadata__")) == 0)
        json_object_del(writer->header, "__metadata__");
    char *text = json_dumps(writer->header, JSON_COMPACT);
    if (!text) return no_memory(err);
    int64_t length = (int64_t)strlen(text), padding = -(8 + length) & 63;
    uint8_t size[8];
    for (int i = 0; i < 8; i++) size[i] = (uint8_t)((uint64_t)(length + padding) >> (8 * i));
    status = put(writer, size, 8, err);
    if (status == RT_OK) status = put(writer, text, length, err);
    if (status == RT_OK) status = put(writer, blanks, padding, err);
    free(text);
    return status;
}

rt_status rt_safetensors_write(rt_safetensors_writer *writer, rt_tensor tensor, rt_err *err)
{
    rt_status status = writer->header_written ? RT_OK : write_header(writer, err);
    if (status != RT_OK) return status;
    bool same = writer->n_written < writer->n_declared;
    if (same) {
        const rt_tensor *declared = &writer->declared[writer->n_written];
        same = declared->dtype == tensor.dtype && declared->ndim == tensor.ndim;
        for (int i = 0; same && i < tensor.ndim; i++) same = declared->dim[i] == tensor.dim[i];
    }
    if (!same)
        return rt_fail(err, RT_ERR_MISMATCH, writer->path, 0, "tensor %lld is not what was declared",
                       (long long)writer->n_written);
    writer->n_written++;
    return put(writer, tensor.data, rt_bytes(tensor), err);
}

static void release(rt_safetensors_writer *writer)
{
    json_decref(writer->header);
    free(writer->declared);
    free(writer->path);
    free(writer);
}

rt_status rt_safetensors_commit(rt_safetensors_writer *writer, rt_err *err)
{
    rt_status status = writer->header_written ? RT_OK : write_header(writer, err);
    if (status == RT_OK && writer->n_written != writer->n_declared)
        status = rt_fail(err, RT_ERR_MISMATCH, writer->path, 0, "%lld of %lld declared tensors were not written",
                         (long long)(writer->n_declared - writer->n_written), (long long)writer->n_declared);
    if (status == RT_OK) status = rt_writer_commit(writer->file, err);
    else rt_writer_abandon(writer->file);
    release(writer);
    return status;
}

void rt_safetensors_abandon(rt_safetensors_writer *writer)
{
    if (!writer) return;
    rt_writer_abandon(writer->file);
    release(writer);
}
