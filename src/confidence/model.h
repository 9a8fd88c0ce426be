/* model.h - every weight of the network by name and shape
 * Room: confidence.  Uses: io/config.
 */
#ifndef RT_CONFIDENCE_MODEL_H
#define RT_CONFIDENCE_MODEL_H

#include <stdint.h>

#include "io/config.h"

/* Called once for every weight, in the reference's order. */
typedef void rt_schema_visit(void *user, const char *name, int ndim, const int64_t *dim);
void rt_model_schema(const rt_config *config, rt_schema_visit *visit, void *user);

#endif
