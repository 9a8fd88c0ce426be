/* fatbinary.c - puts machine code and PTX of several architectures into one image, with NVIDIA's libnvfatbin.
 *
 *   fatbinary --create IMAGE --image=profile=ARCH,file=FILE ...      ARCH: sm_89 (machine code), compute_80 (PTX)
 *
 * clang calls a program of this name when it compiles a .cu file; the CUDA packages that pip fetches have the library, but not
 * the program (tools/cuda12.sh).  Other arguments are the defaults of both (--cuda, -64) and are not looked at.
 */
#include <nvFatbin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(nvFatbinResult result, const char *what)
{
    if (result == NVFATBIN_SUCCESS) return;
    fprintf(stderr, "fatbinary: %s: %s\n", what, nvFatbinGetErrorString(result));
    exit(1);
}

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "fatbinary: %s: ", what);
    perror(path);
    exit(1);
}

/* All of a file and a zero behind it, which PTX has to end with. */
static char *read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail("cannot read", path);
    long size = ftell(file);
    rewind(file);
    char *bytes = size < 0 ? NULL : malloc((size_t)size + 1);
    if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) fail("cannot read", path);
    bytes[size] = 0;
    fclose(file);
    *out_size = (size_t)size;
    return bytes;
}

static void add(nvFatbinHandle image, const char *argument)
{
    char arch[8];
    const char *profile = strstr(argument, "profile="), *file = strstr(argument, ",file="), *number;
    if (!profile || !file || !(number = strchr(profile, '_')) || sscanf(number + 1, "%7[0-9a-z]", arch) != 1) {
        fprintf(stderr, "fatbinary: %s is not --image=profile=ARCH,file=FILE\n", argument);
        exit(2);
    }
    const char *path = file + strlen(",file=");
    size_t size;
    char *bytes = read_file(path, &size);
    if (strncmp(profile, "profile=compute_", strlen("profile=compute_")) == 0)
        check(nvFatbinAddPTX(image, bytes, size + 1, arch, path, ""), path);
    else check(nvFatbinAddCubin(image, bytes, size, arch, path), path);
    free(bytes);
}

int main(int count, char **arguments)
{
    const char *to = NULL, *options[] = {"-64", "-cuda"};
    nvFatbinHandle image;
    size_t size;
    check(nvFatbinCreate(&image, options, 2), "no image");
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--create") == 0 && i + 1 < count) to = arguments[++i];
        else if (strncmp(arguments[i], "--image=", strlen("--image=")) == 0) add(image, arguments[i]);
    }
    if (!to) {
        fprintf(stderr, "fatbinary: --create IMAGE is missing\n");
        return 2;
    }
    check(nvFatbinSize(image, &size), "no image");
    char *bytes = malloc(size);
    FILE *file = fopen(to, "wb");
    if (!bytes || !file) fail("cannot write", to);
    check(nvFatbinGet(image, bytes), "no image");
    if (fwrite(bytes, 1, size, file) != size || fclose(file) != 0) fail("cannot write", to);
    check(nvFatbinDestroy(&image), "the image");
    return 0;
}
