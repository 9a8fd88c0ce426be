/* package_internal.h - what making and checking a package share (package.c, package_check.c)
 * Room: ship.  Uses: ship/package.
 */
#ifndef RT_SHIP_PACKAGE_INTERNAL_H
#define RT_SHIP_PACKAGE_INTERNAL_H

#include <jansson.h>

/* A weight that a checkpoint has when RibonanzaNet2 is in it. */
#define RT_PACKAGE_RIBONANZA "ribonanza_net.encoder.weight"

/* Paths of the notebook's settings that begin with the name of no source of its metadata: lines; json_decref() it. */
json_t *rt_package_source_mistakes(const json_t *kernel, const json_t *settings);

#endif
