/* notebook.h - the Kaggle notebook that runs the package: data/kaggle/notebook.py as .ipynb, with its settings filled in
 * Room: ship.  Uses: base/json, base/text.
 * Reference: nbformat 4.4.
 *
 * In the template "# %%" begins a code cell and "# %% [markdown]" one of text, whose lines begin with "# "; @NAME@ stands for
 * a value.  Settings are lines NAME = value, whose values are texts, lists of texts, or None: JSON but for None.
 */
#ifndef RT_SHIP_NOTEBOOK_H
#define RT_SHIP_NOTEBOOK_H

#include <jansson.h>

#include "base/status.h"

/* values: by NAME; a text in a code cell becomes quoted, in a text cell it stands as it is; json_decref() the notebook.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_notebook_build(json_t **ret_notebook, const json_t *values, rt_err *err);

/* The value of a setting in a notebook as it stands now, changed by hand or not: a new reference; NULL when no code cell has
 * a line NAME = value, or its value is not such a one. */
json_t *rt_notebook_setting(const json_t *notebook, const char *name);

/* The first line of code that wants the internet (an address, pip, curl, wget, git), borrowed from the notebook; NULL. */
const char *rt_notebook_internet(const json_t *notebook);

#endif
