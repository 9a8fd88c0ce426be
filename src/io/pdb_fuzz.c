/* pdb_fuzz.c - any bytes as a PDB file: an error or chains, never a crash.  Built by `make fuzz`. */
#include <stddef.h>
#include <stdint.h>

#include "io/pdb.h"
#include "io/polymer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_structure structure;
    rt_polymer polymer;
    rt_err err;
    if (rt_pdb_read(&structure, (const char *)data, (int64_t)size, "fuzz", &err) != RT_OK) return 0;
    for (int32_t model = 0; model < structure.n_model; model++)
        if (rt_polymer_build(&polymer, &structure, model, &err) == RT_OK) rt_polymer_free_members(&polymer);
    rt_structure_free_members(&structure);
    return 0;
}
