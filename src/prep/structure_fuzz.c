/* structure_fuzz.c - any bytes as a structure file: its chains, residues' places, base pairs and surroundings: an error or
 * contacts, never a crash.  Built by `make fuzz`. */
#include "io/fuzz_files.h"

#include "base/log.h"
#include "prep/pairs_3d.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_pairs_3d found;
    rt_text text = {0};
    rt_err err;
    rt_log_set_level(RT_LOG_QUIET);
    fuzz_write("entry.cif", data, size);
    if (rt_pairs_3d_read(&found, fuzz_path("entry.cif"), &err) != RT_OK) return 0;
    rt_pairs_3d_print(&text, &found);
    rt_text_free(&text);
    rt_pairs_3d_free_members(&found);
    return 0;
}
