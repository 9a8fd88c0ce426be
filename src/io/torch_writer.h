/* torch_writer.h - a file as torch.save writes it: nested dicts, lists, tuples, texts, numbers, tensors, numpy arrays
 * Room: io.  Uses: base/file, io/zip_archive.
 * Reference: the zip layout of PyTorch 1.6 and later, as torch.load and io/torch_archive read it; zip64 where it needs.
 *
 * Values are written in the order of the calls; a dict's are key, value, key, value.  Nothing is kept in memory:
 * tensors
 * go to the file at once, the pickle to a temporary file until the commit.
 *
 *     RT_TRY(rt_torch_writer_open(&w, "model.pt", err));
 *     rt_torch_writer_dict(w);
 *     rt_torch_writer_text(w, "step");   rt_torch_writer_int(w, 3);
 *     rt_torch_writer_text(w, "model");
 *     rt_torch_writer_dict(w);
 *     rt_torch_writer_text(w, "weight"); rt_torch_writer_tensor(w, weight);
 *     rt_torch_writer_end(w);
 *     rt_torch_writer_end(w);
 *     RT_TRY(rt_torch_writer_commit(w, err));
 *
 * torch.load(weights_only=True) takes everything but numpy arrays.
 */
#ifndef RT_IO_TORCH_WRITER_H
#define RT_IO_TORCH_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"

typedef struct rt_torch_writer rt_torch_writer;

rt_status rt_torch_writer_open(rt_torch_writer **ret_writer, const char *path, rt_err *err);

/* Open a container; rt_torch_writer_end closes the innermost one. */
void rt_torch_writer_dict(rt_torch_writer *writer);
void rt_torch_writer_list(rt_torch_writer *writer);
void rt_torch_writer_tuple(rt_torch_writer *writer);
void rt_torch_writer_end(rt_torch_writer *writer);

void rt_torch_writer_text(rt_torch_writer *writer, const char *text);   /* UTF-8 */
void rt_torch_writer_int(rt_torch_writer *writer, int64_t value);
void rt_torch_writer_real(rt_torch_writer *writer, double value);
void rt_torch_writer_bool(rt_torch_writer *writer, bool value);
void rt_torch_writer_none(rt_torch_writer *writer);
/* A torch.Tensor on the CPU with a storage of its own; every dtype of base/tensor. */
void rt_torch_writer_tensor(rt_torch_writer *writer, rt_tensor tensor);
/* A numpy.ndarray, as the reference's template_features.pt holds; not RT_BF16, which numpy lacks. */
void rt_torch_writer_array(rt_torch_writer *writer, rt_tensor tensor);

/* Errors met on the way are reported here.  Frees the writer, also on failure.  One value must have been written. */
rt_status rt_torch_writer_commit(rt_torch_writer *writer, rt_err *err);
void rt_torch_writer_abandon(rt_torch_writer *writer);   /* NULL ok */

#endif
