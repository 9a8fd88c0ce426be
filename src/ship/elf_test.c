/* elf_test.c - libraries made for the purpose, and this program itself */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>

#include "io/test_files.h"
#include "ship/elf.h"

/* Links a library from a line of C, in the temporary folder. */
static rt_elf build(const char *name, const char *code, const char *options)
{
    char command[1200];
    rt_err err;
    rt_elf elf;
    test_file("code.c", code);
    snprintf(command, sizeof command, "cd %s && gcc -w -shared -fPIC %s -o %s code.c -lc 2>&1", test_folder, options, name);
    assert_int_equal(system(command), 0);
    if (rt_elf_read(&elf, test_path(name), &err) != RT_OK) fail_msg("%s", err.what);
    return elf;
}

static bool needs(const rt_elf *elf, const char *library)
{
    for (int i = 0; i < elf->n_needed; i++)
        if (strcmp(elf->needed[i], library) == 0) return true;
    return false;
}

static void versions(void **state)
{
    (void)state;
    /* a version that only glibc 2.36 has, and one that only 2.34 has */
    rt_elf elf = build("new.so", "unsigned arc4random(void); unsigned f(void) { return arc4random(); }", "-O0");
    assert_string_equal(elf.newest, "GLIBC_2.36");
    assert_int_equal(elf.newest_number, 2036);
    assert_true(needs(&elf, "libc.so.6"));
    elf = build("old.so", "int puts(const char *); int f(void) { return puts(\"\"); }", "-O0 -nostartfiles");
    assert_string_equal(elf.newest, "GLIBC_2.2.5");
    assert_int_equal(rt_elf_glibc_number("GLIBC_2.2.5"), 2002);
    assert_int_equal(rt_elf_glibc_number("2.35"), 2035);
    assert_int_equal(rt_elf_glibc_number("GLIBC_ABI_DT_RELR"), INT64_MAX);
    assert_int_equal(rt_elf_glibc_number("GLIBC_PRIVATE"), INT64_MAX);
    assert_true(rt_elf_glibc_number("GLIBC_2.9") < rt_elf_glibc_number("GLIBC_2.10"));
}

static void paths(void **state)
{
    (void)state;
    const char *code = "int f(void) { return 0; }";
    rt_elf elf = build("rpath.so", code, "-Wl,-rpath,'$ORIGIN/lib' -Wl,--disable-new-dtags");
    assert_string_equal(elf.rpath, "$ORIGIN/lib");
    assert_string_equal(elf.runpath, "");
    elf = build("runpath.so", code, "-Wl,-rpath,'$ORIGIN/lib' -Wl,--enable-new-dtags");
    assert_string_equal(elf.rpath, "");
    assert_string_equal(elf.runpath, "$ORIGIN/lib");
    assert_true(rt_elf_is_system("libm.so.6"));
    assert_false(rt_elf_is_system("libstdc++.so.6"));
    assert_false(rt_elf_is_system("libgomp.so.1"));
}

static void processors(void **state)
{
    (void)state;
    const char *code = "int f(int x) { return x + 1; }";
    assert_string_equal(build("generic.so", code, "-g -O2").march, "");
    assert_string_equal(build("haswell.so", code, "-g -O2 -march=haswell").march, "haswell");
    assert_string_not_equal(build("native.so", code, "-g -O2 -march=native").march, "");
}

/* This program was compiled with the Makefile's options. */
static void ourselves(void **state)
{
    (void)state;
    rt_err err;
    rt_elf elf;
    assert_int_equal(rt_elf_read(&elf, "/proc/self/exe", &err), RT_OK);
    assert_string_equal(elf.march, "");
    assert_true(needs(&elf, "libjansson.so.4"));
}

static void others(void **state)
{
    (void)state;
    rt_err err;
    rt_elf elf;
    assert_int_equal(rt_elf_read(&elf, test_file("text", "text"), &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "is no 64-bit ELF file");
    assert_int_equal(rt_elf_read(&elf, test_file("empty", ""), &err), RT_ERR_FORMAT);
    assert_int_equal(rt_elf_read(&elf, "nowhere", &err), RT_ERR_IO);
    /* cut anywhere, or with any byte changed: never more than an error */
    build("cut.so", "unsigned arc4random(void); unsigned f(void) { return arc4random(); }", "-O0");
    rt_map map;
    assert_int_equal(rt_map_open(&map, test_path("cut.so"), &err), RT_OK);
    uint8_t *copy = malloc((size_t)map.size);
    for (int64_t size = 0; size < map.size; size += 61) {
        memcpy(copy, map.data, (size_t)size);
        rt_elf_parse(&elf, copy, size, "cut.so", &err);
    }
    for (int64_t at = 0; at < map.size; at += 1) {
        memcpy(copy, map.data, (size_t)map.size);
        copy[at] = 255;
        rt_elf_parse(&elf, copy, map.size, "cut.so", &err);
    }
    free(copy);
    rt_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(versions), cmocka_unit_test(paths), cmocka_unit_test(processors),
                                       cmocka_unit_test(ourselves), cmocka_unit_test(others)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
