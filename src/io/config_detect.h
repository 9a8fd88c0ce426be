/* config_detect.h - the network's sizes from names and shapes alone (inside io/)
 * Room: io.  Uses: io/config.
 */
#ifndef RT_IO_CONFIG_DETECT_H
#define RT_IO_CONFIG_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tensor.h"
#include "io/config.h"

/* The shape of the tensor `name`; false when there is none. */
typedef bool rt_shape_lookup(void *user, const char *name, int *out_ndim, int64_t out_dim[RT_MAX_DIMS]);

/* rt_config_detect() over any source of shapes.  `file` is named in errors. */
rt_status rt_config_detect_shapes(rt_config *config, rt_shape_lookup *lookup, void *user, const char *file,
                                  rt_err *err);

#endif
