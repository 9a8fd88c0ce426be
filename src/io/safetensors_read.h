/* safetensors_read.h - the tensors of a safetensors file, in place
 * Room: io.  Uses: base/memory, base/tensor, jansson.
 *
 * Layout: 8 bytes of header length (little-endian), a JSON header {"name": {"dtype", "shape", "data_offsets"}, ...,
 * "__metadata__": {text: text}}, then the tensors' bytes without holes.  Every claim is proved before it is used.
 */
#ifndef RT_IO_SAFETENSORS_READ_H
#define RT_IO_SAFETENSORS_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"

typedef struct rt_safetensors rt_safetensors;

/* True when the bytes begin like a safetensors file. */
bool rt_safetensors_detect(const uint8_t *bytes, int64_t size);

/* bytes[0..size) must outlive the result; `file` stands for it in errors.
 * Errors: RT_ERR_FORMAT (cut short, a header that is no JSON, offsets that overlap, leave holes or do not fit the
 * shape), RT_ERR_UNSUPPORTED (a type that rt_dtype lacks, more than RT_MAX_DIMS dimensions). */
rt_status rt_safetensors_open(rt_safetensors **ret_file, const char *file, const uint8_t *bytes, int64_t size,
                              rt_err *err);
void rt_safetensors_close(rt_safetensors *file);   /* NULL ok */

int64_t rt_safetensors_count(const rt_safetensors *file);
/* In the header's order.  A tensor that the file holds unaligned is a copy that the rt_safetensors owns. */
rt_tensor rt_safetensors_at(const rt_safetensors *file, int64_t index);
const char *rt_safetensors_name(const rt_safetensors *file, int64_t index);
/* A value of __metadata__, or NULL. */
const char *rt_safetensors_value(const rt_safetensors *file, const char *key);

#endif
