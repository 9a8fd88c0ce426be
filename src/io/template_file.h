/* template_file.h - template coordinates by target: the reference's template_features.pt or a template submission CSV
 * Room: io.  Uses: io/torch_archive, io/csv.
 * Reference: preprocess/convert_templates_to_pt_files.py
 *
 * A .pt holds {target: {"seq": text, "xyz": array (L, n, 3)}}.  Its values are given as they are: the reference's
 * converter writes a missing residue as exactly (0, 0, 0).  A CSV has columns ID ("target_7"), resname, resid and
 * x_1, y_1, z_1, ... of any number of templates, a target's residues in order from 1; an empty cell,
 * NaN, and values of 1e17 and more in size become NaN.
 */
#ifndef RT_IO_TEMPLATE_FILE_H
#define RT_IO_TEMPLATE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_template_file rt_template_file;

typedef struct {
    const char *target;
    const char *sequence;   /* one letter per residue, as the file has it */
    int64_t length;         /* L residues */
    int64_t n_template;     /* n */
    const float *xyz;       /* (L, n, 3): C1' coordinates in Angstrom */
} rt_template;

/* Which of the two is decided by the content.  Errors: RT_ERR_IO; RT_ERR_FORMAT (with line for a CSV; an xyz whose
 * shape is not (L, n, 3), a sequence of another length); RT_ERR_UNSUPPORTED (see io/pickle). */
rt_status rt_template_file_open(rt_template_file **ret_file, const char *path, rt_err *err);
void rt_template_file_close(rt_template_file *file);   /* NULL ok */

int64_t rt_template_file_count(const rt_template_file *file);
const rt_template *rt_template_file_at(const rt_template_file *file, int64_t index);   /* in the file's order */
/* NULL when the file has no such target. */
const rt_template *rt_template_file_find(const rt_template_file *file, const char *target);
/* True for a CSV: missing residues are NaN.  False for a .pt: they may be NaN or exactly (0, 0, 0). */
bool rt_template_file_is_csv(const rt_template_file *file);

#endif
