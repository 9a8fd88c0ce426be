#define _GNU_SOURCE
#include "ship/bundle.h"

#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embed.h"
#include "base/file.h"
#include "base/log.h"
#include "ship/elf.h"

/* Our own licence is part of the program. */
RT_EMBED(rt_bundle_licence, "LICENSE");

/* Where distributions of Debian's kind keep the licence of a library whose name begins so. */
static const struct { const char *library, *where; } LICENCES[] = {
    {"libdnnl", "/usr/share/doc/libdnnl[0-9]*/copyright"},
    {"libjansson", "/usr/share/doc/libjansson4/copyright"},
    {"libyaml", "/usr/share/doc/libyaml-0-2/copyright"},
    {"libcrypto", "/usr/share/doc/libssl[0-9]*/copyright"},
    {"libsqlite3", "/usr/share/doc/libsqlite3-0/copyright"},
    {"libz.", "/usr/share/doc/zlib1g/copyright"},
    {"libgomp", "/usr/share/doc/libgomp1/copyright"},
    {"libgcc_s", "/usr/share/doc/libgcc-s1/copyright"},
    {"libstdc++", "/usr/share/doc/libstdc++6/copyright"},
    {"libOpenCL", "/usr/share/doc/ocl-icd-libopencl1/copyright"},
    {"libtbb", "/usr/share/doc/libtbb[0-9]*/copyright"},
};

/* ---- making ---- */

typedef struct {
    rt_manifest_list *list;
    rt_status status;
    rt_err *err;
} gathering;

static rt_status add_licence(rt_manifest_list *list, const char *library, rt_err *err)
{
    char path[256];
    snprintf(path, sizeof path, "licences/%.200s.txt", library);
    for (size_t i = 0; i < sizeof LICENCES / sizeof *LICENCES; i++) {
        glob_t found;
        rt_status status = RT_ERR_IO;
        if (strncmp(library, LICENCES[i].library, strlen(LICENCES[i].library)) != 0) continue;
        if (glob(LICENCES[i].where, 0, NULL, &found) == 0)
            status = rt_manifest_add(list, path, "licence", found.gl_pathv[0], NULL, err);
        globfree(&found);
        if (status != RT_ERR_IO) return status;
    }
    rt_warn("%s: its licence is not found on this machine; add it to the data set by hand", library);
    return RT_OK;
}

static bool is_driver(const char *name)
{
    return strncmp(name, "libcuda.so", 10) == 0 || strncmp(name, "libnvidia", 9) == 0;
}

static int gather(struct dl_phdr_info *info, size_t size, void *argument)
{
    gathering *g = argument;
    char path[256], real[PATH_MAX];
    const char *name = rt_path_name(info->dlpi_name);
    (void)size;
    if (!name[0] || rt_elf_is_system(name) || is_driver(name) || !realpath(info->dlpi_name, real)) return 0;
    snprintf(path, sizeof path, "lib/%.200s", name);
    g->status = rt_manifest_add(g->list, path, "library", real, NULL, g->err);
    if (g->status == RT_OK) g->status = add_licence(g->list, name, g->err);
    return g->status != RT_OK;
}

/* The licences above refer to it. */
static rt_status add_gpl(rt_manifest_list *list, rt_err *err)
{
    static const char GPL[] = "/usr/share/common-licenses/GPL-3";
    if (!rt_file_exists(GPL)) {
        rt_warn("%s is not there: the text of the GPL, which the compiler's libraries are under, is not in the package", GPL);
        return RT_OK;
    }
    return rt_manifest_add(list, "licences/GPL-3.txt", "licence", GPL, NULL, err);
}

