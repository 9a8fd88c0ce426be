/* kaggle.h - what Kaggle asks of a data set and of a notebook: names, sources, metadata files
 * Room: ship.  Uses: base/json.
 * Reference: Kaggle's command line, its pages on dataset-metadata.json and kernel-metadata.json.
 *
 * A data set's id is <owner>/<slug>, and so is a notebook's.  The slug follows from the title: letters in lower case, every
 * run of other characters than letters and digits one dash; a comma between digits goes.  A title that does not give its
 * slug gets another one from Kaggle, and everything that refers to the first is lost.
 */
#ifndef RT_SHIP_KAGGLE_H
#define RT_SHIP_KAGGLE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"

#define RT_KAGGLE_SLUG 64
#define RT_KAGGLE_DATASET_FILE "dataset-metadata.json"
#define RT_KAGGLE_KERNEL_FILE "kernel-metadata.json"

/* "RNAPro, tuned (v2)" -> "rnapro-tuned-v2".  Titles are ASCII. */
void rt_kaggle_slug(char out_slug[RT_KAGGLE_SLUG], const char *title);

/* A data set's title has 6 to 50 characters, a notebook's 5 to 50; only printable ASCII, whose slug is known for sure, and a
 * letter or digit at least for each half of the shortest.  Errors: RT_ERR_USAGE. */
rt_status rt_kaggle_check_title(const char *title, bool notebook, rt_err *err);
/* A user name or a slug: lower-case letters, digits and single dashes.  what: for the error.  Errors: RT_ERR_USAGE. */
rt_status rt_kaggle_check_name(const char *name, const char *what, rt_err *err);

/* The names of licences that dataset-metadata.json may have. */
#define RT_KAGGLE_LICENCES                                                                                                 \
    "CC0-1.0|CC-BY-SA-3.0|CC-BY-SA-4.0|CC-BY-NC-SA-4.0|GPL-2.0|ODbL-1.0|DbCL-1.0|copyright-authors|other|unknown|"           \
    "CC-BY-4.0|CC-BY-NC-4.0|PDDL|CC-BY-3.0|CC-BY-3.0-IGO|US-Government-Works|CC-BY-NC-SA-3.0-IGO|CDLA-Permissive-1.0|"        \
    "CDLA-Sharing-1.0|CC-BY-ND-4.0|CC-BY-NC-ND-4.0|ODC-BY-1.0|LGPL-3.0|AGPL-3.0|FDL-1.3|EU-ODP-Legal-Notice|apache-2.0|"      \
    "GPL-3.0"
/* Errors: RT_ERR_USAGE, with the nearest name. */
rt_status rt_kaggle_check_licence(const char *name, rt_err *err);

/* A source: "owner/slug" (n_part 2), "owner/model/framework/variation/version" (5), "slug" (1).  Errors: RT_ERR_USAGE. */
rt_status rt_kaggle_check_source(const char *source, int n_part, const char *what, rt_err *err);
/* The folder under /kaggle/input in which a source appears: the slug, a model's name. */
void rt_kaggle_folder(char out_slug[RT_KAGGLE_SLUG], const char *source);

/* Lines, one per mistake, as an array of texts; json_decref() it. */
json_t *rt_kaggle_dataset_mistakes(const json_t *metadata);
json_t *rt_kaggle_kernel_mistakes(const json_t *metadata);

#endif
