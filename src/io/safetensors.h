/* safetensors.h - writing safetensors files (reading is io/weights)
 * Room: io.  Uses: base/file, base/tensor, jansson.
 */
#ifndef RT_IO_SAFETENSORS_H
#define RT_IO_SAFETENSORS_H

#include "base/status.h"
#include "base/tensor.h"

typedef struct rt_safetensors_writer rt_safetensors_writer;

/* First every tensor is declared (name, type, shape), then the data is written in the same order, so that a file larger
 * than memory can be written.  metadata: `n_metadata` pairs key, value.  Whole or not at all (base/file). */
rt_status rt_safetensors_create(rt_safetensors_writer **ret_writer, const char *path, rt_err *err);
rt_status rt_safetensors_metadata(rt_safetensors_writer *writer, const char *key, const char *value, rt_err *err);
rt_status rt_safetensors_declare(rt_safetensors_writer *writer, const char *name, rt_tensor like, rt_err *err);
/* The next declared tensor's data; checked against its declaration. */
rt_status rt_safetensors_write(rt_safetensors_writer *writer, rt_tensor tensor, rt_err *err);
rt_status rt_safetensors_commit(rt_safetensors_writer *writer, rt_err *err);   /* frees, also on failure */
void rt_safetensors_abandon(rt_safetensors_writer *writer);                    /* NULL ok */

#endif
