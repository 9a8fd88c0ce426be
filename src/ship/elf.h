/* elf.h - what a program or a shared library needs of the machine that it will run on
 * Room: ship.  Uses: base/file.
 * Reference: Tool Interface Standard ELF 1.2; Linux Standard Base 5.0, symbol versioning (DT_VERNEED).
 *
 * Only what the loader itself reads is read: the dynamic section, found by the program headers.
 */
#ifndef RT_SHIP_ELF_H
#define RT_SHIP_ELF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { RT_ELF_NEEDED = 64 };

typedef struct {
    char needed[RT_ELF_NEEDED][64];  /* DT_NEEDED: names of libraries */
    int n_needed;
    char rpath[512];                 /* DT_RPATH, which the needed libraries' own needs are looked up in, too; "" */
    char runpath[512];               /* DT_RUNPATH, which holds for this file alone; "" */
    char newest[64];                 /* the newest version of glibc that a symbol wants, "GLIBC_2.34"; "" for none */
    int64_t newest_number;           /* 2034; INT64_MAX for what is no plain version, as GLIBC_ABI_DT_RELR */
    char march[64];                  /* the processor that a part was compiled for, if it is not the generic x86-64, as the
                                        debug information tells; "" */
} rt_elf;

/* Errors: RT_ERR_FORMAT for anything but a dynamically linked ELF file of this kind of processor, or a damaged one. */
rt_status rt_elf_parse(rt_elf *out_elf, const uint8_t *data, int64_t size, const char *file, rt_err *err);
/* The same from a file.  Errors: RT_ERR_IO, too. */
rt_status rt_elf_read(rt_elf *out_elf, const char *path, rt_err *err);

/* "GLIBC_2.34" or "2.34" -> 2034; INT64_MAX for others. */
int64_t rt_elf_glibc_number(const char *version);

/* Libraries that are part of glibc, and so of every system: libc.so.6, libm.so.6, ld-linux-x86-64.so.2 ... */
bool rt_elf_is_system(const char *library);

#endif