/* The same questions that rt_bundle_mistakes asks, before gigabytes are copied. */
static rt_status check_list(const rt_manifest_list *list, const char *glibc, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *files = json_array(), *mistakes = NULL;
    for (int64_t i = 0; i < list->n; i++)
        if (strcmp(list->entry[i].role, "program") == 0 || strcmp(list->entry[i].role, "library") == 0)
            json_array_append_new(files, json_pack("{s:s, s:s, s:s}", "file", list->entry[i].source, "path", list->entry[i].path,
                                                   "role", list->entry[i].role));
    mistakes = rt_bundle_mistakes(files, "", glibc);
    if (json_array_size(mistakes)) {
        rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "this build would not run on Kaggle: %s",
                json_string_value(json_array_get(mistakes, 0)));
        rt_hint(err, "build on Debian 12 with libstdc++-12-pic, or on Ubuntu 22.04, without -march (docs/ship.md)");
        status = err ? err->code : RT_ERR_UNSUPPORTED;
    }
    json_decref(files);
    json_decref(mistakes);
    return status;
}

rt_status rt_bundle_add(rt_manifest_list *list, const char *glibc, rt_err *err)
{
    rt_status status = RT_OK;
    char real[PATH_MAX];
    gathering g = {.list = list, .err = err};
    if (!realpath("/proc/self/exe", real)) return rt_fail(err, RT_ERR_IO, "/proc/self/exe", 0, "cannot be followed");
    RT_TRY(rt_manifest_add(list, "rnatune", "program", real, NULL, err));
    RT_TRY(rt_manifest_add(list, "licences/rnatune.txt", "licence", NULL, rt_bundle_licence, err));
    dl_iterate_phdr(gather, &g);
    RT_TRY(g.status);
    RT_TRY(add_gpl(list, err));
    RT_TRY(check_list(list, glibc, err));
done:
    return status;
}

/* ---- checking ---- */

static const char *text_of(const json_t *file, const char *key)
{
    const char *text = json_string_value(json_object_get(file, key));
    return text ? text : "";
}

static bool is_carried(const json_t *files, const char *library)
{
    char path[256];
    const json_t *file;
    size_t i;
    snprintf(path, sizeof path, "lib/%.200s", library);
    json_array_foreach((json_t *)(uintptr_t)files, i, file)
        if (strcmp(text_of(file, "path"), path) == 0) return true;
    return false;
}

static void check_elf(json_t *mistakes, const json_t *files, const json_t *file, const char *folder, const char *glibc)
{
    char path[4800];
    const char *name = text_of(file, "path");
    bool program = strcmp(text_of(file, "role"), "program") == 0;
    rt_elf elf;
    rt_err err;
    rt_path_join(path, sizeof path, folder, text_of(file, "file"));
    if (!rt_file_exists(path)) return;   /* said by the manifest's check */
    if (rt_elf_read(&elf, path, &err) != RT_OK) {
        json_array_append_new(mistakes, json_sprintf("%s: %s", name, err.what));
        return;
    }
    if (elf.newest[0] && elf.newest_number > rt_elf_glibc_number(glibc))
        json_array_append_new(mistakes, json_sprintf("%s wants %s, newer than GLIBC_%s", name, elf.newest, glibc));
    for (int i = 0; i < elf.n_needed; i++)
        if (!rt_elf_is_system(elf.needed[i]) && !is_carried(files, elf.needed[i]))
            json_array_append_new(mistakes, json_sprintf("%s needs %s, which is not in the package", name, elf.needed[i]));
    if (elf.march[0])
        json_array_append_new(mistakes, json_sprintf("%s was compiled for one kind of processor (%s)", name, elf.march));
    if (program && strcmp(elf.rpath, "$ORIGIN/lib") != 0)
        json_array_append_new(mistakes, json_sprintf("%s looks for its libraries in '%s', not in $ORIGIN/lib (DT_RPATH)", name,
                                                     elf.rpath[0] ? elf.rpath : elf.runpath));
}

json_t *rt_bundle_mistakes(const json_t *files, const char *folder, const char *glibc)
{
    json_t *mistakes = json_array();
    const json_t *file;
    size_t i;
    int programs = 0;
    json_array_foreach((json_t *)(uintptr_t)files, i, file) {
        const char *role = text_of(file, "role");
        programs += strcmp(role, "program") == 0;
        if (strcmp(role, "program") == 0 || strcmp(role, "library") == 0) check_elf(mistakes, files, file, folder, glibc);
    }
    if (programs != 1) json_array_append_new(mistakes, json_sprintf("%d programs, one was expected", programs));
    return mistakes;
}
