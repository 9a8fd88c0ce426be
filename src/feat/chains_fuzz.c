/* chains_fuzz.c - all_sequences and stoichiometry of any bytes: first line the sequence, second the stoichiometry */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "feat/chains.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = rt_copy_text((const char *)data, (int64_t)size, NULL), *line[3] = {text, NULL, NULL}, *at = text;
    for (int i = 1; i < 3; i++) {
        at += strcspn(at, "\n");
        if (!*at) break;
        *at++ = 0;
        line[i] = at;
    }
    rt_input input;
    if (rt_input_set_sequence(&input, "t", line[0], NULL) == RT_OK) {
        if (line[1]) input.stoichiometry = rt_copy_text(line[1], -1, NULL);
        if (line[2]) input.all_sequences = rt_copy_text(line[2], -1, NULL);
        rt_chains_find(&input, NULL);
        int64_t sum = 0;
        for (int64_t c = 0; c < input.n_chain; c++) sum += input.chain[c].length;
        if (sum != input.length) abort();
        rt_input_free_members(&input);
    }
    free(text);
    return 0;
}
