#include "cli/target_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "feat/conformer.h"
#include "io/mmcif_writer.h"

/* One conformation's atoms, in the order of the reference conformers. */
static int64_t list_atoms(rt_mmcif_atom *atom, float *place, float *mark, const rt_target *t, const char *sequence,
                          const float *xyz)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->length; i++) {
        int n_name;
        const char *const *names = rt_conformer_names(sequence[i], &n_name);
        for (int k = 0; k < n_name; k++) {
            int slot = rt_atom_slot_find(names[k], (int64_t)strlen(names[k]));
            if (slot < 0 || (t->n_slot == 1 && slot != RT_SLOT_C1P)) continue;
            const float *at = xyz + 3 * (i * t->n_slot + (t->n_slot == 1 ? 0 : slot));
            if (!isfinite(at[0]) || !isfinite(at[1]) || !isfinite(at[2])) continue;
            atom[n].residue = i;
            snprintf(atom[n].name, sizeof atom[n].name, "%s", names[k]);
            atom[n].element[0] = names[k][0];
            memcpy(place + 3 * n, at, 3 * sizeof *at);
            bool base = slot >= RT_SLOT_N1 && slot <= RT_SLOT_O6;
            mark[n++] = base && sequence[i] != t->sequence[i] ? 0 : 1;
        }
    }
    return n;
}

/* A chain for each segment of the target; *ret_letters holds their sequences. */
static rt_status list_chains(rt_mmcif_chain **ret_chain, int64_t *out_n, char **ret_letters, const rt_target *t,
                             const char *sequence, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = 0, next;
    char(*id)[8];
    RT_TRY_ALLOC(*ret_chain, t->length);
    RT_TRY_ALLOC(*ret_letters, 10 * t->length);   /* segments with a zero after each, then the chains' names */
    id = (char(*)[8])(*ret_letters + 2 * t->length);
    for (int64_t at = 0; at < t->length; at = next, n++) {
        next = rt_target_next_segment(t->segments, at, t->length);
        char *letters = *ret_letters + at + n;
        memcpy(letters, sequence + at, (size_t)(next - at));
        rt_mmcif_asym_id(id[n], n);
        (*ret_chain)[n] = (rt_mmcif_chain){.asym_id = id[n], .sequence = letters};
    }
    *out_n = n;
done:
    return status;
}

rt_status rt_target_file_write(const char *path, bool *opt_written, const char *name, const rt_target *target,
                               const char *sequence, const float *xyz, int64_t n_conformation, rt_err *err)
{
    rt_status status = RT_OK;
    rt_mmcif_atom *atom = NULL;
    float *place = NULL, *mark = NULL;
    rt_mmcif_model *model = NULL;
    rt_mmcif_chain *chain = NULL;
    char *letters = NULL;
    int64_t size = target->length * RT_SLOT_COUNT, n_model = 0, n_chain;
    RT_TRY(list_chains(&chain, &n_chain, &letters, target, sequence, err));
    RT_TRY_ALLOC(atom, n_conformation * size);
    RT_TRY_ALLOC(place, 3 * n_conformation * size);
    RT_TRY_ALLOC(mark, n_conformation * size);
    RT_TRY_ALLOC(model, n_conformation);
    for (int64_t c = 0; c < n_conformation; c++) {
        int64_t at = c * size;
        rt_mmcif_model m = {.target = name, .chain = chain, .n_chain = n_chain, .atom = atom + at,
                            .xyz = place + 3 * at,
                            .plddt = mark + at};
        m.n_atom = list_atoms(atom + at, place + 3 * at, mark + at, target, sequence,
                              xyz + c * target->length * target->n_slot * 3);
        if (m.n_atom) model[n_model++] = m;
    }
    for (int64_t m = 0; m + 1 < n_model; m++) model[m].opt_next = &model[m + 1];
    if (opt_written) *opt_written = n_model > 0;
    if (n_model) status = rt_mmcif_write(path, &model[0], err);
done:
    free(atom);
    free(place);
    free(mark);
    free(model);
    free(chain);
    free(letters);
    return status;
}
