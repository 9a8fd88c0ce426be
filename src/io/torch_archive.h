/* torch_archive.h - what torch.save wrote: a zip of data.pkl and the storages' bytes
 * Room: io.  Uses: io/zip_archive, io/pickle, base/file.
 *
 * The layout since PyTorch 1.6: <any folder>/data.pkl, <folder>/data/<key>, <folder>/byteorder, <folder>/version.
 * Values and tensors point into the mapping; data.pkl's checksum is compared, those of the storages are not
 * (rt_torch_check does that).
 */
#ifndef RT_IO_TORCH_ARCHIVE_H
#define RT_IO_TORCH_ARCHIVE_H

#include "base/file.h"
#include "base/status.h"
#include "io/pickle.h"

typedef struct rt_torch rt_torch;

/* True for a zip file and for PyTorch's older layouts (which rt_torch_open refuses by name). */
bool rt_torch_detect(const uint8_t *bytes, int64_t size);

/* Errors: RT_ERR_IO; RT_ERR_FORMAT (cut short, no data.pkl, a wrong checksum, see io/pickle); RT_ERR_UNSUPPORTED
 * (PyTorch before 1.6, TorchScript, big-endian data, compressed members, names outside the list). */
rt_status rt_torch_open(rt_torch **ret_torch, const char *path, rt_err *err);
/* The same over memory that stays the caller's; `name` stands for the file in errors. */
rt_status rt_torch_open_memory(rt_torch **ret_torch, const char *name, const uint8_t *bytes, int64_t size, rt_err *err);
void rt_torch_close(rt_torch *torch);   /* NULL ok; every value goes with it */
const rt_value *rt_torch_root(const rt_torch *torch);
/* The file, of size 0 when the bytes are the caller's. */
const rt_map *rt_torch_map(const rt_torch *torch);

/* The checksum of every member.  Cost: one pass over the file.  Errors: RT_ERR_FORMAT. */
rt_status rt_torch_check(const rt_torch *torch, rt_err *err);

#endif
