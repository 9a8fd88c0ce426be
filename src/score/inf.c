#include "score/inf.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

enum { BY_CANONICAL = RT_CONTACT_CANONICAL, BY_OTHER = RT_CONTACT_OTHER_PAIR, BY_STACK = RT_CONTACT_STACK, BY_ALL,
      KINDS };

static double fidelity(double both, double native, double model)
{
    if (native == 0 && model == 0) return NAN;
    return native == 0 || model == 0 ? 0 : sqrt(both / native * both / model);
}

static bool has_contact(const rt_contacts *contacts, const rt_contact *wanted)
{
    const rt_contact *c = rt_contacts_at(contacts, wanted->i, wanted->j);
    if (!c || c->kind != wanted->kind) return false;
    return c->kind != RT_CONTACT_OTHER_PAIR ||
           (c->edge_i == wanted->edge_i && c->edge_j == wanted->edge_j && c->cis == wanted->cis);
}

rt_status rt_inf_compare(rt_inf *out, const rt_molecule *native, const rt_contacts *native_contacts,
                         const rt_molecule *model, const rt_contacts *model_contacts, const int32_t *map, rt_err *err)
{
    rt_status status = RT_OK;
    int32_t *back = NULL;
    double of_native[KINDS] = {0}, of_model[KINDS] = {0}, both[KINDS] = {0};
    *out = (rt_inf){NAN, NAN, NAN, NAN};
    RT_TRY_ALLOC(back, model->n_residue);
    for (int64_t r = 0; r < model->n_residue; r++) back[r] = -1;
    for (int64_t r = 0; r < native->n_residue; r++)
        if (map[r] >= 0) back[map[r]] = (int32_t)r;
    for (int64_t c = 0; c < native_contacts->n; c++) {
        of_native[native_contacts->contact[c].kind]++;
        of_native[BY_ALL]++;
    }
    for (int64_t c = 0; c < model_contacts->n; c++) {
        rt_contact contact = model_contacts->contact[c];
        contact.i = back[contact.i];
        contact.j = back[contact.j];
        if (contact.i < 0 || contact.j < 0) continue;
        if (contact.i > contact.j) {   /* chains in another order */
            rt_contact swap = contact;
            contact.i = swap.j;
            contact.j = swap.i;
            contact.edge_i = swap.edge_j;
            contact.edge_j = swap.edge_i;
        }
        of_model[contact.kind]++;
        of_model[BY_ALL]++;
        if (!has_contact(native_contacts, &contact)) continue;
        both[contact.kind]++;
        both[BY_ALL]++;
    }
    out->all = fidelity(both[BY_ALL], of_native[BY_ALL], of_model[BY_ALL]);
    out->wc = fidelity(both[BY_CANONICAL], of_native[BY_CANONICAL], of_model[BY_CANONICAL]);
    out->nwc = fidelity(both[BY_OTHER], of_native[BY_OTHER], of_model[BY_OTHER]);
    out->stack = fidelity(both[BY_STACK], of_native[BY_STACK], of_model[BY_STACK]);
done:
    free(back);
    return status;
}
