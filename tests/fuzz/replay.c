/* replay.c - runs a fuzz entry point over files: a fuzzer without libFuzzer, for any compiler and for Valgrind
 *     cc -Isrc tests/fuzz/replay.c src/io/csv_fuzz.c build/librnatune.a -ljansson -lm -o replay && ./replay FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file || fseek(file, 0, SEEK_END) != 0) {
            perror(argv[i]);
            return 1;
        }
        long size = ftell(file);
        uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1);   /* exact, so that a read beyond the end is seen */
        rewind(file);
        if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) return 1;
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, (size_t)size);
        free(bytes);
    }
    return 0;
}
