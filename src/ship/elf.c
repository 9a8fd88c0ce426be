#define _GNU_SOURCE
#include "ship/elf.h"

#include <ctype.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

typedef struct {
    const uint8_t *data;
    int64_t size;
    const char *file;
    const Elf64_Phdr *header;    /* copied to where it is aligned */
    int n_header;
    int64_t strings, strings_end;   /* the dynamic string table, as offsets in the file */
} image;

static rt_status damaged(const image *e, const char *what, rt_err *err)
{
    return rt_fail(err, RT_ERR_FORMAT, e->file, 0, "a damaged ELF file: %s", what);
}

static bool has(const image *e, int64_t offset, int64_t size)
{
    return offset >= 0 && size >= 0 && offset <= e->size && size <= e->size - offset;
}

/* Where an address of the loaded file stands in it; -1: nowhere. */
static int64_t offset_of(const image *e, uint64_t address)
{
    for (int i = 0; i < e->n_header; i++) {
        Elf64_Phdr h;
        memcpy(&h, &e->header[i], sizeof h);
        if (h.p_type != PT_LOAD || address < h.p_vaddr || address - h.p_vaddr >= h.p_filesz) continue;
        uint64_t offset = h.p_offset + (address - h.p_vaddr);
        return offset < (uint64_t)e->size ? (int64_t)offset : -1;
    }
    return -1;
}

/* A text of the dynamic string table; "" when it is not within it. */
static void copy_string(char *out, int64_t size, const image *e, uint64_t at)
{
    out[0] = 0;
    if (at >= (uint64_t)(e->strings_end - e->strings)) return;
    const char *text = (const char *)e->data + e->strings + at;
    int64_t room = e->strings_end - e->strings - (int64_t)at, length = (int64_t)strnlen(text, (size_t)room);
    snprintf(out, (size_t)size, "%.*s", (int)(length < size ? length : size - 1), text);
}

int64_t rt_elf_glibc_number(const char *version)
{
    int major, minor, end = 0;
    if (strncmp(version, "GLIBC_", 6) == 0) version += 6;
    if (sscanf(version, "%d.%d%n", &major, &minor, &end) != 2 || major < 0 || major > 99 || minor < 0 || minor > 999)
        return INT64_MAX;
    for (const char *rest = version + end; *rest; rest++)
        if (*rest != '.' && !isdigit((unsigned char)*rest)) return INT64_MAX;
    return major * 1000 + minor;
}

bool rt_elf_is_system(const char *library)
{
    static const char *const NAMES[] = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1",
                                        "libresolv.so.2", "libmvec.so.1", "ld-linux-x86-64.so.2", "linux-vdso.so.1"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(library, NAMES[i]) == 0) return true;
    return false;
}

static void note_version(rt_elf *out, const char *version)
{
    if (strncmp(version, "GLIBC_", 6) != 0) return;
    int64_t number = rt_elf_glibc_number(version);
    if (out->newest[0] && number <= out->newest_number) return;
    out->newest_number = number;
    snprintf(out->newest, sizeof out->newest, "%s", version);
}

/* DT_VERNEED: which versions of its libraries' symbols the file wants. */
static rt_status read_versions(rt_elf *out, const image *e, int64_t at, uint64_t count, rt_err *err)
{
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Verneed need;
        if (!has(e, at, sizeof need)) return damaged(e, "its list of versions ends outside of it", err);
        memcpy(&need, e->data + at, sizeof need);
        int64_t aux_at = at + need.vn_aux;
        for (int k = 0; k < need.vn_cnt; k++) {
            Elf64_Vernaux aux;
            char version[64];
            if (!has(e, aux_at, sizeof aux)) return damaged(e, "its list of versions ends outside of it", err);
            memcpy(&aux, e->data + aux_at, sizeof aux);
            copy_string(version, sizeof version, e, aux.vna_name);
            note_version(out, version);
            if (!aux.vna_next) break;
            aux_at += aux.vna_next;
        }
        if (!need.vn_next) break;
        at += need.vn_next;
    }
    return RT_OK;
}

