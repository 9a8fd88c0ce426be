/* bundle.h - the program and the libraries that a package carries, and whether they will run on Kaggle's machine
 * Room: ship.  Uses: ship/elf, ship/manifest.
 *
 * Carried is what this very process has loaded, but for glibc's own libraries, which every system has, and a GPU's driver,
 * which must be the system's.  In the package they stand in lib/ beside the program, whose DT_RPATH is $ORIGIN/lib: it comes
 * before LD_LIBRARY_PATH, and holds for the libraries' own needs (DT_RUNPATH would not).
 */
#ifndef RT_SHIP_BUNDLE_H
#define RT_SHIP_BUNDLE_H

#include <jansson.h>

#include "base/status.h"
#include "ship/manifest.h"

#define RT_BUNDLE_GLIBC "2.35"   /* Ubuntu 22.04, the base of Kaggle's image */

/* Adds the program as "rnatune", its libraries as "lib/<name>", its licence and theirs as "licences/<name>.txt".
 * Errors: RT_ERR_UNSUPPORTED when one of them would not run there: names it and what it wants; RT_ERR_IO, RT_ERR_MEMORY.
 * A library whose licence is not found on this machine is named by a warning. */
rt_status rt_bundle_add(rt_manifest_list *list, const char *glibc, rt_err *err);

/* What keeps the program of a manifest's files from running on a system with `glibc`: lines; json_decref() it. */
json_t *rt_bundle_mistakes(const json_t *files, const char *folder, const char *glibc);

#endif