static rt_status read_dynamic(rt_elf *out, image *e, int64_t at, int64_t size, rt_err *err)
{
    int64_t versions = -1;
    uint64_t n_version = 0, n = (uint64_t)size / sizeof(Elf64_Dyn), strings_size = 0;
    Elf64_Dyn d;
    for (uint64_t i = 0; i < n; i++) {
        memcpy(&d, e->data + at + (int64_t)(i * sizeof d), sizeof d);
        if (d.d_tag == DT_NULL) break;
        if (d.d_tag == DT_STRTAB) e->strings = offset_of(e, d.d_un.d_ptr);
        if (d.d_tag == DT_STRSZ) strings_size = d.d_un.d_val;
        if (d.d_tag == DT_VERNEED) versions = offset_of(e, d.d_un.d_ptr);
        if (d.d_tag == DT_VERNEEDNUM) n_version = d.d_un.d_val;
    }
    if (e->strings < 0 || strings_size > (uint64_t)e->size || !has(e, e->strings, (int64_t)strings_size))
        return damaged(e, "its strings lie outside of it", err);
    e->strings_end = e->strings + (int64_t)strings_size;
    for (uint64_t i = 0; i < n; i++) {
        memcpy(&d, e->data + at + (int64_t)(i * sizeof d), sizeof d);
        if (d.d_tag == DT_NULL) break;
        if (d.d_tag == DT_RPATH) copy_string(out->rpath, sizeof out->rpath, e, d.d_un.d_val);
        if (d.d_tag == DT_RUNPATH) copy_string(out->runpath, sizeof out->runpath, e, d.d_un.d_val);
        if (d.d_tag != DT_NEEDED) continue;
        if (out->n_needed == RT_ELF_NEEDED) return damaged(e, "it needs more than 64 libraries", err);
        copy_string(out->needed[out->n_needed++], sizeof *out->needed, e, d.d_un.d_val);
    }
    return versions < 0 ? RT_OK : read_versions(out, e, versions, n_version, err);
}

/* gcc notes its options in the debug information, which stands behind all that is loaded; what was compiled for "native" has
 * the processor's name there. */
static void find_march(rt_elf *out, const image *e)
{
    static const char OPTION[] = "-march=";
    uint64_t loaded = 0;
    for (int i = 0; i < e->n_header; i++) {
        Elf64_Phdr h;
        memcpy(&h, &e->header[i], sizeof h);
        if (h.p_type == PT_LOAD && h.p_filesz <= (uint64_t)e->size && h.p_offset <= (uint64_t)e->size - h.p_filesz &&
            h.p_offset + h.p_filesz > loaded) loaded = h.p_offset + h.p_filesz;
    }
    const uint8_t *at = e->data + loaded, *end = e->data + e->size;
    while ((at = memmem(at, (size_t)(end - at), OPTION, sizeof OPTION - 1))) {
        int length = 0;
        at += sizeof OPTION - 1;
        while (at + length < end && length < 63 && (isalnum(at[length]) || at[length] == '-' || at[length] == '_')) length++;
        if (length == 0 || (length == 6 && memcmp(at, "x86-64", 6) == 0)) continue;
        snprintf(out->march, sizeof out->march, "%.*s", length, (const char *)at);
        return;
    }
}

rt_status rt_elf_parse(rt_elf *out_elf, const uint8_t *data, int64_t size, const char *file, rt_err *err)
{
    image e = {.data = data, .size = size, .file = file, .strings = -1};
    Elf64_Ehdr header;
    *out_elf = (rt_elf){0};
    if (size < (int64_t)sizeof header || memcmp(data, ELFMAG, SELFMAG) != 0 || data[EI_CLASS] != ELFCLASS64 ||
        data[EI_DATA] != ELFDATA2LSB)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "is no 64-bit ELF file");
    memcpy(&header, data, sizeof header);
    if (header.e_machine != EM_X86_64)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "is for another kind of processor than x86-64");
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > (uint64_t)size ||
        !has(&e, (int64_t)header.e_phoff, (int64_t)header.e_phnum * (int64_t)sizeof(Elf64_Phdr)))
        return damaged(&e, "its program headers lie outside of it", err);
    e.header = (const Elf64_Phdr *)(const void *)(data + header.e_phoff);
    e.n_header = header.e_phnum;
    for (int i = 0; i < e.n_header; i++) {
        Elf64_Phdr h;
        memcpy(&h, &e.header[i], sizeof h);
        if (h.p_type != PT_DYNAMIC) continue;
        if (h.p_offset > (uint64_t)size || h.p_filesz > (uint64_t)size || !has(&e, (int64_t)h.p_offset, (int64_t)h.p_filesz))
            return damaged(&e, "its dynamic section lies outside of it", err);
        find_march(out_elf, &e);
        return read_dynamic(out_elf, &e, (int64_t)h.p_offset, (int64_t)h.p_filesz, err);
    }
    return rt_fail(err, RT_ERR_FORMAT, file, 0, "is linked statically: it has no dynamic section");
}

rt_status rt_elf_read(rt_elf *out_elf, const char *path, rt_err *err)
{
    rt_map map;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    status = rt_elf_parse(out_elf, map.data, map.size, path, err);
    rt_map_close(&map);
    return status;
}
